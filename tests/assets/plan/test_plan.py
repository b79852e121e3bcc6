"""Plans: engines share out the work, a home that was built tells its own costs, and what cannot be planned is told in a sentence."""

from dataclasses import replace
from pathlib import Path

import pytest

from assets.build import build
from assets.home import SAMPLE, Home, open_home
from assets.plan.measured import sizes_of
from assets.plan.plan import Plan, advised_buckets, make_plan
from assets.plan.sample import Literature
from assets.usage import history
from pipeline.errors import MateriaError

SOURCES = [str(SAMPLE / "literature")], [str(SAMPLE / "vocabulary")]
UNTIL = ["knowledge_graph"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The sample's graph, built."""
    home = open_home(str(tmp_path_factory.mktemp("plan") / "home")).configure(*SOURCES)
    home = home.configure(config=home.config.model_copy(update={"buckets": 4, "workers": 1}))
    build(home, UNTIL)
    return home


@pytest.fixture(scope="module")
def plan(home: Home) -> Plan:
    """That of the same build, from samples."""
    return make_plan(*SOURCES, home.config, until=UNTIL, workers=1)


def test_a_plan_from_a_sample_is_what_a_build_takes(plan: Plan, home: Home) -> None:
    """Small as it is the whole is the sample, so this holds the way from the one to the other; benchmarks/scale.py holds real builds."""
    measured = {line["stage"]: line for line in history(home)}
    assert list(plan.stages) == list(measured)
    documents = sum(manifest.rows for manifest in home.dataset("documents").manifests().values())
    assert documents * 0.9 <= plan.documents <= documents
    spent = sum(line["processor_seconds"] for line in measured.values())
    assert 0.4 < plan.cpu / spent < 1.5  # the home was built first, so it has the seconds of the imports
    assert 1 / 1.5 < plan.mib / max(line["peak_mib"] for line in measured.values()) < 1.5
    disk = sum(path.stat().st_blocks * 512 for path in home.path.rglob("*") if path.is_file())
    assert 1 / 1.5 < plan.home_bytes / disk < 1.5


def test_a_home_that_was_built_tells_its_own_costs(home: Home) -> None:
    told: list[str] = []
    plan = make_plan(*SOURCES, home.config, home=home, until=UNTIL, workers=1, on_stage=told.append)
    assert told == []  # no sample was built
    assert "the build of this home" in plan.rests_on[1]
    measured = {line["stage"]: line["peak_mib"] for line in history(home)}
    assert abs(plan.stages["vocabulary"].mib - measured["vocabulary"]) <= 1


def test_more_workers_take_less_time_and_ray_shares_out_more_than_one_machine(home: Home) -> None:
    def seconds(engine: str, workers: int) -> float:
        many = replace(home, config=home.config.model_copy(update={"workers": workers}))
        found = make_plan(*SOURCES, many.config, home=many, until=UNTIL, engine=engine, workers=workers)  # type: ignore[arg-type]
        return found.stages["triples"].seconds if engine == "local" else found.stages["triples"].seconds - 0.15

    assert seconds("local", 1) == seconds("local", 8)
    assert seconds("ray", 8) < seconds("ray", 2) < seconds("ray", 1)


def test_how_many_workers_a_time_needs(home: Home) -> None:
    def needed(within_s: float) -> int | None:
        return make_plan(*SOURCES, home.config, home=home, until=UNTIL, engine="ray", within_s=within_s).needed

    assert needed(86400) == 1
    assert needed(0.01) == 0  # joining the cluster takes longer
    assert make_plan(*SOURCES, home.config, home=home, until=UNTIL).needed is None


def test_samples_hold_fewer_full_texts_than_abstracts_and_all_documents_where_they_are_few() -> None:
    abstracts = Literature(documents=10**6, read=1000, characters=1_500_000)
    full_texts = Literature(documents=10**6, read=1000, characters=50_000_000)
    assert sizes_of(abstracts) == (300, 1200)
    assert sizes_of(full_texts) == (20, 80)
    assert sizes_of(Literature(documents=81, read=81, characters=100_000)) == (81,)


def test_buckets_hold_some_thousand_documents() -> None:
    assert [advised_buckets(n) for n in (1, 11_000, 1_000_000, 36_000_000)] == [64, 64, 512, 4096]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"until": "pretrained_model"}, "kg_embeddings trains for as long as its configuration says"),
        ({"until": "nonsense"}, "there is no asset 'nonsense'"),
        ({"workers": 0}, "0 workers cannot build"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence(given: dict[str, object], says: str) -> None:
    with pytest.raises(MateriaError, match=says):
        make_plan(*SOURCES, **given)  # type: ignore[arg-type]


def test_sources_are_judged_as_a_build_judges_them(tmp_path: Path) -> None:
    with pytest.raises(MateriaError, match="does not exist"):
        make_plan([str(tmp_path / "none")], SOURCES[1])
    with pytest.raises(MateriaError, match=r"none\.obo"):
        make_plan(SOURCES[0], [str(tmp_path / "none.obo")])
