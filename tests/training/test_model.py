"""The model as a whole: a folder that loads with and without this project, tables taken over from embeddings, its figures."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.encode import encode_triples
from kg.embeddings.ranking import rank_metrics
from kg.embeddings.train import train_embeddings
from pipeline.errors import MateriaError
from training.backbones.config import LANGUAGE_OF
from training.evaluation.objectives import evaluate, evaluate_links, evaluate_text, macro_f1
from training.model import load_model, make_model, save_model
from training.objectives.config import LANGUAGE_OBJECTIVES
from training.objectives.table import OBJECTIVES
from training.trainer.optimizer import make_optimizer


def names_for(family):
    return [
        LANGUAGE_OBJECTIVES[LANGUAGE_OF[family]],
        "link_prediction",
        "link_prediction_table",
        "relation_classification",
    ]


@pytest.fixture
def build(material, configuration):
    def made(family="bert", names=None, schedule=None, **table):
        torch.manual_seed(2)
        config = configuration(family, names or names_for(family), schedule)
        section = config.objectives.link_prediction_table.model_copy(update=table)
        objectives = config.objectives.model_copy(update={"link_prediction_table": section})
        config = config.model_copy(update={"objectives": objectives})
        made = make_model(config, material.tokenizer, triples=material.triples, classes=material.classes, passages=9)
        return made.eval(), config

    return made


@pytest.mark.parametrize("family", LANGUAGE_OF)
@torch.no_grad()
def test_a_folder_gives_the_same_model_again_and_loads_without_this_project(family, build, material, tmp_path):
    model, _ = build(family, schedule={"weighting": "uncertainty", "turns": "temperature", "graph_ratio": 2.0})
    model.schedule.weighting.log_variances["link_prediction"].fill_(0.7)
    save_model(model, material.tokenizer, tmp_path)
    assert len({path.stat().st_mode for path in tmp_path.rglob("*") if path.is_file()}) == 1, (
        "all for whoever may read one"
    )
    again, tokenizer = load_model(tmp_path)
    again.eval()
    assert len(tokenizer) == len(material.tokenizer) and again.spec == model.spec
    text, links = material.batches[LANGUAGE_OF[family]][0]
    for step in range(20):
        active = model.schedule.active(step, 0)
        assert again.schedule.active(step, 0) == active
        before, after = model.outcomes(text, links, active), again.outcomes(text, links, active)
        assert {name: o.loss for name, o in before.items()} == {name: o.loss for name, o in after.items()}
        totals = [m.schedule.total({n: o.loss for n, o in before.items()}, step) for m in (model, again)]
        assert totals[0] == totals[1]
    plain = AutoModel.from_pretrained(tmp_path)
    own = model.backbone.model.get_input_embeddings().weight
    assert torch.equal(plain.get_input_embeddings().weight, own)
    assert len(AutoTokenizer.from_pretrained(tmp_path)) == len(tokenizer)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if "tokenizer" not in path.name}
    save_model(again, tokenizer, tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_a_folder_that_is_broken_or_none_is_told(build, material, tmp_path):
    model, _ = build()
    save_model(model, material.tokenizer, tmp_path / "model")
    with pytest.raises(MateriaError, match="missing: holds no complete pretrained model"):
        load_model(tmp_path / "missing")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    tokenizer.add_tokens(["metabolome", "proteome"])
    tokenizer.save_pretrained(tmp_path / "model")
    with pytest.raises(MateriaError, match=r"model: the tokenizer has \d+ tokens but the model only"):
        load_model(tmp_path / "model")
    for name in ("heads.safetensors", "graph_entities.parquet", "model.safetensors"):
        save_model(model, material.tokenizer, tmp_path / "model")
        (tmp_path / "model" / name).unlink()
        with pytest.raises(MateriaError, match="holds no complete"):
            load_model(tmp_path / "model")
    save_model(model, material.tokenizer, tmp_path / "model")
    described = json.loads((tmp_path / "model" / "heads.json").read_text())
    (tmp_path / "model" / "heads.json").write_text(json.dumps(described | {"schema": "materia.heads.v1"}))
    with pytest.raises(MateriaError, match="heads are of another version"):
        load_model(tmp_path / "model")


@pytest.fixture(scope="module")
def embeddings(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("embeddings")
    config = EmbeddingConfig(model="rotate", dim=12, norm=2, gamma=5.0, epochs=2)
    made = train_embeddings(corpus.triples, config=config)
    made.save(folder)
    return folder, made


def test_a_table_takes_over_trained_embeddings_with_their_scorer(build, material, embeddings):
    folder, made = embeddings
    model, _ = build(embeddings=str(folder))
    head = model.objective("link_prediction_table")
    assert (head.config.scorer, head.config.dim, head.scorer.norm, head.scorer.gamma) == ("rotate", 12, 2, 5.0)
    rows = [made.entities.index(curie) for curie in material.triples.entities]
    assert torch.equal(head.entity.detach(), torch.from_numpy(made.entity_vectors[rows]))
    kinds = [made.relations.index(curie) for curie in material.triples.relations]
    assert torch.equal(head.relation.detach(), torch.from_numpy(made.relation_vectors[kinds]))
    fresh = replace(material.triples, entities=["T:new", *material.triples.entities[1:]])
    partly = make_model(
        build(embeddings=str(folder))[1], material.tokenizer, triples=fresh, classes=material.classes
    ).objective("link_prediction_table")
    assert torch.equal(partly.entity[1:], head.entity[1:]) and not torch.equal(partly.entity[0], head.entity[0])


def test_the_table_moves_faster_than_the_backbone(build):
    model, config = build(learning_rate_factor=7.0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = make_optimizer(model, config.trainer).param_groups
    fast = {names[id(p)] for group in groups if group["factor"] == 7.0 for p in group["params"]}
    assert fast == {f"objectives.link_prediction_table.{name}" for name in ("entity", "relation")}
    assert sum(len(group["params"]) for group in groups) == len(names)


@pytest.mark.parametrize("family", LANGUAGE_OF)
def test_losses_in_bfloat16_are_near_those_in_full_precision(family, build, material):
    model, _ = build(family)
    batch, active = material.batches[LANGUAGE_OF[family]][0], tuple(model.objectives)
    with torch.no_grad():
        expected = model.outcomes(*batch, active)
    with torch.autocast("cpu", torch.bfloat16):
        found = model.outcomes(*batch, active)
        total = model.schedule.total({name: outcome.loss for name, outcome in found.items()}, 0)
    total.backward()
    for name, outcome in found.items():
        assert outcome.loss.item() == pytest.approx(expected[name].loss.item(), rel=0.05), name
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_a_frozen_table_stays_and_still_teaches_the_encoder(build, material, embeddings):
    model, _ = build(names=["link_prediction_table"], embeddings=str(embeddings[0]), frozen=True)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for step in range(30):
        loss = model.outcomes(*material.batches["masked"][step % 3], ["link_prediction_table"])
        optimizer.zero_grad()
        loss["link_prediction_table"].loss.backward()
        optimizer.step()
        losses.append(loss["link_prediction_table"].loss.item())
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    head = "objectives.link_prediction_table"
    assert {f"{head}.mention.weight", f"{head}.mention.bias"} <= moved
    assert not {f"{head}.entity", f"{head}.relation"} & moved
    assert any(name.startswith("backbone") for name in moved) and np.mean(losses[-3:]) < np.mean(losses[:3])


def test_embeddings_of_another_graph_or_none_are_refused(build, material, embeddings, tmp_path):
    with pytest.raises(MateriaError, match="holds no embeddings"):
        build(embeddings=str(tmp_path))
    other = replace(material.triples, entities=[f"X:{n}" for n in range(len(material.triples.entities))])
    _, config = build(embeddings=str(embeddings[0]))
    with pytest.raises(MateriaError, match="knows no entity of this graph"):
        make_model(config, material.tokenizer, triples=other, classes=material.classes)


@pytest.mark.parametrize("family", LANGUAGE_OF)
def test_evaluation_gives_the_figures_of_every_objective(family, build, material, corpus, tmp_path):
    extra = ["next_sentence"] if family == "bert" else []
    model, config = build(family, [*names_for(family), *extra])
    save_model(model, material.tokenizer, tmp_path)
    shards = {"validation": corpus.validation, "test": []}
    passed = {"transe": {"test": {"mrr": 0.5}}}
    figures = evaluate(tmp_path, shards, corpus.triples, corpus.names, config, embeddings=passed)
    assert figures["embeddings"] == passed
    assert set(figures["validation"]) == {*names_for(family), *extra} and set(extra) <= set(OBJECTIVES)
    assert set(figures["test"]) == {"link_prediction", "link_prediction_table"}
    language = figures["validation"][LANGUAGE_OBJECTIVES[LANGUAGE_OF[family]]]
    assert language["perplexity"] == pytest.approx(np.exp(language["loss"])) and 0 <= language["accuracy"] <= 1
    assert 0 <= figures["validation"]["relation_classification"]["macro_f1"] <= 1
    assert (
        figures["test"]["link_prediction"]["candidates"] == 36 and figures["test"]["link_prediction"]["examples"] == 1
    )
    again = evaluate(tmp_path, shards, corpus.triples, corpus.names, config)
    assert again["validation"] == figures["validation"]
    few = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"entities": 5, "passages": 4})})
    fewer = evaluate(tmp_path, shards, corpus.triples, corpus.names, few)
    assert fewer["test"]["link_prediction_table"]["candidates"] == 5
    assert (
        fewer["validation"]["relation_classification"]["examples"]
        < figures["validation"]["relation_classification"]["examples"]
    )


@torch.no_grad()
def test_ranks_by_table_and_by_names_are_those_of_scores_one_by_one(build, material, corpus):
    """All answers of one test triple scored in a loop, those that are known left out."""
    model, config = build()
    triples = material.triples
    head, relation, tail = triples.test[0]
    known = {tuple(row) for row in np.concatenate([triples.train, triples.validation, triples.test]).tolist()}
    figures = evaluate_links(model, material.tokenizer, triples, corpus.names, config, split="test")
    for name in ("link_prediction", "link_prediction_table"):
        objective = model.objective(name)
        if name == "link_prediction":
            texts = [corpus.names[curie] for curie in triples.entities]
            words = [[2, *material.tokenizer.encode(text, add_special_tokens=False)[:6], 3] for text in texts]
            states = [model.backbone.encode_names(torch.tensor([w]), torch.ones(1, len(w)).long())[0] for w in words]
            vectors = objective.vectors(torch.stack(states))
        else:
            vectors = objective.entity
        ranks = []
        for end in (0, 2):
            scores = {}
            for other in range(len(triples.entities)):
                triple = (other, relation, tail) if end == 0 else (head, relation, other)
                if triple not in known or triple == (head, relation, tail):
                    h, r, t = vectors[triple[0]], objective.relation[relation], vectors[triple[2]]
                    scores[other] = objective.scorer.score(h, r, t).item()
            own = scores.pop(head if end == 0 else tail)
            ranks.append(1 + sum(score > own for score in scores.values()))
        expected = rank_metrics(np.array([ranks], dtype=np.float64))
        assert {key: figures[name][key] for key in expected} == pytest.approx(expected)


def test_a_relation_or_an_entity_the_model_never_learned_takes_the_worst_rank(build, material, corpus):
    model, config = build()
    for new in ({"predicate": "biolink:unheard_of"}, {"object": "T:new"}):
        row = {"subject": "T:metfomin", "predicate": "biolink:treats", "object": "T:renal_pain", "split": "test"} | new
        train = corpus.triples.filter(pa.compute.equal(corpus.triples["split"], "train"))
        encoded = encode_triples(pa.concat_tables([train, pa.table({key: [value] for key, value in row.items()})]))
        figures = evaluate_links(model, material.tokenizer, encoded, corpus.names, config, split="test")
        table = figures["link_prediction_table"]
        assert table["hits@10"] == 0 and table["mrr"] < 1.2 / (table["candidates"] - 2)
        by_name = figures["link_prediction"]
        assert ("predicate" in new) == (by_name["mrr"] == table["mrr"])


def test_a_split_without_passages_or_triples_has_no_figures(build, material, corpus, write_shard, tmp_path):
    model, config = build()
    assert evaluate_text(model, material.tokenizer, [], config) == {}
    assert evaluate_text(model, material.tokenizer, [write_shard(tmp_path, "none.parquet", [])], config) == {}
    none = replace(material.triples, test=material.triples.test[:0])
    assert evaluate_links(model, material.tokenizer, none, corpus.names, config, split="test") == {}


def test_macro_f1_counts_classes_that_occur():
    assert macro_f1(np.array([0, 1, 1]), np.array([0, 1, 2]), 5) == pytest.approx((1 + 2 / 3 + 0) / 3)
