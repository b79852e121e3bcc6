"""The link probe finds what encodings hold, and nothing in those that hold nothing."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from kg.embeddings.encode import encode_triples
from pipeline.errors import MateriaError
from training.evaluation.config import LinkProbeConfig
from training.evaluation.encodings import encode_names, wordpiece_encodings
from training.evaluation.link_probe import CONTROLS, link_probe, probe_encodings

CONFIG = LinkProbeConfig(steps=60, dimension=16)


@pytest.fixture(scope="module")
def clusters():
    """Drugs of 8 groups treat diseases of the same group, and cause those of the next; every tenth triple is held out."""
    rows = []
    for drug in range(48):
        for disease in range(48):
            gap = (disease - drug) % 8
            if gap < 2 and (drug * 31 + disease * 17) % 3:
                kind = ("biolink:treats", "biolink:causes")[gap]
                rows.append((f"D:{drug:02}", kind, f"S:{disease:02}", "test" if len(rows) % 10 == 0 else "train"))
    names = ("subject", "predicate", "object", "split")
    return encode_triples(pa.table({name: [row[k] for row in rows] for k, name in enumerate(names)}))


def vectors(clusters, of_group):
    """An encoding of each entity: a vector of its group where asked for, and noise."""
    draw = torch.Generator().manual_seed(3)
    groups = torch.randn(16, 32, generator=draw)
    noise = torch.randn(len(clusters.entities), 32, generator=draw)
    own = [int(curie[2:]) % 8 + 8 * (curie[0] == "D") for curie in clusters.entities]
    return noise + 3 * of_group * groups[own]


def test_encodings_that_hold_the_groups_rank_above_noise(clusters):
    """Of 96 entities 6 are of the right group, five of them true already or as likely."""
    informed, noise = (probe_encodings(vectors(clusters, own), clusters, CONFIG)["mrr"].value() for own in (1, 0))
    assert informed > 0.35
    assert noise < 0.2


def test_the_size_of_states_does_not_matter(clusters):
    found = [probe_encodings(scale * vectors(clusters, 1) + 5, clusters, CONFIG)["mrr"].value() for scale in (1, 64)]
    assert found[0] == pytest.approx(found[1], abs=0.02)


def test_it_is_the_same_each_time_and_units_are_subjects(clusters):
    first, second = (probe_encodings(vectors(clusters, 1), clusters, CONFIG) for _ in range(2))
    assert {name: np.array_equal(one.counts, second[name].counts) for name, one in first.items()} == dict.fromkeys(
        ("mrr", "hits@1", "hits@10"), True
    )
    assert set(first["mrr"].units) == {clusters.entities[number] for number in clusters.test[:, 0]}
    assert first["mrr"].counts[:, 0, 1].sum() == 2 * len(clusters.test)


def test_a_model_and_both_controls_are_ranked_on_the_same_triples(models, graph):
    found = {
        control: link_probe(models.told, graph.triples, graph.names, CONFIG, control=control)
        for control in (None, *CONTROLS)
    }
    assert len({one["mrr"].units for one in found.values()}) == 1
    assert all(0 < one["mrr"].value() <= 1 for one in found.values())
    assert len({one["mrr"].value() for one in found.values()}) == 3


def test_few_entities_keep_those_that_are_ranked(models, graph):
    least = link_probe(models.told, graph.triples, graph.names, LinkProbeConfig(steps=5, entities=30))
    whole = link_probe(models.told, graph.triples, graph.names, LinkProbeConfig(steps=5))
    assert least["mrr"].units == whole["mrr"].units
    with pytest.raises(MateriaError, match="no training triple among"):
        link_probe(models.told, graph.triples, graph.names, LinkProbeConfig(entities=2))


def test_an_encoding_is_the_mean_of_its_pieces_whatever_it_is_batched_with(models):
    names = ["renal pain", "Lisipril", "hepatic fibrosis", "nasal edema", "renal pain"]
    together = encode_names(models.told, names)
    alone = torch.cat([encode_names(models.told, [name]) for name in names])
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.equal(together[0], together[4])


def test_a_bag_of_pieces_does_not_know_their_order(models):
    first, second, other = wordpiece_encodings(models.told, ["renal pain", "pain renal", "nasal pain"], 16, seed=1)
    assert torch.allclose(first, second)
    assert not torch.allclose(first, other)


def test_without_held_out_triples_there_is_nothing_to_rank(models, graph):
    train = graph.triples.filter([split == "train" for split in graph.triples["split"].to_pylist()])
    with pytest.raises(MateriaError, match="no triples of the test split"):
        link_probe(models.told, train, graph.names, CONFIG)
