"""How the costs of stages grow with documents and buckets, from samples of one or two sizes to any number.

The processor time of a stage is `fixed + each * documents ** exponent + bucket * buckets`: `fixed` and `each` are told by two samples,
the exponent by the table. It was chosen by hand, in steps, after clean builds of the real abstracts and of copies of them with words
varied (`benchmarks/scale.py documents`) of 1,000, 3,000, 11,195, 106,000 and 1,008,805 documents, and `bucket` after builds of 300
documents in 4 and in 64 buckets. Vocabulary and index of names do not grow; what reads texts grows with them; what
goes over triples and concepts grows more slowly, as papers repeat each other.

Memory grows by the table too, as a sample is too small to show it: DuckDB holds up to 1 GB before it writes to disk, so that
a stage over everything has 0.6 for an exponent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from assets.plan.measured import Measured

__all__ = ["disk_of", "memory_of", "processor_seconds"]


class _Growth(NamedTuple):
    """Exponent of the documents, processor seconds of a bucket, MiB that a million documents add."""

    exponent: float = 1.0
    bucket: float = 0.0
    mib: int = 0


_GROWTH: Final[Mapping[str, _Growth]] = MappingProxyType(
    {
        "literature_inventory": _Growth(0),
        "vocabulary": _Growth(0),
        "graph_evidence": _Growth(0),
        "name_index": _Growth(0),
        "live_documents": _Growth(0.6, mib=400),
        "evidence_shuffle": _Growth(0.7, bucket=0.002, mib=700),
        "literature_shuffle": _Growth(bucket=0.002, mib=1100),
        "triples": _Growth(0.7, bucket=0.003, mib=700),
        "concept_shuffle": _Growth(0.7, bucket=0.003),
        "knowledge_graph": _Growth(0.7, bucket=0.003, mib=500),
        "graph_index": _Growth(0.7, mib=900),
        "withholding": _Growth(0.7, mib=900),
        "triple_context_shuffle": _Growth(0.7, bucket=0.004, mib=900),
        "told_concept_shuffle": _Growth(0.7, bucket=0.003, mib=900),
        "verbalized_corpus": _Growth(0.7, bucket=0.009, mib=1400),
        "literature_corpus": _Growth(bucket=0.013, mib=1000),
        "corpus_selection": _Growth(bucket=0.05, mib=2950),
        "corpus_shards": _Growth(0.85, bucket=0.012, mib=1400),
        "corpus": _Growth(bucket=0.007, mib=2100),
    }
)
_USUAL: Final = _Growth()
_MIB_EXPONENT: Final = 0.6
#: Bytes that a bucket takes on the disk whatever it holds: heads of tables, and blocks that are not full.
_BUCKET_BYTES: Final = 340 << 10
#: MiB of each worker of the stages that read texts beside the first: libraries and index of names.
WORKER_MIB: Final = 200


def processor_seconds(stage: str, documents: int, buckets: int, measured: Sequence[Measured], reading: float) -> float:
    """Of a stage in a clean build.

    Args:
        measured: one build, or two of different sizes, the smaller one first.
        reading: processor seconds of reading a document; 0 where the stage `documents` was measured on the files themselves.
    """
    growth = _GROWTH.get(stage, _USUAL)
    small, large = measured[0], measured[-1]
    last = large.stages[stage].cpu
    if stage == "documents" and reading:
        return last + reading * (documents - large.documents)
    sizes = [one.documents**growth.exponent for one in (small, large)]
    wanted = documents**growth.exponent
    if growth.exponent and sizes[1] > sizes[0]:
        each = max(0.0, (last - small.stages[stage].cpu) / (sizes[1] - sizes[0]))
        spent = last + each * (wanted - sizes[1])
    else:
        spent = last * (wanted / sizes[1] if growth.exponent else 1)
    return float(max(0.0, spent + growth.bucket * (buckets - large.buckets)))


def memory_of(stage: str, documents: int, measured: Sequence[Measured]) -> float:
    """MiB of a stage at most, with one worker."""

    def grown(number: int) -> float:
        return float(_GROWTH.get(stage, _USUAL).mib * (number / 1e6) ** _MIB_EXPONENT)

    large = measured[-1]
    # The difference first: for as many documents as were measured it is 0, not nearly 0.
    return max(1.0, large.stages[stage].mib + (grown(documents) - grown(large.documents)))


def disk_of(documents: int, buckets: int, measured: Sequence[Measured], cache: int) -> float:
    """Bytes of a home with these documents.

    Args:
        cache: most bytes of the cache that the configuration allows.
    """
    small, large = measured[0], measured[-1]
    total = float(_BUCKET_BYTES * (buckets - large.buckets))
    for name, last in large.disk.items():
        growth = _GROWTH.get(name, _USUAL).exponent
        sizes = [one.documents**growth for one in (small, large)]
        if growth and sizes[1] > sizes[0]:
            each = max(0.0, (last - small.disk.get(name, 0)) / (sizes[1] - sizes[0]))
            size = last + each * (documents**growth - sizes[1])
        else:
            size = last * documents**growth / sizes[1]
        total += min(size, cache) if name == "cache" else size
    return max(0.0, total)
