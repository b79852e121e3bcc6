import time

import pyarrow as pa
import pytest

from kg.config import CorpusConfig, SplitConfig
from kg.literature import document_split, literature_passages
from kg.splits import split_of
from kg.tables import PASSAGES
from pipeline.hashing import hash_fields
from pipeline.sentences import split_sentences
from pipeline.tables import LITERATURE_BY_BUCKET

SPLITS = SplitConfig()
TRAIN_DOC = next(f"PMID:{i}" for i in range(1, 999) if document_split(f"PMID:{i}", SPLITS) == "train")
TEST_DOC = next(f"PMID:{i}" for i in range(1, 9999) if document_split(f"PMID:{i}", SPLITS) == "test")
DRUG = "MESH:D1"
HELD = next(f"MESH:C{i}" for i in range(9999) if split_of(DRUG, f"MESH:C{i}", SPLITS) != "train")
FREE = next(f"MESH:C{i}" for i in range(9999) if split_of(DRUG, f"MESH:C{i}", SPLITS) == "train")
NAMES = {"drugamine": DRUG, "heldosis": HELD, "freeitis": FREE}


def document(text, doc_id=TRAIN_DOC, sections=None, claims=()):
    """A document whose mentions are found by name; a claim is (subject, predicate, object, polarity) by first mention."""
    mentions = []
    for name, curie in NAMES.items():
        at = text.find(name)
        while at >= 0:
            mentions.append({"start": at, "end": at + len(name), "curie": curie, "category": "biolink:NamedThing"})
            at = text.find(name, at + 1)
    mentions.sort(key=lambda m: m["start"])
    rows = []
    for subject, predicate, object_, polarity, sentence in claims:
        at = text.find(sentence)
        s, o = text.find(subject, at), text.find(object_, at)
        rows.append(
            {
                "evidence_id": hash_fields("e", doc_id, s, o, predicate),
                "triple_id": hash_fields(NAMES[subject], predicate, NAMES[object_]),
                "subject_start": s,
                "subject_end": s + len(subject),
                "predicate": predicate,
                "object_start": o,
                "object_end": o + len(object_),
                "polarity": polarity,
            }
        )
    rows.sort(key=lambda row: row["evidence_id"])
    return {
        "doc_id": doc_id,
        "version": 1,
        "text_hash": hash_fields(text),
        "text": text,
        "sections": sections or [{"label": "TITLE", "start": 0, "end": len(text)}],
        "language": "en",
        "mentions": mentions,
        "claims": rows,
    }


def passages(*documents, most=6, splits=SPLITS, entailing=()):
    withheld = []
    batch = pa.RecordBatch.from_pylist(list(documents), LITERATURE_BY_BUCKET)
    batches = list(
        literature_passages(
            [batch], CorpusConfig(passage_sentences=most), splits, lambda _, n: withheld.append(n), entailing
        )
    )
    assert all(b.schema.equals(PASSAGES) for b in batches)
    return [row for b in batches for row in b.to_pylist()], sum(withheld)


def words(row, span):
    return row["text"][span["start"] : span["end"]]


def test_the_sentence_with_a_held_out_pair_is_withheld_and_its_neighbours_stay():
    rows, withheld = passages(
        document("We begin. We gave drugamine. But drugamine met heldosis here. Then freeitis came. It ended.")
    )
    assert [row["text"] for row in rows] == ["We begin. We gave drugamine.", "Then freeitis came. It ended."]
    assert withheld == 1


def test_both_ends_in_different_sentences_are_no_reason_to_withhold():
    rows, withheld = passages(document("We gave drugamine. We saw heldosis."))
    assert (len(rows), withheld) == (1, 0)


def test_a_held_out_claim_that_stretches_over_sentences_is_withheld_whole():
    text = "We gave drugamine. We saw heldosis. We end."
    rows, withheld = passages(document(text, claims=[("drugamine", "biolink:treats", "heldosis", True, "We gave")]))
    assert [row["text"] for row in rows] == ["We end."]
    assert withheld == 2


def test_a_sentence_that_entails_a_held_out_claim_is_withheld_and_a_mere_mention_of_both_stays():
    claimed = "Here drugamine helps in freeitis."
    text = f"Of drugamine and freeitis. {claimed} The end."
    paper = document(text, claims=[("drugamine", "biolink:treats", "freeitis", True, claimed)])
    entailing = {hash_fields(DRUG, "biolink:treats", FREE)}
    kept, withheld = passages(paper, entailing=entailing)
    assert ([row["text"] for row in kept], withheld) == (["Of drugamine and freeitis.", "The end."], 1)
    assert passages(paper)[1] == 0
    test_paper = document(text, TEST_DOC, claims=[("drugamine", "biolink:treats", "freeitis", True, claimed)])
    assert passages(test_paper, entailing=entailing)[1] == 0


