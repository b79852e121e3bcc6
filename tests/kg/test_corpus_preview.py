"""Rows to look at: the same for the same seed, spread over the shards, readable in Chinese and without colours."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.padding import Padding

from kg.corpus_preview import PreviewFilter, preview
from kg.preview_text import class_style, legend, preview_lines
from kg.trace import trace
from pipeline.errors import MateriaError
from tests.kg.corpus_home import COPIED, METFORMIN, ROWS, passage, write_corpus_home


def texts(rows):
    return [row.passage["text"] for row in rows]


def test_the_same_seed_shows_the_same_rows_and_another_seed_others(corpus_home: Path):
    first = preview(corpus_home, 3)
    assert texts(first) == texts(preview(corpus_home, 3))
    assert any(texts(preview(corpus_home, 3, seed=seed)) != texts(first) for seed in range(1, 5))


def test_every_shard_has_a_turn_before_any_has_a_second(corpus_home: Path):
    shards = [row.target.rpartition(":")[0] for row in preview(corpus_home, 100)]
    different = len(set(shards))
    assert len(set(shards[:different])) == different > 2


def test_more_rows_begin_with_the_fewer(corpus_home: Path):
    every = [row.target for row in preview(corpus_home, 100)]
    assert [row.target for row in preview(corpus_home, 3)] == every[:3]


def test_all_rows_are_each_passage_once(corpus_home: Path):
    shown = preview(corpus_home, 100)
    assert sorted(row.passage["passage_id"] for row in shown) == sorted(row["passage_id"] for row in ROWS)
    assert sum(row.passage["passage_id"] == COPIED for row in shown) == 1


@pytest.mark.parametrize(
    ("wanted", "passages"),
    [
        (PreviewFilter(split="validation"), 1),
        (PreviewFilter(kind="verbalized"), 4),
        (PreviewFilter(language="zh"), 1),
        (PreviewFilter(form="fact", split="train"), 3),
        (PreviewFilter(predicate="biolink:treats"), 3),
        (PreviewFilter(entity=METFORMIN), 3),
        (PreviewFilter(entity=METFORMIN, language="en", kind="literature"), 1),
        (PreviewFilter(stating=True, split="train"), 5),
        (PreviewFilter(language="de"), 0),
    ],
)
def test_conditions_choose(corpus_home: Path, wanted: PreviewFilter, passages: int):
    assert len(preview(corpus_home, 100, wanted=wanted)) == passages


def test_a_shown_row_is_named_as_trace_takes_it(corpus_home: Path):
    for row in preview(corpus_home, 100, wanted=PreviewFilter(predicate="biolink:causes")):
        shard, _, place = row.target.rpartition(":")
        assert trace(corpus_home, shard, int(place)) == row.chain
        assert row.chain.passage_id == row.passage["passage_id"]


def test_one_shard_alone_by_name_or_by_path(corpus_home: Path):
    shard = preview(corpus_home, 1)[0].target.rpartition(":")[0]
    by_name = preview(corpus_home, 100, shard=shard)
    assert {row.target.rpartition(":")[0] for row in by_name} == {shard}
    (file,) = (corpus_home / shard).iterdir()
    assert texts(preview(corpus_home, 100, shard=str(file))) == texts(by_name)
    with pytest.raises(MateriaError, match="no such shard: corpus_shards/nowhere"):
        preview(corpus_home, 1, shard="corpus_shards/nowhere")


def printed(rows, *, terminal: bool, width: int = 60) -> str:
    stream = io.StringIO()
    colours = "truecolor" if terminal else "auto"
    console = Console(file=stream, force_terminal=terminal, width=width, highlight=False, color_system=colours)
    for row in rows:
        for indent, line in preview_lines(row):
            console.print(Padding(line, (0, 0, 0, indent)))
    return stream.getvalue()


def test_a_row_tells_entities_claims_belief_evidence_and_papers(corpus_home: Path):
    rows = preview(corpus_home, 1, wanted=PreviewFilter(predicate="biolink:causes", kind="verbalized"))
    lines = printed(rows, terminal=False, width=200).splitlines()
    stripped = [line.strip() for line in lines]
    assert stripped[1] == "Aspirin is said to cause asthma."
    assert "entities Aspirin MESH:D001241; asthma MESH:D001249" in stripped
    assert "states Aspirin causes asthma" in stripped
    assert "PMID:2 says: Aspirin_x causes *asthma*." in stripped
    assert "PMID:2 denies: Aspirin did not cause asthma." in stripped
    (claim,) = [line for line in stripped if line.startswith("triple ")]
    (told,) = [triple for row in rows for triple in row.chain.triples]
    assert claim.endswith(f"Aspirin causes asthma  belief {told.belief:.3f}")
    assert any(line.startswith("from PMID:2  b|c/notes.jsonl, record 0, sha256 ") for line in stripped)


def test_an_entity_has_the_colour_of_its_class_only_where_there_is_a_terminal(corpus_home: Path):
    rows = preview(corpus_home, 1, wanted=PreviewFilter(language="zh"))
    assert "\x1b[1;32m二甲双胍" in printed(rows, terminal=True)
    assert "\x1b" not in printed(rows, terminal=False)
    assert legend(rows).plain == "Disease  SmallMolecule"
    assert class_style("biolink:Disease") != class_style("biolink:SmallMolecule")
    assert class_style("biolink:NeverHeardOf") == class_style("biolink:NeverHeardOf")


def test_a_text_cannot_command_the_terminal(make_home, tmp_path: Path):
    home = write_corpus_home(tmp_path, make_home, [passage("Metformin\x1b[2J wipes\x07 the screen.")])
    shown = printed(preview(home), terminal=False, width=200)
    assert "Metformin\ufffd[2J wipes\ufffd the screen." in shown
    assert "\x1b" not in shown


def test_a_corpus_of_which_nothing_was_taken_has_no_rows(make_home, tmp_path: Path):
    assert preview(write_corpus_home(tmp_path, make_home, [])) == []


def test_ideographs_wrap_by_the_columns_they_take(corpus_home: Path):
    from rich.cells import cell_len

    rows = preview(corpus_home, 1, wanted=PreviewFilter(language="zh"))
    lines = printed(rows, terminal=False, width=16).splitlines()
    assert max(cell_len(line) for line in lines) <= 16
    assert "二甲双胍治疗2型糖尿病。" in "".join(line.strip() for line in lines)
