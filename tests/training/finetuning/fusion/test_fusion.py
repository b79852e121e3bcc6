"""Graph vectors in the encoder: nothing at the start, something after a step, the same after loading."""

import json
import shutil

import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModel, AutoModelForMultipleChoice

from pipeline.errors import MateriaError
from training.finetuning.config import GraphFusionConfig
from training.finetuning.fusion.attach import attach, detach
from training.finetuning.fusion.coverage import coverage
from training.finetuning.fusion.fusion import load_fusion, make_fusion
from training.finetuning.fusion.sources import GraphSources
from training.finetuning.fusion.table import FUSIONS

HOW = sorted(FUSIONS)


def fusion_of(graph, how="gated", **settings):
    torch.manual_seed(7)
    return make_fusion(GraphFusionConfig(how=how, neighbours=3, **settings), graph, hidden=32, seed=5)


def logits(model, inputs):
    with torch.no_grad():
        return model(**inputs).logits


def trained(fusion, model, inputs, steps=3):
    """The model after some steps on labels that the text does not tell."""
    fusion.attach(model)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        model(**inputs, labels=torch.tensor([0, 1, 0, 1])).loss.backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("how", HOW)
def test_at_the_start_a_fused_model_says_exactly_what_the_model_says(how, graph, told, make_model, batch):
    fusion = fusion_of(graph, how)
    features = fusion.annotate(told.examples, told.features)
    assert any(any(feature.inputs["entity_ids"]) for feature in features)
    plain, model = logits(make_model(), batch(told.features)), make_model()
    fusion.attach(model)
    assert torch.equal(logits(model, batch(features)), plain)


@pytest.mark.parametrize("how", HOW)
def test_training_opens_the_graph_to_texts_that_mention_it_and_frozen_vectors_stay(how, graph, told, make_model, batch):
    fusion = fusion_of(graph, how)
    inputs = batch(fusion.annotate(told.examples, told.features))
    before = {name: tensor.clone() for name, tensor in fusion.layer.state_dict().items()}
    model = trained(fusion, make_model(), inputs)
    after = fusion.layer.state_dict()
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert still == {"vectors"} | ({"around", "kinds"} if how == "attention" else set())
    # Without their entities three texts are read in another way; the fourth has none.
    differs = (logits(model, inputs) != logits(model, inputs | {"entity_ids": inputs["entity_ids"] * 0})).any(1)
    assert differs.tolist() == [True, True, True, False]


@pytest.mark.parametrize("how", HOW)
def test_the_gradient_reaches_every_part_and_only_vectors_that_are_mentioned(how, graph, told, make_model, batch):
    fusion = fusion_of(graph, how, frozen=False)
    inputs = batch(fusion.annotate(told.examples, told.features))
    model = trained(fusion, make_model(), inputs, steps=1)
    model.zero_grad()
    model(**inputs, labels=torch.tensor([0, 1, 0, 1])).loss.backward()
    for name, parameter in fusion.layer.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    moved = {fusion.curies[row - 1] for row in fusion.layer.vectors.grad.abs().sum(1).nonzero()[:, 0].tolist()}
    mentioned = {"T:metfomin", "T:renal_failure", "T:lisipril", "T:nasal_pain", "T:nasal_edema"}
    assert moved == mentioned if how == "gated" else moved > mentioned


def test_attention_looks_at_the_entity_and_its_neighbours_alone(graph):
    layer = fusion_of(graph, "attention").layer
    entities = torch.arange(1, len(layer.vectors))
    weights = layer.weights(torch.randn(len(entities), 32), entities)
    torch.testing.assert_close(weights.sum(1), torch.ones(len(entities)))
    assert torch.equal(weights > 0, layer.around[entities] > 0) and (weights[:, 0] > 0).all()
    assert 1 < (weights > 0).sum(1).float().mean() <= 4


@pytest.mark.parametrize("how", HOW)
def test_a_saved_model_is_of_its_class_alone_and_loads_to_the_same_answers(
    how, graph, told, make_model, batch, tmp_path
):
    fusion = fusion_of(graph, how)
    inputs = batch(fusion.annotate(told.examples, told.features))
    model = trained(fusion, make_model(), inputs)
    said = logits(model.eval(), inputs)
    detach(model)
    model.save_pretrained(tmp_path)
    fusion.save(tmp_path)
    names = set(make_model().state_dict())
    assert set(model.state_dict()) == names and "graph_fusion" not in (tmp_path / "config.json").read_text()
    assert AutoModel.from_pretrained(tmp_path).config.hidden_size == 32
    again, loaded = type(model).from_pretrained(tmp_path).eval(), load_fusion(tmp_path, graph.vocabulary)
    loaded.attach(again)
    features = loaded.annotate(told.examples, told.features)
    assert torch.equal(logits(again, batch(features)), said)
    other = tmp_path / "again"
    other.mkdir()
    loaded.save(other)
    for file in ("graph_fusion.safetensors", "graph_fusion.json"):
        assert (other / file).read_bytes() == (tmp_path / file).read_bytes()


def test_the_same_seed_makes_the_same_layer_and_shuffled_vectors_are_the_same_numbers_elsewhere(graph):
    one, same, shuffled = fusion_of(graph), fusion_of(graph), fusion_of(graph, shuffled=True)
    assert all(torch.equal(a, b) for a, b in zip(one.layer.parameters(), same.layer.parameters(), strict=True))
    assert torch.equal(shuffled.layer.vectors, one.layer.vectors) and sorted(shuffled.curies) == sorted(one.curies)
    assert not any(a == b for a, b in zip(one.curies, shuffled.curies, strict=True))


