"""When a stage has something to do, and what a failed check stops."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from assets.buckets import write_buckets
from assets.home import Home
from assets.stage import Check, Job, Need, Stage, refresh
from pipeline.errors import MateriaError
from pipeline.tables import SET_ASIDE


def first(job: Job) -> None:
    """Writes one row that says what the configuration says."""
    text = str(job.home.config.fusion.systematic_error)
    row = {"file": "f", "record": "1", "reason": "r", "detail": text}
    job.writer.table("rows.parquet", SET_ASIDE).write(pa.Table.from_pylist([row], SET_ASIDE))


def second(job: Job) -> None:
    """Copies the first."""
    job.writer.table("rows.parquet", SET_ASIDE).write(job.dataset("first").read())


FIRST = Stage("first", "g", first, settings=lambda home: home.config.fusion.systematic_error)
SECOND = Stage("second", "g", second, needs=(Need("first"),))


def run(stage: Stage, home: Home) -> list[bool]:
    return [result.computed for result in refresh(stage, home, stage.keys(home))]


def with_error(home: Home, value: float) -> Home:
    fusion = home.config.fusion.model_copy(update={"systematic_error": value})
    return home.configure(config=home.config.model_copy(update={"fusion": fusion}))


def test_what_is_fresh_is_not_computed_again(tmp_path: Path) -> None:
    home = Home(UPath(tmp_path))
    assert run(FIRST, home) == [True]
    assert run(FIRST, home) == [False]
    assert FIRST.stale(home) == []


def test_a_setting_makes_stale_what_reads_it_and_what_follows(tmp_path: Path) -> None:
    home = Home(UPath(tmp_path))
    run(FIRST, home), run(SECOND, home)
    changed = with_error(home, 0.2)
    assert FIRST.stale(changed) == ["all"]
    run(FIRST, changed)
    assert SECOND.stale(changed) == ["all"]


def test_an_output_that_comes_out_the_same_makes_nothing_stale(tmp_path: Path) -> None:
    home = Home(UPath(tmp_path))
    run(FIRST, home), run(SECOND, home)
    newer = Stage("first", "g", first, settings=FIRST.settings, version="2")
    assert run(newer, home) == [True]
    assert SECOND.stale(home) == []


def test_a_missing_input_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(MateriaError, match="first has not been built yet. Materialize first first"):
        run(SECOND, Home(UPath(tmp_path)))


def test_a_failed_blocking_check_stops_and_stays_stale(tmp_path: Path) -> None:
    def leaky(job: Job) -> None:
        """Fails its check."""
        first(job)
        job.check("no_leak", False, leaks=3)

    stage = Stage("leaky", "g", leaky, checks=(Check("no_leak", "Nothing may leak."),))
    home = Home(UPath(tmp_path))
    with pytest.raises(MateriaError, match="leaky: the check no_leak failed \\(leaks: 3\\)"):
        run(stage, home)
    assert stage.stale(home) == ["all"]


def test_a_build_killed_among_the_buckets_leaves_no_mixture_of_two_inputs(tmp_path: Path) -> None:
    """Killed with one bucket written, and the change taken back: the skip key is that of the build before, the buckets are not."""
    killed = False

    def shuffle(job: Job) -> None:
        text = str(job.home.config.fusion.systematic_error)

        def rows() -> Iterator[tuple[int, pa.RecordBatch]]:
            for bucket in range(job.home.config.buckets):
                if killed and bucket:
                    raise KeyboardInterrupt
                row = {"file": "f", "record": str(bucket), "reason": "r", "detail": text}
                yield bucket, pa.RecordBatch.from_pylist([row], SET_ASIDE)

        write_buckets(job, "shuffled", SET_ASIDE, rows())

    stage = Stage("shuffle", "g", shuffle, settings=FIRST.settings, shuffled="shuffled")
    home = Home(UPath(tmp_path))
    run(stage, home)
    assert run(stage, home) == [False]
    before = [home.dataset("shuffled").read(key).to_pylist() for key in home.buckets]
    killed = True
    with pytest.raises(KeyboardInterrupt):
        run(stage, with_error(home, 0.2))
    killed = False
    run(stage, with_error(home, home.config.fusion.systematic_error))
    assert [home.dataset("shuffled").read(key).to_pylist() for key in home.buckets] == before


def test_the_number_of_buckets_is_fixed_once_there_is_a_graph(tmp_path: Path) -> None:
    home = Home(UPath(tmp_path)).configure(config=Home(UPath(tmp_path)).config)
    with home.dataset("evidence_by_bucket").writer("0") as writer:
        writer.commit(skip_key="s", code_version="1", inputs={})
    with pytest.raises(MateriaError, match="made with 8 buckets and cannot change to 64"):
        home.configure(config=home.config.model_copy(update={"buckets": 64}))


def remembering(job: Job) -> None:
    """Writes a row, and reads what it kept the last time."""
    kept = job.dataset("remembering").state("kept") if job.previous else None
    if kept is not None:
        pq.read_table(kept)
    first(job)
    job.writer.state("kept", SET_ASIDE).write(SET_ASIDE.empty_table())


@pytest.mark.parametrize("harm", ["gone", "cut", "spoiled"])
def test_what_was_kept_and_is_damaged_costs_a_whole_computation_and_no_more(tmp_path: Path, harm: str) -> None:
    stage = Stage("remembering", "g", remembering, needs=(Need("first"),))
    home = Home(UPath(tmp_path))
    run(FIRST, home), run(stage, home)
    state = Path(home.dataset("remembering").state("kept") or "")
    whole = state.read_bytes()
    run(FIRST, with_error(home, 0.2))
    if harm == "gone":
        state.unlink()
    else:
        state.write_bytes(whole[:-9] if harm == "cut" else b"\0" * len(whole))
    assert run(stage, home) == [True]
    assert state.read_bytes() == whole


def test_a_partition_whose_manifest_is_lost_leaves_no_file_behind(tmp_path: Path) -> None:
    home = Home(UPath(tmp_path))
    run(FIRST, home)
    (tmp_path / "first" / "_manifests" / "all.json").unlink()
    run(FIRST, with_error(home, 0.2))
    assert len(list((tmp_path / "first").glob("*.parquet"))) == 1
