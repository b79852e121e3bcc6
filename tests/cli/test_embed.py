"""`materia embed`: a benchmark in, figures out; it goes on where it was stopped, and mistakes are one sentence."""

import json
import tarfile

import pytest

from cli.main import main

QUICK = ["--set", "trials=0", "--set", "epochs=20", "--set", "dim=16", "--set", "batch=64"]


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    """A ring of 40: next and previous, some links held out."""
    folder = tmp_path_factory.mktemp("ring")
    lines = {"train": [], "valid": [], "test": []}
    for i in range(40):
        split = "test" if i % 8 == 3 else "valid" if i % 8 == 6 else "train"
        lines[split].append(f"e{i}\tnext\te{(i + 1) % 40}")
        lines["train"].append(f"e{(i + 1) % 40}\tprevious\te{i}")
    for name, rows in lines.items():
        (folder / f"{name}.txt").write_text("\n".join(rows) + "\n")
    return folder


def embed(capsys, *words):
    status = main(["embed", *map(str, words)])
    out, err = capsys.readouterr()
    return status, out, err


def test_figures_of_every_seed_and_their_mean(benchmark, capsys):
    words = ("--triples", benchmark, "--model", "rotate", "--seeds", 2, "--json", *QUICK)
    status, out, _ = embed(capsys, *words)
    report = json.loads(out)
    assert status == 0
    assert [row["seed"] for row in report["seeds"]] == [13, 14]
    for name in ("mrr", "hits@1", "hits@3", "hits@10"):
        assert report[name] == pytest.approx(sum(row[name] for row in report["seeds"]) / 2)
    assert report["seconds"] >= max(row["seconds"] for row in report["seeds"])
    again = json.loads(embed(capsys, *words)[1])
    assert [row["sha256"] for row in again["seeds"]] == [row["sha256"] for row in report["seeds"]]
    assert report["seeds"][0]["sha256"] != report["seeds"][1]["sha256"]


def test_a_table_for_people(benchmark, capsys):
    status, out, _ = embed(capsys, "--triples", benchmark, *QUICK)
    assert status == 0
    assert out.startswith("transe, 70 training triples") and "hits@10" in out and "seed 13" in out


def test_what_is_open_is_searched_for_and_said(benchmark, capsys):
    words = ("--triples", benchmark, "--model", "distmult", "--json", "--set", "epochs=8", "--set", "dim=8")
    config = json.loads(embed(capsys, *words)[1])["config"]
    assert (config["dim"], config["epochs"]) == (8, 8)
    assert config["regularisation"] > 0, "the plain default is none"


def test_out_keeps_vectors_and_goes_on_where_it_was(benchmark, capsys, tmp_path):
    words = ("--triples", benchmark, "--model", "complex", "--json", *QUICK, "--out", tmp_path)
    first = json.loads(embed(capsys, *words)[1])
    names = {p.name for p in (tmp_path / "seed-13").iterdir()}
    assert {"checkpoint.safetensors", "embeddings.safetensors", "entities.parquet", "report.json"} <= names
    second = json.loads(embed(capsys, *words)[1])
    assert second["seeds"][0]["sha256"] == first["seeds"][0]["sha256"]
    status, _, err = embed(capsys, *words, "--set", "epochs=30")
    assert status == 1 and "is the checkpoint of another configuration" in err


