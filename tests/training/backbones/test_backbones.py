"""Every backbone: what packed sequences may see, the library's losses, folders that load without this project, refusals."""

import random
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from transformers import AutoModel, RobertaConfig, RobertaModel

from pipeline.errors import MateriaError
from training.backbones.config import LANGUAGE_OF, BackboneConfig
from training.backbones.table import BACKBONES, load_backbone, make_backbone
from training.objectives.base import HeadSpec, Step
from training.objectives.config import LANGUAGE_OBJECTIVES
from training.objectives.next_sentence import NextSentence
from training.objectives.table import OBJECTIVES


def documents(draw, count):
    return [[2, *(draw.randrange(7, 50) for _ in range(draw.randint(3, 5))), 3] for _ in range(count)]


def close(backbone):
    """How close equal figures must be."""
    return dict.fromkeys(("atol", "rtol"), 1e-12 if backbone.model.dtype == torch.float64 else 1e-6)


def logits_of(backbone, batch):
    encoded = backbone.encode(batch, targets=True)
    return encoded.states, backbone.language_logits(encoded.target_states)


def test_the_table_and_the_configuration_name_the_same_families():
    assert list(BACKBONES) == list(LANGUAGE_OF)


@torch.no_grad()
def test_changing_one_packed_document_leaves_the_others_as_they_are(backbone, pack):
    rows = [documents(random.Random(1), 3), documents(random.Random(2), 2)]
    before, scores = logits_of(backbone, pack(rows, backbone.language, draw=random.Random(5)))
    rows[0][1] = [2, *(9 if token == 8 else 8 for token in rows[0][1][1:-1]), 3]
    batch = pack(rows, backbone.language, draw=random.Random(5))
    after, others = logits_of(backbone, batch)
    (_, start, end), width = batch.sequences[1].tolist(), before.shape[1]
    row, column = batch.targets // width, batch.targets % width
    changed = (row == 0) & (column >= start) & (column < end)
    assert torch.equal(scores[~changed], others[~changed])
    assert not torch.equal(scores[changed], others[changed])
    kept = torch.ones(before.shape[:2], dtype=torch.bool)
    kept[0, start:end] = False
    assert torch.equal(before[kept], after[kept])


@torch.no_grad()
def test_a_packed_document_reads_as_it_does_alone(backbone, pack):
    """Positions begin anew in each document, so it makes no difference where in a row it stands."""
    packed = [documents(random.Random(3), 3)]
    alone = [[document] for document in packed[0]]
    states, scores = logits_of(backbone, pack(packed, backbone.language, draw=random.Random(5)))
    single = pack(alone, backbone.language, draw=random.Random(5))
    expected, expected_scores = logits_of(backbone, single)
    torch.testing.assert_close(scores, expected_scores, **close(backbone))
    torch.testing.assert_close(states[0], expected[single.sequence_ids > 0], **close(backbone))


@torch.no_grad()
def test_the_language_loss_is_that_of_the_library(backbone, pack):
    """Rows of one document without padding, which the library reads by itself."""
    draw = random.Random(4)
    rows = [[[2, *(draw.randrange(7, 50) for _ in range(8)), 3]] for _ in range(3)]
    batch = pack(rows, backbone.language, draw=draw)
    objective = OBJECTIVES[LANGUAGE_OBJECTIVES[backbone.language]](None, HeadSpec(backbone.hidden))
    loss = objective.outcome(backbone, Step(batch, backbone.encode(batch, targets=True))).loss
    labels = torch.full_like(batch.input_ids, -100)
    labels.view(-1)[batch.targets] = batch.target_labels
    model, ids = backbone.model, batch.input_ids
    if backbone.family == "bert":
        follows = torch.tensor([0, 1, 0])
        reference = model(ids, token_type_ids=batch.token_type_ids, labels=labels, next_sentence_label=follows).loss
        step = Step(replace(batch, follows=follows), backbone.encode(batch, targets=False))
        loss = loss + NextSentence(None, HeadSpec(backbone.hidden)).outcome(backbone, step).loss
    elif backbone.family == "xlnet":
        ranks = batch.permutation
        given = ranks == 0
        hidden = ~(given[:, None, :] | (ranks[:, None, :] < ranks[:, :, None]))
        mapping = torch.eye(ids.shape[1], dtype=backbone.model.dtype).expand(3, -1, -1)
        reference = model(
            ids,
            token_type_ids=batch.token_type_ids,
            perm_mask=hidden.to(backbone.model.dtype),
            target_mapping=mapping,
            labels=labels,
        ).loss
    else:
        reference = model(ids, labels=ids).loss
    torch.testing.assert_close(loss.double(), reference.double(), atol=1e-6, rtol=1e-6)  # some upcast to float32 only


