"""Every example of the pages on formats is run, and every format has its row there.

An example is a section of a page. A line that is a file's name in backticks and a colon writes the fenced block below it to a
file; a `python` block is run, a `pycon` block is a doctest, and each line `$ materia ...` of a `console` block is run as a
command whose output must be the lines below it. All of a section happens in one folder that was empty before.
"""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from cli.main import main
from pipeline.archives import ARCHIVES
from pipeline.graphs import GRAPHS
from pipeline.readers import READERS
from pipeline.vocabularies import LOADERS

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {name: (DOCS / name).read_text(encoding="utf-8") for name in ("literature.md", "vocabularies.md")}
#: The formats that each page must tell of.
FAMILIES = {"literature.md": (*READERS, *ARCHIVES), "vocabularies.md": (*LOADERS, *GRAPHS)}

# A heading, or a fenced block, in which a line may look like one.
_HEADING = re.compile(r"^```.*?^```$|^#{2,4} (?P<title>[^\n]+)$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"(?:^`(?P<file>[^`\n]+)`:\n+)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ materia (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def blocks(section: str) -> list[tuple[str | None, str, str]]:
    """File name, kind and body of the fenced blocks of a section that an example is made of."""
    found = [(match["file"], match["kind"], match["body"]) for match in _BLOCK.finditer(section)]
    return [block for block in found if block[0] or block[1] in ("python", "pycon", "console")]


def sections(page: str) -> list[tuple[str, str]]:
    """Heading and text of each section that holds an example."""
    headings = [match for match in _HEADING.finditer(page) if match["title"]]
    ends = [*(match.start() for match in headings[1:]), len(page)]
    found = [(match["title"], page[match.end() : end]) for match, end in zip(headings, ends, strict=True)]
    return [(title, text) for title, text in found if blocks(text)]


EXAMPLES = [(name, title, text) for name, page in PAGES.items() for title, text in sections(page)]


@pytest.mark.parametrize(("page", "text"), [e[::2] for e in EXAMPLES], ids=[f"{e[0]}: {e[1]}" for e in EXAMPLES])
def test_an_example_does_what_its_page_shows(
    page: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for file, kind, body in blocks(text):
        if file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(body, encoding="utf-8", newline="")
        elif kind == "python":
            exec(compile(body, page, "exec"), {})
        elif kind == "pycon":
            test = doctest.DocTestParser().get_doctest(body, {}, page, page, 0)
            report: list[str] = []
            assert doctest.DocTestRunner().run(test, out=report.append).failed == 0, "".join(report)
        else:
            for words, expected in _COMMAND.findall(body):
                capsys.readouterr()
                main(shlex.split(words))
                assert shown(capsys.readouterr().out) == shown(expected), words


def shown(text: str) -> list[str]:
    """The lines of an output as one sees them: without spaces at their ends and empty lines at its end."""
    return [line.rstrip() for line in text.rstrip().split("\n")]


@pytest.mark.parametrize("page", list(FAMILIES))
def test_every_format_has_a_row_and_an_example(page: str) -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", PAGES[page], re.MULTILINE)
    formats = [name.rpartition(".v")[0] for name in FAMILIES[page]]
    assert sorted(set(formats) - set(rows)) == []
    commands = "".join(body for _, text in sections(PAGES[page]) for _, kind, body in blocks(text) if kind == "console")
    assert [name for name in formats if name not in commands] == []
