"""Adapters: what learns, what stays, and that merged they say the same."""

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from pipeline.errors import MateriaError
from training.backbones.config import BackboneConfig
from training.backbones.table import make_backbone
from training.finetuning.adapters import adapted_layers, add_adapters, merge_adapters
from training.finetuning.config import AdapterConfig
from training.tasks.loading import load_with_head


@pytest.fixture(scope="module", params=["bert", "gpt2", "llama", "xlnet"])
def encoder(request, tmp_path_factory, make_tokenizer):
    torch.manual_seed(0)
    sizes = BackboneConfig(family=request.param, layers=2, hidden=16, heads=2, feed_forward=32)
    folder = tmp_path_factory.mktemp(request.param)
    make_backbone(sizes, make_tokenizer(), 24).save(folder)
    return folder


def head(encoder):
    torch.manual_seed(1)
    return load_with_head(AutoModelForSequenceClassification, encoder, num_labels=3, pad_token_id=0).eval()


def randomized(model):
    """Adapters begin at zero, where merging changes nothing."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.5)


def test_merged_adapters_say_what_unmerged_ones_said(encoder):
    ids = torch.randint(7, 40, (3, 12), generator=torch.Generator().manual_seed(2))
    model, plain = head(encoder), head(encoder)
    before = plain(input_ids=ids).logits
    tuner = add_adapters(model, AdapterConfig(rank=2))
    torch.testing.assert_close(model(input_ids=ids).logits, before)
    randomized(model)
    adapted = model(input_ids=ids).logits
    assert (adapted - before).abs().max() > 1e-3
    merge_adapters(tuner)
    torch.testing.assert_close(model(input_ids=ids).logits, adapted, rtol=1e-4, atol=1e-5)
    assert model.state_dict().keys() == plain.state_dict().keys()


def test_layers_and_embeddings_stay_and_the_rest_learns(encoder):
    model = head(encoder)
    frozen = dict(head(encoder).named_parameters())
    tuner = add_adapters(model, AdapterConfig(rank=2))
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert any("lora_A" in name for name in learning)
    heads = {name for name in frozen if name.startswith(("classifier", "score", "logits_proj", "sequence_summary"))}
    assert heads and heads <= learning
    embeddings = {id(p) for p in model.get_input_embeddings().parameters()}
    assert not any(id(p) in embeddings for p in model.parameters() if p.requires_grad)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    model(input_ids=torch.arange(7, 17)[None], labels=torch.tensor([2])).loss.backward()
    optimizer.step()
    kept = {name.replace(".base_layer", ""): p for name, p in model.named_parameters() if name not in learning}
    assert kept and all(torch.equal(parameter, frozen[name]) for name, parameter in kept.items())
    merge_adapters(tuner)


def test_attention_and_feed_forward_layers_are_found(encoder):
    names = adapted_layers(head(encoder))
    per_layer = {"bert": 6, "gpt2": 4, "llama": 7, "xlnet": 2}  # of xlnet attention is no linear layer
    family = head(encoder).config.model_type
    assert len(names) == 2 * per_layer[family]
    assert not any(name.startswith(("classifier", "score", "logits_proj")) for name in names)


def test_a_model_without_layers_is_refused():
    class Flat(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.base_model = torch.nn.Linear(2, 2)

    with pytest.raises(MateriaError, match="Flat has no repeated blocks"):
        adapted_layers(Flat())
