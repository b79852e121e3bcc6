"""Every vocabulary loader keeps the same contract, and bad input ends in one clear sentence or a record set aside."""

from __future__ import annotations

import contextlib
import gzip
import io
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.biolink import CATEGORIES
from pipeline.curies import is_curie
from pipeline.errors import MateriaError, SetAside
from pipeline.tables import VOCABULARY
from pipeline.vocabularies import LOADERS, list_vocabularies, load_vocabulary, recognise
from pipeline.vocabularies.base import MATCHES, SCOPES

OBO = r"""format-version: 1.2
default-namespace: disease_ontology

[Term]
id: DOID:14330
name: Parkinson's disease
def: "A \"movement\" disorder,\n with a tremor." [url:http\://x.org]
synonym: "paralysis agitans" EXACT [MSH:D010300]
synonym: "shaking palsy" []
synonym: "shaking palsy" NARROW []
xref: MSH:D010300 "Parkinson Disease"
xref: UMLS_CUI:C0030567
xref: SNOMEDCT_US_2015_03_01:49049000
alt_id: DOID:9999
is_a: DOID:331 {source="x"} ! central nervous system disease
is_a: DOID:14330 ! itself
xref: ICD 10:G20

[Term]
id: DOID:331
name: central nervous system disease

[Term]
id: DOID:1
is_a: DOID:331

[Term]
id: DOID:2
name: old
is_obsolete: true

[Term]
id: DRUG:1
name: levodopa
property_value: biolink:category biolink:SmallMolecule

[Typedef]
id: part_of
name: part of
"""
TSV = "curie\tname\tsynonyms\tcategory\tparents\nHGNC:1\tA1BG\tA1B|ABG\t\t\nX:2\tthing\t\tDisease\tHGNC:1|X:2\n"
TWO_COLUMNS = "D007660\tKetoprofen\nD018582\tSick Leave\nDOID:1\tcold\n"
MEDIC = (
    "D010300|168600||Parkinson Disease|Paralysis Agitans\n613097||TOOTH AGENESIS\n"
    "270400|D019082||Smith-Lemli-Opitz Syndrome\n"
)
TREE = (
    "mesh_id\tmesh_name\tmesh_tree_number\nD000002\tTemefos\tD02.705.400\nD009943\tOrganophosphorus Compounds\tD02.705\n"
    "D006261\tHeadache\tC10.597.617.470\nD006261\tHeadache\tC23.888.592.612.441\n"
)
SAMPLES = {"obo.v2": OBO, "tsv.v1": TSV, "medic.v1": MEDIC, "mesh_tree.v1": TREE}
# Samples of more than a few lines are files, named by their loader.
SAMPLES |= {path.name: path.read_text("utf-8") for path in (Path(__file__).parent / "vocabulary_samples").iterdir()}

#: A line for each format that names the same concept.
SHARED = {
    "obo.v2": "[Term]\nid: MESH:D000001\nname: name of obo.v2\n",
    "tsv.v1": "D000001\tname of tsv.v1\n",
    "medic.v1": "D000001||name of medic.v1\n",
    "mesh_tree.v1": "D000001\tname of mesh_tree.v1\tD01.001\n",
}


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load(*paths: Path, **options: Any) -> tuple[dict[str, dict[str, object]], list[SetAside]]:
    aside: list[SetAside] = []
    table = load_vocabulary([str(path) for path in paths], aside.append, **options)
    table.validate(full=True)
    assert table.schema.equals(VOCABULARY, check_metadata=True)
    return {row["curie"]: row for row in table.to_pylist()}, aside


def test_the_contract_test_covers_every_loader() -> None:
    assert set(SAMPLES) == set(LOADERS)