def test_settings_come_from_set_before_the_file_before_the_preset(benchmark, capsys, tmp_path):
    (tmp_path / "c.yaml").write_text("model: distmult\nepochs: 2\ndim: 4\n")
    words = ("--config", tmp_path / "c.yaml", "--preset", "wn18rr", "--set", "epochs=3", "--json")
    config = json.loads(embed(capsys, "--triples", benchmark, *words)[1])["config"]
    assert (config["model"], config["epochs"], config["dim"], config["batch"]) == ("distmult", 3, 4, 512)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "dimension=3"], "dimension: there is no such key"),
        (["--set", "dim=three"], "dim: input should be a valid integer"),
        (["--set", "dim"], "--set dim has no value"),
        (["--set", "seed=99999999999999999999"], "seed: input should be less than 4294967296"),
        (["--set", "threads=100000"], "threads: input should be less than or equal to 256"),
        (["--set", "margin=.inf"], "margin: input should be a finite number"),
        (["--set", "patience=2"], "patience counts validations, and validate_every is 0"),
        (["--set", "corruption=typed"], "corruption says how negatives are drawn, and negatives is 0"),
        (["--set", "learning_rate=1e30", "--set", "trials=0", "--model", "distmult"], "the loss is"),
        (["--seeds", "0"], "--seeds is below 1"),
        (["--preset", "yago"], "there is no preset 'yago'"),
        (["--preset", ""], "there is no preset ''"),
        (["--preset", "wn18rr", "--set", "model=[a]"], "model: input should be 'transe'"),
        (["--config", "/nowhere.yaml"], "does not exist"),
    ],
)
def test_a_mistake_is_one_sentence(benchmark, capsys, words, said):
    status, out, err = embed(capsys, "--triples", benchmark, *words)
    assert status == 1 and not out
    assert err.lstrip().startswith("materia: ") and said in err and "Traceback" not in err


@pytest.mark.parametrize("name", ["train", "test"])
def test_a_benchmark_with_an_empty_file_is_one_sentence_before_anything_is_trained(benchmark, capsys, tmp_path, name):
    for file in benchmark.iterdir():
        (tmp_path / file.name).write_text("" if file.stem == name else file.read_text())
    status, _, err = embed(capsys, "--triples", tmp_path, "--out", tmp_path / "out", *QUICK)
    assert status == 1 and f"{name}.txt: holds no triple" in err
    assert not list((tmp_path / "out").iterdir())


def test_test_triples_that_training_saw_are_told(benchmark, capsys, tmp_path):
    for file in benchmark.iterdir():
        (tmp_path / file.name).write_text(file.read_text())
    status, out, err = embed(capsys, "--triples", tmp_path, "--json", *QUICK)
    assert status == 0 and not err and json.loads(out)["leaked"] == {"validation": 0, "test": 0}
    seen = (tmp_path / "train.txt").read_text().splitlines()[:2]
    with (tmp_path / "test.txt").open("a") as file:
        file.write("\n".join(seen))
    status, out, err = embed(capsys, "--triples", tmp_path, "--json", *QUICK)
    assert status == 0 and json.loads(out)["leaked"] == {"validation": 0, "test": 2}
    assert "2 of 7 test triples are training or validation triples too" in err


@pytest.mark.parametrize(
    ("out", "said"),
    [("file", "cannot be made a folder"), ("file/x", "cannot be made a folder"), ("s3://b/x", "is no local")],
)
def test_an_out_that_can_be_no_folder_is_one_sentence(benchmark, capsys, tmp_path, monkeypatch, out, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    status, _, err = embed(capsys, "--triples", benchmark, "--out", out, *QUICK)
    assert status == 1 and f"--out {out}: {said}" in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_one_relation_only_is_enough(capsys, tmp_path):
    for name, rows in (("train", range(20)), ("valid", range(20, 22)), ("test", range(22, 24))):
        (tmp_path / f"{name}.txt").write_text("".join(f"e{i}\tr\te{i * 7 % 20}\n" for i in rows))
    status, out, _ = embed(capsys, "--triples", tmp_path, "--json", *QUICK)
    assert status == 0 and 0 < json.loads(out)["mrr"] < 1


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize(("model", "least"), [("distmult", 0.9), ("complex", 0.94), ("rotate", 0.81), ("transe", 0.76)])
def test_umls_is_learned_with_nothing_set(materia_data, capsys, model, least):
    archive = materia_data / "graphs" / "umls.tar.gz"
    assert tarfile.is_tarfile(archive)
    report = json.loads(embed(capsys, "--triples", archive, "--model", model, "--json")[1])
    assert report["mrr"] >= least
