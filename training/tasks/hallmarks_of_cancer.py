"""The Hallmarks of Cancer corpus (Baker et al., Bioinformatics 2016, doi:10.1093/bioinformatics/btv585), as its archive comes.

    .../text/PMID.txt     the sentences of an abstract, one a line
    .../labels/PMID.txt   for each sentence `<` and its labels, joined by ` AND`: `<Hallmark--finer class AND...`

An example is an abstract, and has the hallmarks (ten; the finer classes are left out) of any of its sentences, none included. So do
BLUE (Peng et al. 2019, arXiv:1906.05474) and BLURB (Gu et al. 2021, arXiv:2007.15779); Baker et al. judge sentences, most of which
have no label, and one binary classifier a hallmark. The archive has no split of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from upath import UPath

from pipeline.archives import archive_format, members
from pipeline.errors import MateriaError, SetAside
from pipeline.readers.encodings import decode
from pipeline.readers.streams import BrokenStreamError, read_head
from training.tasks.base import Example

__all__ = ["is_hallmarks_archive", "read_hallmarks"]


def is_hallmarks_archive(file: str) -> bool:
    """Whether a file is an archive, which no other form of records is. What cannot be read is none."""
    try:
        head, _ = read_head(UPath(file))
    except (OSError, BrokenStreamError):
        return False
    return archive_format(head) is not None


def read_hallmarks(file: str) -> Iterator[Example[frozenset[str]] | SetAside]:
    """The abstracts of the archive, by PMID; one without labels is set aside (`no-label`), or without a text (`no-text`).

    Raises:
        MateriaError: the archive holds nothing of the kind.
    """
    name, path = Path(file).name, UPath(file)
    head, _ = read_head(path)
    found: dict[str, dict[str, str]] = {"text": {}, "labels": {}}
    for member in members(path, archive_format(head) or "", name):
        if isinstance(member, SetAside):
            yield member
            continue
        place = PurePosixPath(member[0])
        if place.suffix == ".txt" and place.parent.name in found:
            found[place.parent.name][place.stem] = decode(member[2].read()) or ""
    if not (found["text"] and found["labels"]):
        raise MateriaError(
            "is an archive, and not that of Hallmarks of Cancer (text/PMID.txt, labels/PMID.txt)",
            file=file,
            remedy="Give files of records: CSV, TSV, JSON, JSON Lines or Parquet",
        )
    for pmid in sorted(found["text"].keys() | found["labels"].keys()):
        text, labels = (found[kind].get(pmid) for kind in ("text", "labels"))
        if not (text and text.strip()):
            yield SetAside(name, pmid, "no-text", "The abstract has no text. Get the archive again.")
        elif labels is None:
            yield SetAside(name, pmid, "no-label", "The abstract has no file of labels. Get the archive again.")
        else:
            yield Example(f"{name}, {pmid}", f"PMID:{pmid}", (" ".join(text.split()),), _hallmarks(labels))


def _hallmarks(labels: str) -> frozenset[str]:
    """The hallmarks of all sentences, without their finer classes."""
    named = (label.partition("--")[0].strip() for part in labels.split("<") for label in part.split("AND"))
    return frozenset(label for label in named if label and label != "NULL")
