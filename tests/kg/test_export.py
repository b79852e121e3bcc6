"""What every export keeps: all evidence, the same bytes always, and whatever was there before it failed."""

import json
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kg.export.export as export_module
from cli.main import main
from kg.export import EXPORTERS, Selection
from kg.export.export import MANIFEST, export_graph, manifest_path
from pipeline.errors import MateriaError
from pipeline.storage import Dataset, file_sha256

MakeHome = Callable[..., Path]
FORMATS = sorted(EXPORTERS)
OF_CLAIMS = [name for name in FORMATS if "triples" in EXPORTERS[name].needs]
HOSTILE = 'Tab\there, "quote", line\nbreak; a|b & <b> =SUM(A1) \u2028 é 中'


@pytest.fixture(scope="module")
def home(make_home: MakeHome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve drugs and their diseases; one claim is denied, one is contested; names that break tables."""
    evidence: list[dict[str, Any]] = []
    for number in range(12):
        ends = {"subject": f"MESH:C{number}", "object": f"MESH:D{number % 5}"}
        evidence += [ends | {"doc_id": f"PMID:{number}{paper}", "sentence": HOSTILE} for paper in range(1 + number % 3)]
    evidence.append({"subject": "MESH:C0", "object": "MESH:D0", "doc_id": "PMID:77", "polarity": False})
    evidence.append({"subject": "MESH:C50", "object": "MESH:D1", "polarity": False, "predicate": "biolink:causes"})
    synonyms = [{"name": HOSTILE, "scope": "exact"}, {"name": "b;c", "scope": "exact"}]
    concepts = [
        *({"curie": f"MESH:C{n}", "name": f"Drug {n}", "category": "biolink:SmallMolecule"} for n in range(11)),
        *(
            {"curie": f"MESH:D{n}", "name": f"+{HOSTILE} {n}", "synonyms": synonyms, "xrefs": ["UMLS:C1"]}
            for n in range(5)
        ),
        {"curie": "DOID:9", "name": "=Alone", "matches": [{"curie": "MESH:D1", "predicate": "close"}]},
    ]
    merges = [
        {"curie": "DOID:1", "merged_into": "MESH:D1", "other": "MESH:D1", "why": "one-to-one-xref", "source": "a\tb"},
        {"curie": "DOID:2", "merged_into": "MESH:D1", "other": "DOID:1", "why": "alternative-id", "source": "d.obo"},
        {"curie": "DOID:3", "other": "MESH:D2", "why": "one-to-one-xref", "source": "d.obo", "refused": "ambiguous"},
    ]
    return make_home(tmp_path_factory.mktemp("home"), evidence, concepts, merges)


def contents(out: Path) -> dict[str, bytes]:
    """Every byte of an export, its manifest too."""
    files = sorted(out.iterdir()) if out.is_dir() else [out, manifest_path(out, single_file=True)]
    return {path.name: path.read_bytes() for path in files}


def test_a_formats_word_is_the_name_of_its_file_and_carries_a_version() -> None:
    for word, exporter in EXPORTERS.items():
        assert exporter.name == f"{word}.v1"
        assert type(exporter).__module__ == f"kg.export.{word}"


@pytest.mark.parametrize("format_", OF_CLAIMS)
def test_the_sum_of_evidence_is_that_of_the_graph(home: Path, tmp_path: Path, format_: str) -> None:
    manifest = export_graph(home, format_, tmp_path / "out")
    triples = Dataset(home, "triples")
    claims = [row for key in triples.manifests() for row in triples.read(key).to_pylist()]
    before = {
        "claims": len(claims),
        "evidence": sum(row["supporting_evidence"] + row["contradicting_evidence"] for row in claims),
    }
    assert before == {"claims": 13, "evidence": 26}
    assert manifest["of"] == before
    after = {name: count for name, count in manifest["counts"].items() if name in before}
    for what, count in after.items():
        assert count + sum(left[what] for left in manifest["left_out"].values()) == before[what]
    assert "evidence" in after or EXPORTERS[format_].evidence == "never"


@pytest.mark.parametrize("format_", FORMATS)
def test_the_manifest_tells_what_it_was_made_from_and_what_is_in_the_files(
    home: Path, tmp_path: Path, format_: str
) -> None:
    out = tmp_path / "out"
    manifest = export_graph(home, format_, out)
    exporter = EXPORTERS[format_]
    text = manifest_path(out, single_file=exporter.single_file).read_text()
    assert json.loads(text) == manifest
    assert str(tmp_path) not in text
    assert str(home) not in text
    assert {key.split("/")[0] for key in manifest["inputs"]} == set(exporter.needs)
    for name, entry in manifest["files"].items():
        path = out if exporter.single_file else out / name
        assert (file_sha256(path), path.stat().st_size) == (entry["sha256"], entry["bytes"])


@pytest.mark.parametrize("format_", FORMATS)
def test_equal_homes_give_equal_bytes_whatever_the_threads(home: Path, tmp_path: Path, format_: str) -> None:
    evidence = Selection(with_evidence=EXPORTERS[format_].evidence != "never")
    one, other = tmp_path / "one" / "out", tmp_path / "other" / "out"
    export_graph(home, format_, one, evidence, threads=1)
    export_graph(home, format_, other, evidence, threads=3)
    assert contents(one) == contents(other)


@pytest.mark.parametrize("format_", OF_CLAIMS)
def test_what_is_left_out_is_counted_with_its_reason(home: Path, tmp_path: Path, format_: str) -> None:
    wanted = Selection(minimum_belief=0.85, predicates=("biolink:treats",), splits=("train",))
    manifest = export_graph(home, format_, tmp_path / "out", wanted)
    assert set(manifest["left_out"]) == {"below-minimum-belief", "other-split"}, "each claim by its first reason"
    assert 0 < manifest["counts"]["claims"] == 13 - sum(left["claims"] for left in manifest["left_out"].values())


@pytest.mark.parametrize("format_", FORMATS)
def test_nothing_is_replaced_unasked(home: Path, tmp_path: Path, format_: str) -> None:
    out = tmp_path / "out"
    export_graph(home, format_, out)
    before = contents(out)
    with pytest.raises(MateriaError, match="is there already"):
        export_graph(home, format_, out)
    export_graph(home, format_, out, force=True)
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("format_", FORMATS)
def test_what_is_no_export_is_not_replaced_even_by_force(home: Path, tmp_path: Path, format_: str) -> None:
    out = tmp_path / "thesis"
    if EXPORTERS[format_].single_file:
        out.write_text("years of work")
    else:
        out.mkdir()
        (out / "chapter.tex").write_text("years of work")
    with pytest.raises(MateriaError, match="is no export of materia"):
        export_graph(home, format_, out, force=True)
    assert (out if out.is_file() else out / "chapter.tex").read_text() == "years of work"


@pytest.mark.parametrize("format_", OF_CLAIMS)
def test_a_count_that_does_not_agree_leaves_the_old_export_in_place(
    home: Path, tmp_path: Path, format_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export_graph(home, format_, out)
    before = contents(out)
    exporter = EXPORTERS[format_]
    held = type(exporter).recount
    monkeypatch.setattr(
        type(exporter),
        "recount",
        lambda self, target: held(self, target) | {"claims": held(self, target)["claims"] - 1},
    )
    with pytest.raises(MateriaError, match=r"claims where the graph has"):
        export_graph(home, format_, out, force=True)
    assert contents(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        {"out", manifest_path(out, single_file=exporter.single_file).relative_to(tmp_path).parts[0]}
    )


@pytest.mark.parametrize("format_", [name for name in FORMATS if EXPORTERS[name].single_file])
def test_a_file_named_gz_is_compressed_without_a_clock(home: Path, tmp_path: Path, format_: str) -> None:
    import gzip

    export_graph(home, format_, tmp_path / "plain")
    export_graph(home, format_, tmp_path / "packed.gz")
    packed = (tmp_path / "packed.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "plain").read_bytes()
    assert packed[3:8] == bytes(5), "no name and no time in the header"


def test_bad_words_are_answered_in_a_sentence(home: Path, tmp_path: Path) -> None:
    def problem(format_: str, out: Path = tmp_path / "out", **selection: Any) -> str:
        with pytest.raises(MateriaError) as caught:
            export_graph(home, format_, out, Selection(**selection))
        assert not (tmp_path / "out").exists()
        return str(caught.value)

    assert problem("xls").startswith("'xls' is no format of exports. Use one of nquads, turtle, kgx,")
    assert problem("kgx", predicates=("biolink:cures",)) == (
        "no claim has the predicate biolink:cures. Use of: biolink:causes, biolink:treats."
    )
    assert "has no place for evidence" in problem("pykeen", with_evidence=True)
    assert "no claims to choose from" in problem("sssom", minimum_belief=0.5)
    assert "no claim is left" in problem("kgx", minimum_belief=1.0)
    assert "is a folder" in problem("nquads", tmp_path)
    (tmp_path / "file").write_text("")
    assert "is a file" in problem("kgx", tmp_path / "file")
    assert "cannot be written to" in problem("kgx", tmp_path / "file" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_an_error(home: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(MateriaError, match="cannot be written to"):
        export_graph(home, "kgx", tmp_path / "out")


def test_a_home_that_is_not_built_or_holds_no_claims_is_an_error(make_home: MakeHome, tmp_path: Path) -> None:
    with pytest.raises(MateriaError, match=r"triples has not been built. Run: materia build --until triples"):
        export_graph(tmp_path / "none", "kgx", tmp_path / "out")
    empty = make_home(tmp_path / "empty", [], [{"curie": "MESH:D1", "name": "a"}])
    for format_ in OF_CLAIMS:
        with pytest.raises(MateriaError, match="the graph holds no claims"):
            export_graph(empty, format_, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]


def test_a_home_whose_evidence_is_newer_than_its_claims_is_an_error(make_home: MakeHome, tmp_path: Path) -> None:
    home = make_home(tmp_path / "home", [{}], [])
    newer = make_home(tmp_path / "newer", [{"doc_id": "PMID:2"}], [])
    (home / "evidence_by_bucket").rename(tmp_path / "old")
    (newer / "evidence_by_bucket").rename(home / "evidence_by_bucket")
    with pytest.raises(MateriaError, match="has changed since the graph was made from it"):
        export_graph(home, "kgx", tmp_path / "out")


def test_a_full_disk_leaves_nothing_behind(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export_module, "file_sha256", full)
    for format_ in FORMATS:
        with pytest.raises(MateriaError, match="No space left"):
            export_graph(home, format_, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_has_one_name() -> None:
    assert manifest_path(Path("a/graph.nq"), single_file=True) == Path(f"a/graph.nq.{MANIFEST}")
    assert manifest_path(Path("a"), single_file=False) == Path("a") / MANIFEST


PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")


def test_every_format_has_a_row_and_a_command_on_its_page() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(EXPORTERS)
    assert set(re.findall(r"^materia export --format (\w+)", PAGE, re.MULTILINE)) == set(EXPORTERS)


def test_the_commands_and_the_code_of_the_page_run(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind, body in re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        if kind == "python":
            if "networkx" in body:
                pytest.importorskip("networkx")
            exec(compile(body, "docs/exports.md", "exec"), {})
            continue
        for command in body.splitlines():
            assert main([*shlex.split(command)[1:], "--home", str(home)]) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert main(["export", "--format", "neo4j", "--out", "again", "--json", "--home", str(home)]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == {"not-believed": {"claims": 2, "evidence": 3}}


def test_the_command_says_what_was_written_and_what_was_left_out(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", "--format", "kgx", "--out", str(tmp_path / "kgx"), "--home", str(home)]
    assert main([*words, "--predicates", "treats"]) == 0
    told = capsys.readouterr().out
    assert "12 claims" in told
    assert "left out 1 claims with 1 pieces of evidence: other-predicate" in told
    assert main(words) == 1
    assert "is there already" in capsys.readouterr().err
    assert main([*words, "--minimum-belief", "7"]) == 1