def test_a_name_over_a_sentence_boundary_counts_for_the_sentence_it_begins_in():
    row = document("We gave drugamine. And heldosis came.")
    row["mentions"][1]["start"] = 8
    row["mentions"].sort(key=lambda m: m["start"])
    rows, withheld = passages(row)
    assert ([row["text"] for row in rows], withheld) == (["And heldosis came."], 1)


def test_papers_of_the_test_split_keep_their_sentences():
    rows, withheld = passages(document("Here drugamine met heldosis.", doc_id=TEST_DOC))
    assert [(row["split"], row["text"]) for row in rows] == [("test", "Here drugamine met heldosis.")]
    assert withheld == 0


def test_nothing_is_held_out_where_the_shares_are_zero():
    rows, withheld = passages(document("Here drugamine met heldosis."), splits=SplitConfig(validation=0, test=0))
    assert (len(rows), withheld) == (1, 0)


def test_passages_stay_within_a_section_and_a_length():
    title, body = "A title without stop", "One. Two. Three. Four. Five."
    text = f"{title}\n{body}"
    sections = [{"label": "TITLE", "start": 0, "end": 20}, {"label": "ABSTRACT", "start": 21, "end": len(text)}]
    rows, _ = passages(document(text, sections=sections), most=3)
    assert [row["text"] for row in rows] == [title, "One. Two. Three.", "Four. Five."]
    assert [len(row["sentences"]) for row in rows] == [1, 3, 2]
    assert [words(rows[1], s) for s in rows[1]["sentences"]] == ["One.", "Two.", "Three."]


def test_a_section_that_begins_inside_a_sentence_cuts_it():
    text = "Results: we saw growth. Conclusions none at all"
    sections = [{"label": "A", "start": 0, "end": 9}, {"label": "B", "start": 9, "end": len(text)}]
    rows, _ = passages(document(text, sections=sections))
    assert [row["text"] for row in rows] == ["Results:", "we saw growth. Conclusions none at all"]


def test_spans_relations_and_ids_of_a_passage():
    text = "Nothing here. We found that drugamine helps freeitis. No drugamine with freeitis."
    claims = [
        ("drugamine", "biolink:treats", "freeitis", True, "We found"),
        ("drugamine", "biolink:causes", "freeitis", False, "No drug"),
    ]
    (row,), _ = passages(document(text, claims=claims))
    assert [words(row, span) for span in row["spans"]] == ["drugamine", "freeitis", "drugamine", "freeitis"]
    assert [span["curie"] for span in row["spans"]] == [DRUG, FREE] * 2
    (relation,) = row["relations"]
    assert (relation["subject"], relation["predicate"], relation["object"]) == (0, "biolink:treats", 1)
    assert relation["source"] in row["evidence_ids"]
    assert row["triple_ids"] == [hash_fields(DRUG, "biolink:treats", FREE)]
    assert len(row["evidence_ids"]) == 2
    assert (row["doc_ids"], row["kind"], row["belief"]) == ([TRAIN_DOC], "literature", None)


def test_a_claim_of_one_passage_is_not_told_of_its_neighbour():
    text = "Here drugamine helps freeitis. Again drugamine helps freeitis."
    rows, _ = passages(document(text, claims=[("drugamine", "biolink:treats", "freeitis", True, "Again")]), most=1)
    assert [len(row["relations"]) for row in rows] == [0, 1]


def test_a_sentence_said_twice_in_a_paper_gives_two_rows():
    rows, _ = passages(document("Same words. Same words."), most=1)
    assert len({row["passage_id"] for row in rows}) == 2


def test_documents_without_text_or_mentions_pass():
    rows, withheld = passages(document(""), document("Plain words.", doc_id="PMID:3"))
    assert ([row["text"] for row in rows], withheld) == (["Plain words."], 0)


def test_no_sentence_is_lost_but_those_withheld():
    text = " ".join(
        f"Sentence {i} on {'drugamine and heldosis' if i % 7 == 0 else 'freeitis'} ends." for i in range(40)
    )
    rows, withheld = passages(document(text))
    kept = [words(row, s) for row in rows for s in row["sentences"]]
    said = [text[a:b] for a, b in split_sentences(text)]
    assert kept == [s for s in said if "heldosis" not in s]
    assert withheld == len(said) - len(kept) == 6


def test_shares_of_papers():
    shares = [document_split(f"PMID:{i}", SPLITS) for i in range(20_000)]
    assert shares.count("validation") == pytest.approx(200, abs=60)
    assert shares.count("test") == pytest.approx(200, abs=60)


def test_papers_pass_at_speed():
    text = " ".join(
        f"In study {i} drugamine was given to patients with freeitis, and it was well tolerated." for i in range(10)
    )
    batch = pa.RecordBatch.from_pylist([document(text, doc_id=f"PMID:{i}") for i in range(500)], LITERATURE_BY_BUCKET)
    began = time.process_time()
    rows = sum(b.num_rows for b in literature_passages([batch], CorpusConfig(), SPLITS, lambda *_: None))
    assert rows == 1000
    assert 500 / (time.process_time() - began) > 1000
