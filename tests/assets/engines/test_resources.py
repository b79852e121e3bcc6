"""What tasks ask of a cluster, and how partitions go to tasks."""

from hypothesis import given
from hypothesis import strategies as st

from assets.engines.config import EngineConfig, Resources
from assets.engines.resources import HERE, SPREAD, asks, grouped
from assets.stages import STAGES

GIB = 1 << 30
SMALL = {"CPU": 1.0, "memory": 2.0 * GIB}
LARGE = {"CPU": 16.0, "memory": 64.0 * GIB}
WITH_GPU = {"CPU": 8.0, "GPU": 1.0, "memory": 32.0 * GIB}


def stage(name):
    return next(stage for stage in STAGES if stage.name == name)


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=80),
    st.sampled_from([0.5, 1, 2, 3, 40]),
    st.sampled_from([None, 1, 5]),
    st.booleans(),
)
def test_groups_are_neighbours_that_hold_every_partition_once(sizes, cores, most, spread):
    keys = [f"{i:03d}" for i in range(len(sizes))]
    groups = grouped(keys, cores, size=dict(zip(keys, sizes, strict=True)).get, most=most, spread=spread)
    assert [key for group in groups for key in group.keys] == keys
    assert all(group.keys and group.workers >= 1 for group in groups)
    assert most is None or max(len(group.keys) for group in groups) <= most


def test_partitions_of_one_size_make_three_tasks_a_core():
    assert [len(group.keys) for group in grouped([f"{i:02d}" for i in range(64)], 2)] == [11, 11, 11, 11, 11, 9]


def test_a_partition_that_is_most_of_the_work_is_read_by_the_whole_cluster():
    sizes = {"large": 10_000, "small": 200, "smaller": 100}
    groups = grouped([*sizes], 8, size=sizes.__getitem__, spread=True)
    assert [(group.keys, group.workers) for group in groups] == [(["large"], 8), (["small", "smaller"], 1)]
    assert all(group.workers == 1 for group in grouped([*sizes], 8, size=sizes.__getitem__))


def test_a_task_asks_for_no_more_than_the_largest_node_has():
    assert asks(stage("corpus_selection"), EngineConfig(), [SMALL]) == (1, 0, 2048)
    assert asks(stage("corpus_selection"), EngineConfig(), [SMALL, LARGE]) == (8, 0, 6144)
    assert asks(stage("triples"), EngineConfig(), [SMALL, LARGE]) == (1, 0, 1536)


def test_training_takes_a_gpu_and_the_cores_of_a_node():
    assert asks(stage("pretrained_model"), EngineConfig(), [LARGE, WITH_GPU]) == (16, 1, 8192)
    assert asks(stage("pretrained_model"), EngineConfig(), [LARGE]).gpus == 0


def test_what_the_configuration_says_is_asked_for_though_no_node_has_it():
    config = EngineConfig(name="ray", stages={"triples": Resources(cpus=4, gpus=1, memory_mib=9000)})
    ask = asks(stage("triples"), config, [SMALL])
    assert ask == (4, 1, 9000)
    assert not ask.fits(SMALL)
    assert asks(stage("triples"), EngineConfig(), [SMALL]).fits(SMALL)


def test_the_stages_named_are_stages():
    assert {*HERE, *SPREAD} <= {stage.name for stage in STAGES}