@torch.no_grad()
def test_each_language_objective_hides_what_it_asks_for(backbone, pack):
    """The mistake guarded against: a place that sees the token it is to tell. Changing that token must not change its score."""
    if backbone.language == "masked":
        pytest.skip("what is asked for is no longer in the input")
    draw = random.Random(6)
    rows = [[[2, *(draw.randrange(7, 50) for _ in range(8)), 3]]]
    batch = pack(rows, backbone.language, draw=random.Random(5))
    _, before = logits_of(backbone, batch)
    for number, place in enumerate(batch.targets.tolist()):
        told = place + (backbone.language == "causal")
        ids = batch.input_ids.clone()
        ids[0, told] = 48 if ids[0, told] != 48 else 47
        _, after = logits_of(backbone, replace(batch, input_ids=ids))
        assert torch.equal(before[number], after[number])


@torch.no_grad()
def test_the_state_of_a_name_is_that_of_the_token_that_saw_all_of_it(backbone, pack):
    draw = random.Random(7)
    names = [[2, *(draw.randrange(7, 50) for _ in range(size)), 3] for size in (2, 5)]
    batch = pack([[name] for name in names], backbone.language, draw=draw)
    clear = batch.input_ids.clone()
    for row, name in enumerate(names):
        clear[row, : len(name)] = torch.tensor(name)
    plain = replace(batch, input_ids=clear, token_type_ids=torch.zeros_like(clear))
    expected = backbone.summaries(backbone.encode(plain, targets=False).states, batch.sequences)
    found = backbone.encode_names(clear, (batch.sequence_ids > 0).long())
    torch.testing.assert_close(found, expected)
    turned = torch.cat([torch.zeros(1, 3, dtype=torch.int64), clear[:1, :4]], dim=1)  # padding on the left
    mask = torch.tensor([[0, 0, 0, 1, 1, 1, 1]])
    torch.testing.assert_close(backbone.encode_names(turned, mask), expected[:1])


@torch.no_grad()
def test_a_saved_folder_loads_without_this_project_and_with_it(backbone, tokenizer, pack, tmp_path):
    batch = pack([documents(random.Random(1), 1)], backbone.language, draw=random.Random(5))
    states, scores = logits_of(backbone, batch)
    backbone.save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} - {"generation_config.json"} == {"config.json", "model.safetensors"}
    plain = AutoModel.from_pretrained(tmp_path, dtype=backbone.model.dtype).eval()
    assert plain.config.model_type == backbone.family
    types = {"token_type_ids": batch.token_type_ids} if backbone.family in ("bert", "xlnet") else {}
    if backbone.language != "permutation":  # whose states depend on the order
        torch.testing.assert_close(plain(batch.input_ids, **types).last_hidden_state, states)
    again = make_backbone(BackboneConfig(pretrained=str(tmp_path)), tokenizer, 24).eval()
    assert again.family == backbone.family
    torch.testing.assert_close(logits_of(again.to(backbone.model.dtype), batch)[1], scores)
    assert load_backbone(tmp_path).family == backbone.family


