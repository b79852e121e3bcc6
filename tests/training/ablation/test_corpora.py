import re
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.tables import PASSAGES
from pipeline.errors import MateriaError
from training.ablation.arms import CorpusSpec
from training.ablation.corpora import Corpora
from training.ablation.retelling import shuffle_claims
from training.config import PretrainingConfig
from training.corpus_tokenizer import train_corpus_tokenizer
from training.data.shards import Shard
from training.data.tokenizers import load_tokenizer
from training.sources import Sources

TOLD, SHUFFLED, LITERATURE = CorpusSpec("told"), CorpusSpec("shuffled", seed=3), CorpusSpec("literature")


def rows(shard):
    return pq.read_table(shard.path).to_pylist()


@pytest.fixture(scope="module")
def corpora(world, tmp_path_factory):
    return Corpora(world, tmp_path_factory.mktemp("corpora"))


def test_arms_read_the_same_literature_and_those_without_told_facts_nothing_else(corpora):
    literature, told = rows(corpora.shard(LITERATURE)), rows(corpora.shard(TOLD))
    assert {row["kind"] for row in literature} == {"literature"}
    assert sorted(row["passage_id"] for row in told if row["kind"] == "literature") == sorted(
        row["passage_id"] for row in literature
    )
    assert {row["form"] for row in told} == {"text", "fact", "paragraph"}
    assert corpora.counts(TOLD)["words"] == sum(len(row["text"].split()) for row in told)


def test_the_shuffled_graph_is_told_in_the_same_sentences_by_the_same_names(corpora, world):
    told, shuffled = rows(corpora.shard(TOLD)), rows(corpora.shard(SHUFFLED))
    assert [row["passage_id"] for row in told] == [row["passage_id"] for row in shuffled]
    names = {curie: name.lower() for curie, name in world.names.items()}
    kept, spoken = 0, Counter()
    for before, after in zip(told, shuffled, strict=True):
        if before["kind"] == "literature":
            assert before == after
            continue
        for relation, made in zip(before["relations"], after["relations"], strict=True):
            subject, object_ = (after["spans"][made[end]] for end in ("subject", "object"))
            assert before["spans"][relation["subject"]]["curie"] == subject["curie"]
            assert after["text"][object_["start"] : object_["end"]].lower() == names[object_["curie"]]
            kept += before["spans"][relation["object"]]["curie"] == object_["curie"]
            spoken[names[object_["curie"]]] += 1
            spoken[names[before["spans"][relation["object"]]["curie"]]] -= 1
        assert [after["text"][s["start"] : s["end"]] for s in after["sentences"]] == re.split(
            r"(?<=\.) ", after["text"]
        )
        assert after["triple_ids"] == sorted(one["source"] for one in after["relations"])
    assert kept == 0
    assert not any(spoken.values())


def test_the_shuffled_corpus_has_as_many_tokens(corpora, world, tmp_path):
    told, shuffled = corpora.shard(TOLD), corpora.shard(SHUFFLED)
    train_corpus_tokenizer(Sources([told], [], world.triples), [], PretrainingConfig(), folder=tmp_path / "tokenizer")
    tokenizer = load_tokenizer(str(tmp_path / "tokenizer"))
    counts = [
        sum(len(ids) for ids in tokenizer([row["text"] for row in rows(s)])["input_ids"]) for s in (told, shuffled)
    ]
    assert counts[1] == pytest.approx(counts[0], rel=0.002)


def test_no_true_triple_is_told(corpora, world):
    related = {frozenset((row["subject"], row["object"])) for row in world.triples.to_pylist()}
    for row in rows(corpora.shard(SHUFFLED)):
        for relation in row["relations"]:
            assert frozenset(row["spans"][relation[end]]["curie"] for end in ("subject", "object")) not in related


def test_told_facts_are_repeated_or_left_out_to_a_ratio(corpora):
    for ratio in (0.4, 2.5):
        corpora.shard(spec := CorpusSpec("told", ratio))
        counts = corpora.counts(spec)
        literature = counts["words"] - counts["told_words"]
        assert counts["told_words"] / literature == pytest.approx(ratio, rel=0.2)


def test_a_corpus_has_the_same_bytes_each_time(corpora, world, tmp_path):
    again = Corpora(world, tmp_path / "corpora")
    for spec in (TOLD, SHUFFLED):
        assert again.shard(spec).sha256 == corpora.shard(spec).sha256
    assert again.key(TOLD) == corpora.key(TOLD) != again.key(CorpusSpec("told", 0.5))


def test_what_cannot_be_told_wrongly_is_left_out_of_every_arm(world, tmp_path):
    """A quotation, a chain, what is denied (a sentence without a claim), and a claim of no training triple."""
    whole = rows(world.train[0])
    fact = next(row for row in whole if row["form"] == "fact")
    held_out = fact["relations"][0] | {"source": "0" * 64}
    others = [
        fact | {"passage_id": "1" * 64, "form": "quotation"},
        fact | {"passage_id": "2" * 64, "form": "chain"},
        fact | {"passage_id": "3" * 64, "relations": []},
        fact | {"passage_id": "4" * 64, "relations": [held_out]},
    ]
    path = tmp_path / "more.parquet"
    pq.write_table(pa.Table.from_pylist([*whole, *others], PASSAGES), path)
    made = Corpora(Sources([Shard.of(path, tmp_path)], [], world.triples), tmp_path / "corpora")
    ids = {row["passage_id"] for row in rows(made.shard(TOLD))}
    assert fact["passage_id"] in ids
    assert not ids & {row["passage_id"] for row in others}


def test_a_corpus_that_tells_no_triple_is_refused(world, tmp_path):
    literature = [row for row in rows(world.train[0]) if row["kind"] == "literature"]
    path = tmp_path / "literature.parquet"
    pq.write_table(pa.Table.from_pylist(literature, PASSAGES), path)
    made = Corpora(Sources([Shard.of(path, tmp_path)], [], world.triples), tmp_path / "corpora")
    with pytest.raises(MateriaError, match="no passage of the corpus tells a training triple"):
        made.shard(TOLD)
    assert not list((tmp_path / "corpora").glob("*.parquet"))


def test_claims_of_the_literature_change_predicates_among_themselves():
    claims = {
        (f"D:{n}", predicate, f"X:{n % 7}"): 1 + (n * n) % 11
        for n in range(120)
        for predicate in (("treats", "causes", "affects")[n % 3],)
    }
    shuffled = shuffle_claims(claims, seed=1)
    before, after, same = Counter(), Counter(), 0
    for claim, made in shuffled.items():
        assert len(made) == claims[claim]
        before[claim[1]] += claims[claim]
        after.update(made)
        same += made.count(claim[1])
    assert before == after
    chance = sum(count**2 for count in before.values()) / sum(before.values())
    assert same < chance / 5
    assert shuffled == shuffle_claims(claims, seed=1) != shuffle_claims(claims, seed=2)
