"""Tiny Hugging Face models made in a test from configuration: nothing is downloaded. Letters are the tokens, so they write any language."""

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.decoders import Fuse
from tokenizers.processors import TemplateProcessing
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"


def _tokenizer(texts):
    words = [PAD, END, UNKNOWN, *sorted({letter for text in texts for letter in text})]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = Fuse()
    tokenizer.post_processor = TemplateProcessing(single=f"$A {END}", special_tokens=[(END, 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, unk_token=UNKNOWN)


def random_t5(folder, texts):
    """A T5 with random weights: what it writes is noise."""
    tokenizer = _tokenizer(texts)
    torch.manual_seed(1)
    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(tokenizer), d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2, initializer_factor=8.0,
            decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
        )
    )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def trained_t5(folder, pairs, steps=2000):
    """A T5 that has learned to write the second of each pair for the first."""
    tokenizer = _tokenizer([text for pair in pairs for text in pair])
    torch.manual_seed(1)
    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(tokenizer), d_model=64, d_kv=16, d_ff=128, num_layers=2, num_heads=4, dropout_rate=0.0,
            decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
        )
    )  # fmt: skip
    sources = tokenizer([a for a, _ in pairs], padding=True, return_tensors="pt")
    labels = tokenizer([b for _, b in pairs], padding=True, return_tensors="pt").input_ids
    labels[labels == 0] = -100
    _fit(model, steps, input_ids=sources.input_ids, attention_mask=sources.attention_mask, labels=labels)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def trained_gpt2(folder, pairs, steps=150):
    """A GPT-2 that has learned to go on behind "first>" with the second of each pair."""
    tokenizer = _tokenizer([">", *(text for pair in pairs for text in pair)])
    torch.manual_seed(1)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer), n_embd=64, n_layer=2, n_head=4, n_positions=512, resid_pdrop=0.0, embd_pdrop=0.0,
            attn_pdrop=0.0, bos_token_id=1, eos_token_id=1, pad_token_id=0,
        )
    )  # fmt: skip
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="$A", special_tokens=[])
    batch = tokenizer([f"{a}>{b}{END}" for a, b in pairs], padding=True, return_tensors="pt")
    labels = batch.input_ids.clone()
    labels[batch.attention_mask == 0] = -100
    _fit(model, steps, input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=labels)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _fit(model, steps, **batch):
    """Train until the pairs are known by heart, or for so many steps: how many that takes differs from processor to processor."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.004:
            break
