"""Costs are carried from samples to the whole: exact where they were measured, never less for more documents."""

from hypothesis import given
from hypothesis import strategies as st

from assets.plan.growth import disk_of, memory_of, processor_seconds
from assets.plan.measured import Cost, Measured

STAGES = ("vocabulary", "documents", "mentions", "graph_index", "corpus_selection")
seconds = st.floats(0.01, 100)


@st.composite
def two_samples(draw: st.DrawFn) -> list[Measured]:
    small = draw(st.integers(10, 500))
    sizes = (small, small + draw(st.integers(1, 2000)))
    mib = st.integers(100, 2000)
    return [
        Measured(
            size,
            4,
            {name: Cost(draw(seconds), draw(seconds), draw(mib)) for name in STAGES},
            {"documents": draw(st.integers(0, 10**9)), "cache": draw(st.integers(0, 10**9))},
        )
        for size in sizes
    ]


@given(two_samples(), st.sampled_from(STAGES))
def test_what_was_measured_is_what_is_planned(measured: list[Measured], stage: str) -> None:
    large = measured[-1]
    planned = processor_seconds(stage, large.documents, large.buckets, measured, 0.0)
    assert abs(planned - large.stages[stage].cpu) < 1e-6
    assert memory_of(stage, large.documents, measured) == large.stages[stage].mib
    assert abs(disk_of(large.documents, large.buckets, measured, 1 << 40) - sum(large.disk.values())) < 1


@given(two_samples(), st.sampled_from(STAGES), st.integers(3000, 10**7), st.integers(1, 10**6))
def test_more_documents_never_cost_less(measured: list[Measured], stage: str, documents: int, more: int) -> None:
    def costs(number: int) -> list[float]:
        return [
            processor_seconds(stage, number, 64, measured, 1e-4),
            memory_of(stage, number, measured),
            disk_of(number, 64, measured, 1 << 30),
        ]

    assert all(one <= other + 1e-6 for one, other in zip(costs(documents), costs(documents + more), strict=True))


def test_what_two_samples_say_goes_on_in_proportion_for_what_reads_texts_and_not_at_all_for_vocabularies() -> None:
    stages = [{"mentions": Cost(s, s, 500), "vocabulary": Cost(5, 5, 400)} for s in (1.0, 3.0)]
    measured = [Measured(n, 4, one, {}) for n, one in zip((100, 300), stages, strict=True)]
    assert processor_seconds("mentions", 1000, 4, measured, 0.0) == 10.0
    assert processor_seconds("vocabulary", 1000, 4, measured, 0.0) == 5.0


def test_the_cache_takes_no_more_than_it_may() -> None:
    measured = [Measured(n, 4, {}, {"cache": n * 10**6}) for n in (100, 300)]
    assert disk_of(10**6, 4, measured, 1 << 30) == 1 << 30
