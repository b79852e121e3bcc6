"""Outcomes come back from Parquet as they were."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.errors import MateriaError
from training.statistics.outcome_files import OUTCOMES, read_outcomes, write_outcomes
from training.statistics.outcomes import Outcomes

NAMES = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=4, unique=True).map(lambda n: tuple(sorted(n)))


@settings(max_examples=25)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8), st.tuples(NAMES, NAMES, st.sampled_from(["micro_f1", "macro_f1"])), max_size=3
    ),
    st.integers(0, 99),
)
@example({"\x00": (("0",), ("0\x00",), "micro_f1")}, 0)  # NumPy's own texts lose a NUL at their end
def test_outcomes_come_back(tmp_path_factory, shapes, seed):
    draw = np.random.default_rng(seed)
    outcomes = {
        name: Outcomes(figure, units, classes, draw.random((len(units), len(classes), 3)))
        for name, (units, classes, figure) in shapes.items()
    }
    path = tmp_path_factory.mktemp("o") / "outcomes.parquet"
    write_outcomes(path, outcomes)
    found = read_outcomes(path)
    assert found.keys() == outcomes.keys()
    for name, one in outcomes.items():
        assert (found[name].figure, found[name].units, found[name].classes) == (one.figure, one.units, one.classes)
        assert np.array_equal(found[name].counts, one.counts)


def test_a_file_has_the_schema_that_describes_it_and_the_same_bytes_again(tmp_path):
    outcomes = {"m": Outcomes("mean", ("a", "b"), ("",), np.ones((2, 1, 3)))}
    for name in ("1", "2"):
        write_outcomes(tmp_path / name, outcomes)
    assert pq.read_schema(tmp_path / "1").equals(OUTCOMES, check_metadata=True)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.parametrize(
    "make", [lambda p: p.write_text("no table"), lambda p: pq.write_table(pa.table({"a": [1]}), p)]
)
def test_what_is_no_table_of_outcomes_is_refused(tmp_path, make):
    make(tmp_path / "x.parquet")
    with pytest.raises(MateriaError, match=r"x\.parquet"):
        read_outcomes(tmp_path / "x.parquet")