def test_gradient_checkpointing_changes_no_gradient_or_is_refused(backbone, pack):
    batch = pack([documents(random.Random(1), 2)], backbone.language, draw=random.Random(5))

    def gradient():
        backbone.zero_grad()
        logits_of(backbone.train(), batch)[1].logsumexp(-1).sum().backward()
        return {name: p.grad.clone() for name, p in backbone.named_parameters() if p.grad is not None}

    before = gradient()
    if backbone.family == "xlnet":
        with pytest.raises(MateriaError, match="no gradient checkpointing for xlnet"):
            backbone.enable_gradient_checkpointing()
        return
    backbone.enable_gradient_checkpointing()
    assert backbone.model.is_gradient_checkpointing
    after = gradient()
    assert before.keys() == after.keys() and before
    for name, value in before.items():
        torch.testing.assert_close(value, after[name])


def test_compiled_layers_give_the_same_states_and_the_same_folder(backbone, pack, tmp_path):
    """The tracing of torch.compile, without the compiler behind it: it is what packed rows could break."""
    batch = pack([documents(random.Random(1), 2)], backbone.language, draw=random.Random(5))
    states, scores = logits_of(backbone, batch)
    names = set(backbone.state_dict())
    backbone.compile_encoder(backend="eager")
    after, others = logits_of(backbone, batch)
    torch.testing.assert_close(after, states, **close(backbone))
    torch.testing.assert_close(others, scores, **close(backbone))
    assert set(backbone.state_dict()) == names
    backbone.save(tmp_path)
    assert load_backbone(tmp_path).family == backbone.family


def test_a_tokenizer_or_a_length_that_does_not_fit_is_refused(backbone, make_tokenizer, tokenizer):
    backbone.check_tokenizer(tokenizer, 24, "m")
    role = {"masked": "mask_token", "causal": "eos_token", "permutation": "cls_token"}[backbone.language]
    with pytest.raises(MateriaError, match=f"the tokenizer has no {role}, which {backbone.language}"):
        backbone.check_tokenizer(make_tokenizer(**{role: None}), 24, "m")
    grown = make_tokenizer()
    grown.add_tokens(["metabolome"])
    with pytest.raises(MateriaError, match="51 tokens but the model only 50"):
        backbone.check_tokenizer(grown, 24, "m")
    other = make_tokenizer()
    other.pad_token = "[UNK]"
    with pytest.raises(MateriaError, match="pads with token 1 but the model with 0"):
        backbone.check_tokenizer(other, 24, "m")
    if backbone.family != "xlnet":
        with pytest.raises(MateriaError, match="25 tokens are longer than the 24"):
            backbone.check_tokenizer(tokenizer, 25, "m")


def test_a_model_that_does_not_exist_or_is_another_is_one_sentence(tokenizer, tmp_path):
    cases = {"no/such-model": "there is no model 'no/such-model'", str(tmp_path): "config.json is missing"}
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    RobertaModel(RobertaConfig(vocab_size=50, **small)).save_pretrained(tmp_path / "roberta")
    cases[str(tmp_path / "roberta")] = "kind 'roberta', and none of bert, gpt2, llama, xlnet"
    config = BackboneConfig(layers=1, hidden=16, heads=2, feed_forward=32)
    make_backbone(config, tokenizer, 24).save(tmp_path / "broken")
    weights = tmp_path / "broken" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    cases[str(tmp_path / "broken")] = "holds weights that cannot be read"
    make_backbone(config, tokenizer, 24).save(tmp_path / "bare")
    (tmp_path / "bare" / "model.safetensors").unlink()
    cases[str(tmp_path / "bare")] = "holds no complete bert model"
    for name, problem in cases.items():
        with pytest.raises(MateriaError, match=problem):
            make_backbone(BackboneConfig(pretrained=name), tokenizer, 24)
    make_backbone(config, tokenizer, 24).save(tmp_path / "bert")
    with pytest.raises(MateriaError, match="is a bert, and not the gpt2"):
        make_backbone(BackboneConfig(family="gpt2", pretrained=str(tmp_path / "bert")), tokenizer, 24)


def test_configuration_refuses_unknown_keys_and_impossible_sizes():
    for values in ({"layer": 1}, {"hidden": 10, "heads": 3}, {"pretrained": "m", "hidden": 64},
                   {"family": "llama", "hidden": 6, "heads": 2}, {"family": "t5"}):  # fmt: skip
        with pytest.raises(ValidationError):
            BackboneConfig(**values)