@pytest.mark.parametrize("name", LOADERS)
def test_contract(name: str, tmp_path: Path) -> None:
    """A loader knows its own files and only them, names its version, and yields concepts in the agreed form."""
    loader, content = LOADERS[name], SAMPLES[name].encode()
    assert loader.name == name
    assert name.rpartition(".v")[2].isdigit()
    assert [other for other, sample in SAMPLES.items() if recognise(sample.encode(), "file") is loader] == [name]
    assert not loader.recognises(b"", "file")
    assert not loader.recognises(b"\x00\xffjunk\x01" * 100, "file")
    aside: list[SetAside] = []
    concepts = list(loader.load(io.BytesIO(content), "file", aside.append))
    assert len(concepts) >= 2
    for concept in concepts:
        assert is_curie(concept.curie)
        assert concept.name == concept.name.strip()
        assert concept.curie not in concept.parents
        assert all(is_curie(curie) for curie in concept.parents + concept.xrefs)
        assert all(is_curie(curie) and kind in MATCHES for curie, kind in concept.matches)
        assert all(
            len(language) == 2 and text and scope in ("label", *SCOPES)
            for language, text, scope in concept.translations
        )
        assert all(scope in SCOPES for _, scope in concept.synonyms)
        assert concept.category is None or concept.category in CATEGORIES
    for record in aside:
        assert record.file == "file"
        assert record.record
        assert record.detail.endswith(".")
    # Compressed or not, with a byte order mark or Windows line ends: the same concepts.
    plain = load(write(tmp_path, "a", content))[0]
    assert load(write(tmp_path, "a", gzip.compress(content, mtime=0)))[0] == plain
    assert load(write(tmp_path, "a", b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")))[0] == plain


@pytest.mark.parametrize("name", LOADERS)
def test_a_line_that_is_not_utf8_is_set_aside_and_the_rest_goes_on(name: str, tmp_path: Path) -> None:
    whole = load(write(tmp_path, "a", SAMPLES[name]))[0]
    rows, aside = load(write(tmp_path, "a", SAMPLES[name].encode() + b"D000001\tM\xe9ni\xe8re\n"))
    assert rows.keys() <= whole.keys()
    # What stood before the line is whole; RDF cannot tell that of the concept just before it.
    assert name == "rdf.v2" or rows == whole
    assert {"not-utf-8", "malformed-xml", "malformed-json", "malformed-rdf"} & {record.reason for record in aside}


@pytest.mark.parametrize("name", LOADERS)
def test_a_truncated_gzip_names_the_file_and_the_remedy(name: str, tmp_path: Path) -> None:
    one_document = name in ("mesh_xml.v1", "kgx_json.v1", "obographs.v1", "rdf.v2")
    packed = gzip.compress(SAMPLES[name].encode() * (1 if one_document else 500), mtime=0)
    path = write(tmp_path, "cut.gz", packed[: len(packed) // 2])
    with pytest.raises(MateriaError, match=r"^cut\.gz: .*gzip.*Get the file again from its source\.$"):
        load(path)


@pytest.mark.parametrize("name", LOADERS)
def test_the_same_identifier_twice_in_a_file_is_one_concept(name: str, tmp_path: Path) -> None:
    once = load(write(tmp_path, "a", SAMPLES[name]))[0]
    twice = load(write(tmp_path, "a", SAMPLES[name] + "\n" + SAMPLES[name]))[0]
    assert twice.keys() == once.keys()
    assert {curie: row["name"] for curie, row in twice.items()} == {curie: row["name"] for curie, row in once.items()}


def test_obo_keeps_names_xrefs_and_parents(tmp_path: Path) -> None:
    rows, aside = load(write(tmp_path, "d.obo", OBO))
    disease = rows["DOID:14330"]
    assert disease["definition"] == 'A "movement" disorder, with a tremor.'
    assert disease["synonyms"] == [
        {"name": "paralysis agitans", "scope": "exact"},
        {"name": "shaking palsy", "scope": "narrow"},
    ]
    assert disease["xrefs"] == ["DOID:9999", "MESH:D010300", "SNOMEDCT:49049000", "UMLS:C0030567"]
    assert disease["parents"] == ["DOID:331"]
    assert disease["category"] == "biolink:Disease"
    assert rows["DRUG:1"]["category"] == "biolink:SmallMolecule"
    assert sorted(rows) == ["DOID:14330", "DOID:331", "DRUG:1"]
    assert Counter(record.reason for record in aside) == {"no-name": 1, "obsolete": 1, "bad-xref": 1, "self-parent": 1}
    assert next(record.record for record in aside if record.reason == "no-name").startswith("DOID:1, line ")


def test_an_exclamation_mark_or_brace_in_a_name_is_no_comment(tmp_path: Path) -> None:
    content = "[Term]\nid: X:1\nname: a{b}c!d ! comment\n"
    assert load(write(tmp_path, "x.obo", content))[0]["X:1"]["name"] == "a{b}c!d"


def test_a_parent_with_modifiers_that_hold_any_sign(tmp_path: Path) -> None:
    content = '[Term]\nid: X:1\nname: a {x="1"} ! c\nis_a: X:2 {source="a ! {b"} ! two ! three\n'
    row = load(write(tmp_path, "x.obo", content))[0]["X:1"]
    assert (row["name"], row["parents"]) == ("a", ["X:2"])


@pytest.mark.parametrize("filler", [b" ", b"1", b"|", b"\\", b'"', b"{", b"!", b"\t", b":", b"[", b"D000001|"])
def test_a_hostile_line_takes_linear_time(filler: bytes, tmp_path: Path) -> None:
    """Guards against regular expressions that take quadratic time on long runs of one sign."""
    run = filler * 200_000
    clauses = [
        b"name: a%sb ! c" % run,
        b"is_a: %sb {" % run,
        b'synonym: "%s' % run,
        b"xref: %s x" % run,
        b"id: %s" % run,
    ]
    files = [b"[Term]\nid: X:1\nname: n\n" + b"\n".join(clauses), b"D000001||a\n" + run + b"||x", run, b"D1\tb\n" + run]
    start = time.process_time()
    for number, content in enumerate(files):
        path = write(tmp_path, f"hostile{number}", content)
        with contextlib.suppress(MateriaError):
            load(path)
    assert time.process_time() - start < 5


def test_tsv_columns(tmp_path: Path) -> None:
    rows, aside = load(write(tmp_path, "t.tsv", TSV))
    assert rows["HGNC:1"]["category"] == "biolink:Gene"
    assert [one["name"] for one in rows["HGNC:1"]["synonyms"]] == ["A1B", "ABG"]
    assert rows["X:2"]["category"] == "biolink:Disease"
    assert rows["X:2"]["parents"] == ["HGNC:1"]
    assert [record.reason for record in aside] == ["self-parent"]


def test_two_columns_need_no_header_and_bare_mesh_ids_get_their_prefix(tmp_path: Path) -> None:
    rows, _ = load(write(tmp_path, "names.tsv", TWO_COLUMNS))
    assert {curie: row["category"] for curie, row in rows.items()} == {
        "DOID:1": "biolink:Disease",
        "MESH:D007660": "biolink:ChemicalEntity",
        "MESH:D018582": "biolink:InformationContentEntity",
    }


def test_medic_prefers_mesh_so_that_it_joins_mesh_names(tmp_path: Path) -> None:
    medic = write(tmp_path, "medic.txt", MEDIC)
    names = write(tmp_path, "names.tsv", "D019082\tSmith-Lemli-Opitz Syndrome\nD010300\tParkinson's\n")
    rows, _ = load(medic, names)
    assert sorted(rows) == ["MESH:D010300", "MESH:D019082", "OMIM:613097"]
    assert rows["MESH:D019082"]["xrefs"] == ["OMIM:270400"]
    assert rows["MESH:D010300"]["name"] == "Parkinson Disease"
    assert [one["name"] for one in rows["MESH:D010300"]["synonyms"]] == ["Paralysis Agitans", "Parkinson's"]
    assert rows["MESH:D010300"]["sources"] == ["medic.txt", "names.tsv"]
    assert rows["MESH:D010300"]["category"] == "biolink:Disease"
    assert load(names, medic)[0]["MESH:D010300"]["name"] == "Parkinson's"


def test_a_tree_number_goes_before_the_name(tmp_path: Path) -> None:
    tree = write(tmp_path, "tree.tsv", TREE)
    names = write(tmp_path, "names.tsv", "D000002\tTemefos Syndrome Neoplasms\n")
    rows, _ = load(names, tree)
    assert rows["MESH:D000002"]["category"] == "biolink:ChemicalEntity"
    assert rows["MESH:D000002"]["parents"] == ["MESH:D009943"]
    assert rows["MESH:D006261"]["category"] == "biolink:PhenotypicFeature"


def test_ancestor_rules_reach_below_and_survive_a_cycle(tmp_path: Path) -> None:
    content = "[Term]\nid: HP:0000005\nname: Mode of inheritance\nis_a: HP:0000007\n\n[Term]\nid: HP:0000006\nname: dominant\n"
    content += "is_a: HP:0000005\n\n[Term]\nid: HP:0000007\nname: recessive\nis_a: HP:0000006\n\n[Term]\nid: HP:9\nname: fever\n"
    rows, _ = load(write(tmp_path, "hp.obo", content))
    assert {row["category"] for curie, row in rows.items() if curie != "HP:9"} == {"biolink:InformationContentEntity"}
    assert rows["HP:9"]["category"] == "biolink:PhenotypicFeature"


def test_a_users_category_rules_go_first(tmp_path: Path) -> None:
    rules = write(tmp_path, "mine.yaml", 'rules:\n  - {ancestor: "DOID:331", category: phenotypic feature}\n')
    rows, _ = load(write(tmp_path, "d.obo", OBO), categories=str(rules))
    assert rows["DOID:14330"]["category"] == "biolink:PhenotypicFeature"


@pytest.mark.parametrize(
    "text", ["rules: [{prefix: A}]", "rules: [{prefix: A, category: Nonsense}]", "- a", "a: [", "rules: [a]"]
)
def test_bad_category_rules_are_one_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(MateriaError, match=r"mine\.yaml"):
        load(write(tmp_path, "d.obo", OBO), categories=str(write(tmp_path, "mine.yaml", text)))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (bytes(range(256)) * 20, "no vocabulary format"),
        (b"\x1f\x8bnot really gzip", "gzip"),
        (OBO.encode("utf-16"), "UTF-16"),
        (b"curie\tname\n", "no usable concept"),
        (b"[Term]\nid: X:1\n", r"no usable concept \(set aside: 1 no-name\)"),
        (b"<html><body>404</body></html>", "no vocabulary format"),
        (b"a sentence.\n" * 100, "no vocabulary format"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(content: bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(MateriaError, match=rf"^bad: .*{problem}.*\. [A-Z].*\.$"):
        load(write(tmp_path, "bad", content))


def test_a_missing_file_and_an_unknown_protocol(tmp_path: Path) -> None:
    with pytest.raises(MateriaError, match="does not exist"):
        load(tmp_path / "nowhere.obo")
    with pytest.raises(MateriaError, match="cannot be reached"):
        load_vocabulary(["noprotocol://host/a.obo"], lambda record: None)
    with pytest.raises(MateriaError, match="at least one"):
        load_vocabulary([], lambda record: None)


def test_a_folder_stands_for_its_files_sorted(tmp_path: Path) -> None:
    write(tmp_path, "b.obo", OBO)
    write(tmp_path, "a.tsv", TSV)
    write(tmp_path, ".hidden", "junk")
    assert [path.name for path in list_vocabularies([str(tmp_path)])] == ["a.tsv", "b.obo"]
    assert {"HGNC:1", "DOID:331"} <= load(tmp_path)[0].keys()


def test_an_fsspec_url_works() -> None:
    import fsspec

    with fsspec.open("memory://vocabularies/names.tsv", "wb") as stream:
        stream.write(TWO_COLUMNS.encode())
    assert load_vocabulary(["memory://vocabularies/names.tsv"], lambda record: None).num_rows == 3


@given(st.permutations(sorted(SHARED)))
@settings(max_examples=24, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_files_decides_the_preferred_name_and_loses_none(tmp_path: Path, order: list[str]) -> None:
    paths = {name: write(tmp_path, name, SAMPLES[name] + f"\n{extra}") for name, extra in SHARED.items()}
    row = load(*(paths[name] for name in order))[0]["MESH:D000001"]
    assert row["name"] == f"name of {order[0]}"
    assert [one["name"] for one in row["synonyms"]] == sorted(f"name of {name}" for name in order[1:])
    assert row["sources"] == order


def test_every_row_is_sorted_and_without_repetition(tmp_path: Path) -> None:
    table = load_vocabulary([write(tmp_path, n, c) for n, c in SAMPLES.items() if n in SHARED], lambda record: None)
    curies = table["curie"].to_pylist()
    assert curies == sorted(set(curies))
    for row in table.to_pylist():
        names = [one["name"] for one in row["synonyms"]]
        assert names == sorted(set(names))
        assert row["name"] not in names
        assert row["parents"] == sorted(set(row["parents"]))
        assert row["xrefs"] == sorted(set(row["xrefs"]))


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "concepts", "aside"),
    [
        ("doid_2016-03-04.obo.gz", 6874, {"obsolete": 2369}),  # 9,243 terms
        ("hp_2013-11-30.obo.gz", 10223, {"obsolete": 44}),  # 10,267 terms
        ("uberon_import.obo.gz", 7576, {"no-name": 1}),  # 7,577 terms
        (
            "medic_2012-07-06.txt.gz",
            11914,
            {"no-identifier": 1},
        ),  # 11,915 lines; the root, `C||Diseases`, has no identifier
        ("mesh_names.tsv.gz", 29054, {}),
        ("mesh2015_tree_numbers.tsv.gz", 27453, {}),  # 56,341 places in the tree
    ],
)
def test_real_files_give_the_counts_of_their_readme(
    file: str, concepts: int, aside: dict[str, int], materia_data: Path
) -> None:
    rows, records = load(materia_data / "vocabulary" / file, merge_cross_references=False)
    assert len(rows) == concepts
    assert Counter(record.reason for record in records) == aside


@pytest.mark.realdata
def test_the_vocabularies_of_a_real_build_tell_kinds_apart(materia_data: Path) -> None:
    names = ("doid_2016-03-04.obo.gz", "hp_2013-11-30.obo.gz", "medic_2012-07-06.txt.gz", "mesh_names.tsv.gz")
    rows, _ = load(*(materia_data / "vocabulary" / name for name in names))
    kinds = {
        "D007660": "ChemicalEntity",  # Ketoprofen
        "D053553": "Protein",  # Keratin-6
        "D006801": "OrganismTaxon",  # Humans
        "D006333": "Disease",  # Heart Failure, from MEDIC
        "D008099": "AnatomicalEntity",  # Liver
        "D018582": "InformationContentEntity",  # Sick Leave
    }
    assert {identifier: rows[f"MESH:{identifier}"]["category"] for identifier in kinds} == {
        identifier: f"biolink:{kind}" for identifier, kind in kinds.items()
    }
    assert sum(row["category"] == "biolink:NamedThing" for row in rows.values()) == 0
