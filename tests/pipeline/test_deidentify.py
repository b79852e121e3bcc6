"""De-identification: what names a person goes, medicine stays, and the same person keeps one number."""

from __future__ import annotations

import importlib.util
import socket
import sys
import time
from pathlib import Path

import pytest
from upath import UPath

from pipeline.deidentify import Deidentifier
from pipeline.errors import MateriaError, SetAside
from pipeline.readers import READERS
from pipeline.readers.base import Annotation, Document, content_id
from pipeline.readers.streams import open_stream

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "deidentify.py"


@pytest.fixture(scope="module")
def deidentifier():
    return Deidentifier()


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_deidentify", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def clean(deidentifier, text):
    (cleaned,) = deidentifier.clean([text])
    return cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Dr. Smith saw Mr. John Jones. Jones is well; Smith agrees.", "Dr. [NAME 1] saw Mr. [NAME 2]. [NAME 2] is well; [NAME 1] agrees."),
        ("Patient: DOE, JANE\nMRN: 4482913", "Patient: [NAME 1]\nMRN: [ID]"),
        ("Signed by Ann Lee on 3/4/2019 and on January 5, 2020.", "Signed by [NAME 1] on [DATE 2019] and on [DATE 2020]."),
        ("A 94-year-old man, aged 95, with a brother of 89 years.", "A [AGE 90+]-year-old man, aged [AGE 90+], with a brother of 89 years."),
        ("Lives at 12 Oak Dr. in Reno.", "Lives at [ADDRESS] in Reno."),
        ("Call 319-555-0142 or a.b@c.org.", "Call [PHONE] or [EMAIL]."),
        ("SSN 536-22-8714, card 4111 1111 1111 1111", "SSN [ID], card [ID]"),
    ],
)  # fmt: skip
def test_identifiers_become_typed_placeholders(deidentifier, text, cleaned):
    assert clean(deidentifier, text) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "Parkinson disease, Crohn's disease, Hodgkin lymphoma, Foley catheter, Babinski sign, Bell's palsy.",
        "Aspirin 81 mg, warfarin 5 mg, BP 120/80, strength 5/5, pain 7/10, hemoglobin 9.8 g/dL, platelets 240,000.",
        "The patient may march. In 12/14 eyes the May-Thurner syndrome was seen. EGFR p.L858R, HbA1c 7.2%.",
        "ASA status I, II, and III. MR imaging at 1.5 T. MS was ruled out. 4-0 Vicryl, 10 cc of 1% lidocaine.",
        "ClinicalTrials.gov NCT01234567; 10000000 cells per mL; 95% CI 1.2-3.4; P = 0.0001; followed for 95 months.",
    ],
)
def test_medicine_stays(deidentifier, text):
    assert clean(deidentifier, text) == text


def test_an_eponym_stays_beside_a_doctor_of_that_name(deidentifier):
    text = "Dr. Foley placed a Foley catheter. Foley left."
    assert clean(deidentifier, text) == "Dr. [NAME 1] placed a Foley catheter. [NAME 1] left."


def test_a_name_that_is_a_word_goes_beside_a_cue_alone(deidentifier):
    assert clean(deidentifier, "Mr. White has a count of White cells.") == "Mr. [NAME 1] has a count of White cells."


def test_a_document_keeps_nothing_that_names_a_person(deidentifier):
    document = Document(
        "HOSPITAL:4482913", aliases=("PMID:7", "X:1"), title="Mr. Varga", sections=(("Note by Dr. Kiss", "Varga has gout."),),
        year=2019, subjects=("gout", "Varga"), translations=(("hu", "title", "Kiss: Varga"),),
        annotations=(Annotation("T1", ((0, 3),), "Mr.", "Person"),),
    )  # fmt: skip
    before = deidentifier.counts["NAME"]
    cleaned = deidentifier(document)
    assert "4482913" not in repr(cleaned)
    assert "Varga" not in repr(cleaned)
    assert "Kiss" not in repr(cleaned)
    assert (cleaned.title, cleaned.sections) == ("Mr. [NAME 1]", (("Note by Dr. [NAME 2]", "[NAME 1] has gout."),))
    assert (cleaned.subjects, cleaned.year, cleaned.annotations) == (("gout", "[NAME 1]"), 2019, ())
    assert "PMID:7" in cleaned.aliases
    assert deidentifier.counts["NAME"] - before == 6
    # no code that is derived from the record's number, but the same text under the same name
    assert cleaned.doc_id == content_id(cleaned.title, cleaned.sections)


def test_a_ward_in_the_column_of_journals_does_not_stay(deidentifier):
    record = Document(
        "X:1", title="Gout.", journal="Varga Memorial Hospital", publication_types=("Letter of Dr. Kiss",)
    )
    cleaned = deidentifier(record)
    assert (cleaned.journal, cleaned.publication_types) == (None, ())
    published = Document("PMID:7", title="Gout.", journal="J Rheum", publication_types=("Letter",))
    assert (deidentifier(published).journal, deidentifier(published).publication_types) == ("J Rheum", ("Letter",))


def test_one_record_teaches_nothing_about_the_next(deidentifier):
    clean(deidentifier, "Mr. Varga has gout.")
    assert clean(deidentifier, "Varga has gout.") == "Varga has gout."


def test_nothing_is_asked_of_the_network(deidentifier, monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert clean(Deidentifier(), "a.b@example.org, http://x.example.com, 10.0.0.1") == "[EMAIL], [URL], [IP]"


def test_a_missing_extra_is_one_sentence_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "presidio_analyzer.predefined_recognizers", None)
    with pytest.raises(MateriaError, match=r"pip install 'materia\[deidentify\]'"):
        Deidentifier()


@pytest.mark.parametrize(
    "piece", ["Dr. ", "A", "Ann ", "1-", "1 ", "a@", "a.", "www.", "12 Oak ", ":", "\u00e9", "I, "]
)
def test_a_hostile_text_takes_no_time_without_bound(deidentifier, piece):
    start = time.process_time()
    clean(deidentifier, piece * 20_000)
    assert time.process_time() - start < 5


def test_the_labelled_notes_are_found_as_the_benchmark_prints(deidentifier, benchmark):
    found, there, right, findings = benchmark.score(deidentifier)["all"]
    print(f"recall {found / there:.3f}, precision {right / findings:.3f}")
    assert there > 100
    assert found / there >= 0.94
    assert right / findings >= 0.98


@pytest.mark.realdata
def test_real_records_keep_nearly_all_their_words_and_abstracts_their_medicine(deidentifier, materia_data):
    for file, reader, most in (
        ("downstream/mtsamples.csv.gz", "csv.v1", 0.01),
        ("literature/cohen2006.jsonl.gz", "jsonl.v1", 0.001),
    ):
        taken = words = 0
        with open_stream(UPath(materia_data / file)) as stream:
            for count, document in enumerate(READERS[reader].read(stream, file)):
                if count == 200:
                    break
                assert not isinstance(document, SetAside)
                texts = [document.title, *(text for _, text in document.sections)]
                words += sum(len(text.split()) for text in texts)
                taken += sum(map(len, deidentifier.find(texts)))
        print(f"{file}: {taken} of {words} words")
        assert 0 < taken <= most * words