def test_options_are_fused_too(graph, told, tiny_encoder, batch):
    """The model of a multiple choice reads (rows, options, tokens)."""
    fusion = fusion_of(graph)
    flat = batch(fusion.annotate(told.examples, told.features))
    nested = {name: tensor.reshape(2, 2, -1) for name, tensor in flat.items()}
    torch.manual_seed(1)
    model = AutoModelForMultipleChoice.from_pretrained(tiny_encoder).eval()
    fusion.attach(model)
    torch.nn.init.normal_(fusion.layer.linear.weight)
    with torch.no_grad():
        whole = model(**nested).logits
        alone = model(**{name: tensor[1:] for name, tensor in nested.items()}).logits
        without = model(**nested | {"entity_ids": nested["entity_ids"] * 0}).logits
    torch.testing.assert_close(whole[1:], alone)
    assert (whole != without).tolist() == [[True, True], [True, False]]


def test_mentions_are_found_by_name_whatever_the_target_and_read_in_both_texts(graph, read):
    examples, features = read(("Does metfomin help?", "Yes: nasal pain became rare, unlike metfominX."))
    fusion = fusion_of(graph)
    (feature,) = fusion.annotate(examples, features)
    found = {
        (text, examples[0].texts[text][start:end], fusion.curies[number - 1])
        for (start, end), text, number in zip(feature.offsets, feature.text, feature.inputs["entity_ids"], strict=True)
        if number
    }
    assert {(text, curie) for text, _, curie in found} == {(0, "T:metfomin"), (1, "T:nasal_pain")}
    assert all(word in "metfomin nasal pain" for _, word, _ in found)
    assert feature.inputs.keys() - features[0].inputs.keys() == {"entity_ids"} and feature.labels == 1


def test_coverage_counts_examples_tokens_and_entities(graph, told):
    fusion = fusion_of(graph)
    annotated = fusion.annotate(told.examples, told.features)
    found = coverage(annotated)
    tokens = sum(len(feature.text) - 2 for feature in annotated)
    numbers = [number for feature in annotated for number in feature.inputs["entity_ids"] if number]
    assert found == {"examples": 0.75, "tokens": round(len(numbers) / tokens, 4), "entities": 5}
    assert coverage([]) == {"examples": 0.0, "tokens": 0.0, "entities": 0}


def test_a_model_with_graph_vectors_is_not_read_without_entities(graph, told, make_model, batch):
    model = make_model()
    fusion_of(graph).attach(model)
    with pytest.raises(MateriaError, match="was called without entity_ids"):
        model(**batch(told.features))
    with pytest.raises(ValueError, match="has a fusion layer already"):
        attach(model, fusion_of(graph).layer)
    # The encoder on its own is not the model, and the hooks go with the layer.
    assert model.base_model(**batch(told.features)).last_hidden_state.shape[2] == 32
    detach(model)
    assert torch.equal(logits(model, batch(told.features)), logits(make_model(), batch(told.features)))


@pytest.fixture
def saved(graph, tmp_path):
    fusion_of(graph).save(tmp_path)
    return tmp_path


def test_another_vocabulary_or_none_is_refused_with_the_name_of_the_right_one(saved, graph, tmp_path):
    with pytest.raises(
        MateriaError, match=r"finds mentions by a vocabulary that must be given: names\.parquet \(sha256"
    ):
        load_fusion(saved, ())
    other = tmp_path / "fewer.parquet"
    pq.write_table(pq.read_table(graph.vocabulary[0]).slice(3), other)
    with pytest.raises(MateriaError, match=r"links mentions by names\.parquet .*, and was given fewer\.parquet"):
        load_fusion(saved, [str(other)])
    # The same names in a file of another name are the same vocabulary.
    shutil.copy(graph.vocabulary[0], moved := tmp_path / "moved.parquet")
    assert load_fusion(saved, [str(moved)]).curies == fusion_of(graph).curies
    assert load_fusion(tmp_path / "nowhere", ()) is None


@pytest.mark.parametrize("file", ["graph_fusion.safetensors", "graph_fusion.json"])
def test_damaged_files_are_told(file, saved, graph):
    (saved / file).write_bytes((saved / file).read_bytes()[:40])
    with pytest.raises(MateriaError, match=f"{file}: is missing or damaged. Fine-tune the model again"):
        load_fusion(saved, graph.vocabulary)


def test_another_version_is_told(saved, graph):
    record = json.loads((saved / "graph_fusion.json").read_text())
    (saved / "graph_fusion.json").write_text(json.dumps(record | {"schema": "materia.graph_fusion.v0"}))
    with pytest.raises(MateriaError, match="is of a version that cannot be read"):
        load_fusion(saved, graph.vocabulary)


def test_what_settings_ask_for_and_nobody_gives_is_named(graph):
    config = GraphFusionConfig(how="attention", embeddings="kg_embeddings/rotate")
    with pytest.raises(
        MateriaError, match=r"'kg_embeddings/rotate', and there are no such.*one of kg_embeddings/distm"
    ):
        make_fusion(config, graph, hidden=8, seed=1)
    with pytest.raises(MateriaError, match="there is no home with a vocabulary"):
        make_fusion(config, GraphSources(), hidden=8, seed=1)
    without = GraphSources(graph.folders, graph.vocabulary)
    with pytest.raises(MateriaError, match="looks at neighbours, and there is no home with triples"):
        make_fusion(config.model_copy(update={"embeddings": "kg_embeddings/distmult"}), without, hidden=8, seed=1)
