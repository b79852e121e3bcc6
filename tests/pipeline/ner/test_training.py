"""A trained recogniser: a folder that spaCy opens, the same each time, exact in its offsets, judged by spans and types."""

import json
import warnings
from pathlib import Path

import pytest
import spacy

from pipeline.errors import MateriaError
from pipeline.ner.component import make_recogniser  # noqa: F401  registers the component also where the package is not installed
from pipeline.ner.evaluation import evaluate_ner, score_entities
from pipeline.ner.training import documents_of, train_ner, train_pipeline

CHEMICALS = ["aspirin", "metformin", "omeprazole", "captopril", "lithium", "morphine", "cisplatin", "warfarin"]
DISEASES = ["fever", "nausea", "gastritis", "hypotension", "arthritis", "seizures", "nephritis", "colitis"]


def pubtator(first, count, emoji=""):
    blocks = []
    for number in range(first, first + count):
        chemical, disease = CHEMICALS[number % 8], DISEASES[(number * 3 + number // 8) % 8]
        title = f"{emoji}{chemical.title()}-induced {disease} in a patient."
        start = len(emoji) + len(chemical) + len("-induced ")
        blocks.append(
            f"{number}|t|{title}\n{number}|a|We treated the patient with {chemical}.\n"
            f"{number}\t{len(emoji)}\t{len(emoji) + len(chemical)}\t{chemical.title()}\tChemical\t-1\n"
            f"{number}\t{start}\t{start + len(disease)}\t{disease}\tDisease\t-1\n"
            f"{number}\t{len(title) + 29}\t{len(title) + 29 + len(chemical)}\t{chemical}\tChemical\t-1\n"
        )
    return "\n".join(blocks)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ner")
    (folder / "train.pubtator").write_text(pubtator(1, 40))
    (folder / "gold.pubtator").write_text(pubtator(38, 10, emoji="🙂 "))
    report = train_ner([str(folder / "train.pubtator")], str(folder / "model"))
    return folder, report


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def test_the_folder_is_a_pipeline_of_spacy_that_says_what_it_learned_from(files):
    folder, report = files
    nlp = spacy.load(folder / "model")
    assert nlp.pipe_names == ["materia_ner"]
    assert nlp.get_pipe("materia_ner").labels == ("Chemical", "Disease")
    meta = json.loads((folder / "model/meta.json").read_text())
    assert meta["materia"] == report
    assert report["entities"] == {"Chemical": 80, "Disease": 40}
    assert len(report["documents_hash"]) == 64


def test_two_trainings_give_the_same_bytes(files):
    folder, _ = files
    train_ner([str(folder / "train.pubtator")], str(folder / "again"), seed=0)
    assert contents(folder / "again") == contents(folder / "model")


def test_offsets_are_those_of_the_text(files):
    nlp = spacy.load(files[0] / "model")
    text = "🙂  Zu\u0308rich: lithium-induced  colitis,\n\nnot (fever)."
    doc = nlp(text)
    assert doc.text == text
    assert {text[e.start_char : e.end_char] for e in doc.ents} == {e.text for e in doc.ents}
    assert {(e.text, e.label_) for e in doc.ents} >= {("lithium", "Chemical"), ("colitis", "Disease")}
    assert [len(nlp(empty).ents) for empty in ("", " ", "\n", "🙂")] == [0, 0, 0, 0]


def test_in_a_pipeline_with_other_tokens_entities_are_widened_to_them(files):
    nlp = spacy.blank("en")
    nlp.add_pipe("materia_ner").from_disk(files[0] / "model/materia_ner")
    nlp.tokenizer = lambda text: spacy.tokens.Doc(nlp.vocab, words=text.split(" "))
    assert [e.text for e in nlp("Lithium-induced colitis in a patient.").ents] == ["Lithium-induced", "colitis"]


def test_it_goes_to_other_processes_as_bytes(files):
    nlp = spacy.load(files[0] / "model")
    component = nlp.get_pipe("materia_ner")
    copy = spacy.blank("en").add_pipe("materia_ner").from_bytes(component.to_bytes())
    text = "Lithium-induced colitis in a patient."
    assert copy.recogniser.find(text) == component.recogniser.find(text) != []


def test_documents_that_are_judged_on_are_not_learned_from(files):
    folder, _ = files
    figures = evaluate_ner([str(folder / "train.pubtator")], [str(folder / "gold.pubtator")])
    assert (figures["shared_documents"], figures["training"]["documents"]) == (3, 37)
    assert set(figures["by_type"]) == {"Chemical", "Disease"}
    assert figures["f1"] > 0.9


def test_a_span_with_another_type_or_another_end_is_wrong():
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "Disease", "pattern": "fever"}, {"label": "Disease", "pattern": "aspirin"}])
    gold = [
        ("1", "high fever aspirin", [(0, 10, "Disease"), (11, 18, "Chemical")]),
        ("2", "fever", [(0, 5, "Disease")]),
    ]
    figures = score_entities(nlp, gold)
    assert (figures["right"], figures["predicted"], figures["gold"]) == (1, 3, 3)
    assert figures["by_type"]["Chemical"]["predicted"] == 0


def test_names_of_a_vocabulary_travel_with_the_folder(files, tmp_path):
    folder, _ = files
    (tmp_path / "names.tsv").write_text("id\tname\nMESH:D000001\tlithium\nMESH:D000002\tcolitis\n")
    report = train_ner(
        [str(folder / "train.pubtator")], str(tmp_path / "model"), vocabulary=[str(tmp_path / "names.tsv")]
    )
    assert report["vocabulary"] == 2
    component = spacy.load(tmp_path / "model").get_pipe("materia_ner")
    copy = spacy.blank("en").add_pipe("materia_ner").from_bytes(component.to_bytes())
    assert (
        copy.recogniser.find("Lithium-induced colitis.") == component.recogniser.find("Lithium-induced colitis.") != []
    )


def test_a_folder_that_is_no_pipeline_is_not_overwritten(files, tmp_path):
    (tmp_path / "thesis.tex").write_text("ten years of work")
    with pytest.raises(MateriaError, match="no trained pipeline"):
        train_ner([str(files[0] / "train.pubtator")], str(tmp_path))
    assert (tmp_path / "thesis.tex").exists()


def test_an_untrained_component_and_a_broken_folder_say_what_to_do(tmp_path):
    nlp = spacy.blank("en")
    component = nlp.add_pipe("materia_ner")
    with pytest.raises(MateriaError, match="materia train ner"):
        nlp("Aspirin.")
    (tmp_path / "known.json").write_text("[]")
    with pytest.raises(MateriaError, match="no recogniser"):
        component.from_disk(tmp_path)


@pytest.mark.realdata
def test_disease_names_of_real_abstracts_are_learned(materia_data):
    """A seventh of NCBI Disease's training papers is enough for half of the next papers' mentions."""
    from pipeline.gold_corpus import read_gold_corpus

    examples = documents_of(read_gold_corpus([str(materia_data / "annotated/ncbi_disease/train.pubtator")]))
    with train_pipeline(examples[:80]) as (nlp, _), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert score_entities(nlp, examples[80:120])["f1"] > 0.5


def test_nothing_left_to_learn_from_is_an_error_and_no_crash_of_crfsuite(tmp_path):
    path = tmp_path / "one.pubtator"
    path.write_text("1|t|Aspirin helps.\n1|a|\n1\t0\t7\tAspirin\tChemical\tD001241\n\n")
    with pytest.raises(MateriaError, match="No entity is left to learn from"):
        evaluate_ner([str(path)], [str(path)])
