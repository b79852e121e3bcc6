"""Pretraining as a whole: losses fall, runs repeat to the bit, the folder loads without this project, bad input is told."""

import json
from dataclasses import replace

import pytest
import torch
import yaml
from transformers import AutoModel, AutoTokenizer

from pipeline.errors import MateriaError
from pipeline.settings import parse_settings, set_keys
from training.config import PretrainingConfig
from training.evaluation.objectives import evaluate
from training.model import load_model
from training.pretrain import pretrain
from training.sources import Sources

USUAL = {"masked_lm", "next_sentence", "link_prediction_table", "relation_classification"}


def changed(config, *assignments):
    values = set_keys(config.model_dump(mode="json"), assignments)
    return parse_settings(PretrainingConfig, values, "test", remedy="Correct it")


@pytest.fixture(scope="module")
def sources(corpus):
    licences = {"model": None, "corpus": "CC-BY-4.0"}
    return Sources(corpus.train, corpus.validation, corpus.triples, corpus.names, licences)


@pytest.fixture(scope="module")
def trained(sources, small, tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "model"
    config = changed(small, "trainer.steps=80", "trainer.evaluate_every=40")
    return config, out, pretrain(sources, config, out=out, run=out.with_name("run"))


def test_every_loss_falls(trained):
    _, _, report = trained
    assert set(report["losses"]) == {"total", *USUAL}
    for name in {"total", *USUAL} - {"next_sentence"}:
        assert report["losses"][name]["last"] < report["losses"][name]["first"], name
    assert (report["steps"], report["rows"]) == (80, 80 * 8)
    assert report["tokens"] > 0
    assert [step for step, _ in report["looks"]] == [40, 80]
    assert report["validation"]["relation_classification"]["macro_f1"] > 0.5


def test_the_folder_loads_without_this_project(trained):
    _, out, _ = trained
    model, tokenizer = AutoModel.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    states = model(**tokenizer("metformin treats pain", return_tensors="pt")).last_hidden_state
    ours, _ = load_model(out)
    theirs = ours.backbone.model.bert.embeddings.word_embeddings.weight
    torch.testing.assert_close(model.embeddings.word_embeddings.weight, theirs)
    assert states.shape[-1] == 48
    assert torch.isfinite(states).all()


def test_the_folder_holds_the_record_of_what_it_read(trained, corpus):
    config, out, _ = trained
    manifest = json.loads((out / "materia_manifest.json").read_text())
    assert manifest["shards"][0] == {"name": corpus.train[0].name, "sha256": corpus.train[0].sha256, "split": "train"}
    assert [s["split"] for s in manifest["shards"]] == ["train"] * 4 + ["validation"]
    assert PretrainingConfig(**json.loads((out / "training_config.json").read_text())) == config
    written = b"".join(p.read_bytes() for p in out.iterdir() if p.suffix in {".json", ".csv", ".md"})
    assert str(corpus.folder).encode() not in written
    assert str(out).encode() not in written
    assert b"tokens_per_second" not in written
    assert (out / "losses.csv").read_text().splitlines()[0].startswith("step,total,masked_lm")
    assert (out / "losses.png").read_bytes().startswith(b"\x89PNG")
    assert not list(out.with_name("run").glob("step-*"))


def test_the_card_says_what_is_known_and_what_is_not(trained, corpus):
    _, out, report = trained
    _, head, body = (out / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert yaml.safe_load(head)["pipeline_tag"] == "fill-mask"
    assert "license" not in yaml.safe_load(head)
    for text in (
        f"| {corpus.train[0].name} |".replace("| ", "| `").replace(" |", "` |"),
        "| corpus | CC-BY-4.0 |",
        "| model | not stated |",
        "It learned from text: masked words (`masked_lm`), `next_sentence`; "
        "from the graph: `link_prediction_table`, `relation_classification`.",
        "`losses.csv` has those of every 10 steps.",
        "| triples | 40 |",
        f"| tokens read | {report['tokens']:,} |",
        "| objectives | link_prediction_table (link_prediction_table.v1), masked_lm",
        "## Limitations",
    ):
        assert text in body, text


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(sources, small, tmp_path):
    config = changed(small, "trainer.steps=6", "backbone.dropout=0.1")
    for name, seed, torchs in (("a", 13, 1), ("b", 13, 2), ("c", 14, 1)):
        torch.manual_seed(torchs)
        pretrain(sources, changed(config, f"seed={seed}"), out=tmp_path / name, run=tmp_path / f"{name}.run")
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert {n for n in names if (tmp_path / "a" / n).read_bytes() != (tmp_path / "b" / n).read_bytes()} == set()
    assert (tmp_path / "a.run" / "trace.csv").read_bytes() != (tmp_path / "c.run" / "trace.csv").read_bytes()


def test_training_leaves_torchs_state_as_it_was(sources, small, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    pretrain(sources, changed(small, "trainer.steps=1"), out=tmp_path / "m", run=tmp_path / "r")
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


class KilledError(Exception):
    pass


def test_a_run_in_the_way_is_not_overwritten_and_goes_on_when_asked(sources, small, tmp_path, trained):
    def on_step(step):
        if step.step == 7:
            raise KilledError

    config, words = changed(small, "trainer.checkpoint_every=5"), {"out": tmp_path / "m", "run": tmp_path / "r"}
    with pytest.raises(KilledError):
        pretrain(sources, config, **words, on_step=on_step)
    with pytest.raises(MateriaError, match="holds a run that stopped at step 5. Go on with --resume"):
        pretrain(sources, config, **words)
    with pytest.raises(MateriaError) as error:
        pretrain(replace(sources, train=sources.train[:3]), config, **words, resume=True)
    assert "is a checkpoint of another configuration: inputs.train shards is" in str(error.value)
    pretrain(sources, changed(config, "trainer.checkpoint_every=9"), **words, resume=True)
    pretrain(sources, config, out=tmp_path / "whole", run=tmp_path / "whole.run")
    for name in ("model.safetensors", "heads.safetensors"):
        assert (tmp_path / "m" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_triples_that_follow_the_text_do_so_after_a_resume_too(sources, small, tmp_path):
    def on_step(step):
        if step.step == 5:
            raise KilledError

    uniform = changed(small, "trainer.steps=8", "trainer.checkpoint_every=3")
    config = changed(uniform, "data.drawing=mentioned")
    with pytest.raises(KilledError):
        pretrain(sources, config, out=tmp_path / "m", run=tmp_path / "r", on_step=on_step)
    pretrain(sources, config, out=tmp_path / "m", run=tmp_path / "r", resume=True)
    pretrain(sources, config, out=tmp_path / "whole", run=tmp_path / "whole.run")
    pretrain(sources, uniform, out=tmp_path / "other", run=tmp_path / "other.run")
    m, whole, other = (
        [(tmp_path / name / file).read_bytes() for file in ("model.safetensors", "heads.safetensors", "losses.csv")]
        for name in ("m", "whole", "other")
    )
    assert m == whole and all(one != two for one, two in zip(m, other, strict=True))


def test_a_trained_model_is_gone_on_from(trained, sources, small, tmp_path):
    _, out, _ = trained
    settings = [f"backbone={{pretrained: '{out}'}}", "trainer.steps=2", "trainer.learning_rate=1e-9"]
    values = set_keys(small.model_dump(mode="json", exclude={"backbone"}), settings)
    report = pretrain(sources, PretrainingConfig(**values), out=tmp_path / "m", run=tmp_path / "r")
    before, after = (
        AutoModel.from_pretrained(folder).embeddings.word_embeddings.weight for folder in (out, tmp_path / "m")
    )
    torch.testing.assert_close(before, after)
    assert report["losses"]["masked_lm"]["last"] < trained[2]["losses"]["masked_lm"]["first"]
    manifest = json.loads((tmp_path / "m" / "materia_manifest.json").read_text())
    assert set(manifest["models"]) == {"backbone"}


def test_bf16_checkpointed_and_accumulated_steps_learn(sources, small, tmp_path):
    config = changed(small, "trainer.precision=bf16", "trainer.accumulation=2", "backbone.gradient_checkpointing=true")
    report = pretrain(sources, config, out=tmp_path / "m", run=tmp_path / "r")
    assert report["rows"] == 20 * 2 * 8
    assert report["losses"]["masked_lm"]["last"] < report["losses"]["masked_lm"]["first"]


def test_evaluation_judges_the_folder(trained, corpus, sources):
    config, out, report = trained
    figures = evaluate(out, {"validation": corpus.validation, "test": []}, corpus.triples, corpus.names, config)
    assert figures["validation"] == report["validation"]


def test_bad_input_is_one_clear_sentence(sources, small, tmp_path, write_shard):
    empty = write_shard(tmp_path, "empty.parquet", [])
    text_only = ["objectives.link_prediction_table.weight=0", "objectives.relation_classification.weight=0"]
    patient = ["trainer.patience=2", "trainer.evaluate_every=2"]
    none = [f"objectives.{name}.weight=0" for name in USUAL]
    cases = [
        ({"triples": sources.triples.slice(0, 0)}, [], "link_prediction_table learns from triples, and there are none"),
        ({"train": [empty]}, text_only, "no text to train a tokenizer on"),
        ({}, none, "every objective has weight 0"),
        ({}, ["backbone={pretrained: nowhere}"], "nowhere"),
        ({}, ["tokenizer.pretrained=nowhere"], "nowhere"),
        ({}, ["objectives.link_prediction_table.embeddings=kg_embeddings/rotate"], "there are no such embeddings"),
        ({"validation": []}, patient, "trainer.patience waits for .*, and there is no shard of the validation split"),
        ({}, [*patient, *none, "objectives.link_prediction_table.weight=1"], "and every objective is over triples"),
        (
            {},
            ["trainer.learning_rate=1e30", "trainer.steps=8", "trainer.clip=0"],
            r"is no number; there is no checkpoint before it. Lower trainer.learning_rate",
        ),
    ]
    for number, (changes, settings, problem) in enumerate(cases):
        values = small.model_dump(mode="json", exclude={"backbone"} if "backbone" in str(settings) else {})
        config = PretrainingConfig(**set_keys(values, settings))
        with pytest.raises(MateriaError, match=problem) as error:
            pretrain(replace(sources, **changes), config, out=tmp_path / "m", run=tmp_path / str(number))
        assert "\n" not in str(error.value)
        assert not (tmp_path / "m").exists()
