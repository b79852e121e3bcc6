"""Words of papers in Markdown show as they are, whatever they hold: read back by a CommonMark parser."""

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kg.markdown import as_it_is, code, table

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")) | st.just(" "), min_size=1
)


def shown(markdown: str, kind: str = "inline") -> list[str]:
    """What a reader sees of each piece of text."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    return ["".join(c.content for c in token.children or []) for token in tokens if token.type == kind]


def squeezed(text: str) -> str:
    return " ".join(text.split())


@given(TEXT)
@example("Aspirin_x *causes* <i>asthma</i> & p&lt;0.05 [1](x)")
@example("- 5 mg")
@example("1. First")
@example("# not a heading")
@example("a\\b `c` ~~d~~ ![e](f)")
@example("http://example.org <http://example.org>")
def test_a_text_shows_as_it_is_after_other_words(text: str) -> None:
    (seen,) = shown(f"PMID:1 says: {as_it_is(text)}.")
    assert squeezed(seen) == squeezed(f"PMID:1 says: {text}.")


@given(TEXT, TEXT)
@example("a | b", "c")
@example("a \\| b", "`|`")
def test_a_cell_of_a_table_shows_as_it_is(one: str, other: str) -> None:
    cells = shown(table(("word", "n", "other"), [(as_it_is(one), 12345, as_it_is(other))], text=1))
    assert [squeezed(cell) for cell in cells] == ["word", "n", "other", squeezed(one), "12,345", squeezed(other)]


@given(TEXT.filter(lambda text: text.strip()))
@example("a`b")
@example("``")
@example("b|c/notes.jsonl")
def test_a_name_shows_as_code(name: str) -> None:
    (seen,) = shown(f"from {code(name)}, record 1")
    assert squeezed(seen) == squeezed(f"from {name}, record 1")
