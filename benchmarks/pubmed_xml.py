"""PubMed XML: our reader beside `pubmed_parser.parse_medline_xml`, in records a second and peak memory.

    python benchmarks/pubmed_xml.py [--sizes 1000 10000 100000 300000] [--peer-largest 100000]

Each figure is a fresh process pinned to one core that reads one gzip file from its start. Speed is counted in seconds of
that process's own processor time, so that what else runs on the machine does not matter; memory is the peak of the resident
set over that of the imports. Both read the same files. The peer reads in addition authors, affiliations and references; we
read in addition PMID versions, deletions, retractions, abstracts and titles in other languages, and books.

The files are made here: 2,000 records of generated words (seed 7), of the parts PubMed's have (a third with a structured
abstract, 10 MeSH headings, 5 authors with affiliations, a third with a list of 30 references; some with inline markup,
keywords, grants, titles and abstracts in other languages), written over and over, each time under a PMID of its own. With
9.6 kB and 175 elements in the mean they lie between MEDLINE's citations of 2006 (4.3 kB, 87 elements) and today's efetch
answers (5 to 44 kB, 110 to 650 elements).
"""

from __future__ import annotations

import argparse
import gzip
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SEED, TEMPLATES = 7, 2000
_PROLOG = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    b'"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n<PubmedArticleSet>\n'
)
_PMID = b"@PMID@"
_LABELS = ("BACKGROUND", "METHODS", "RESULTS", "CONCLUSIONS")
_SYLLABLES = (
    "ab",
    "car",
    "din",
    "es",
    "fol",
    "gen",
    "hep",
    "ic",
    "jun",
    "kin",
    "mon",
    "neur",
    "os",
    "pro",
    "quin",
    "sul",
    "tox",
    "vas",
)


class Generator:
    """Records of generated words, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.words = sorted(
            {"".join(self.random.choices(_SYLLABLES, k=self.random.randint(1, 4))) for _ in range(6000)}
        )

    def chance(self, share: float) -> bool:
        """Whether what happens to that share of records happens to this one."""
        return self.random.random() < share

    def text(self, least: int, most: int) -> str:
        """Words, one in forty in italics, with a subscript, or of other than ASCII letters."""
        words = self.random.choices(self.words, k=self.random.randint(least, most))
        for place in range(0, len(words), 40):
            change = self.random.choice(
                ("<i>{}</i>", "{}<sub>2</sub>", "{}<sup>+</sup>", "naïve {}", "{} &lt; 5", "{},")
            )
            words[place] = change.format(words[place])
        return " ".join(words).capitalize() + "."

    def date(self, tag: str, attributes: str = "") -> str:
        """A date as PubMed writes it."""
        year, month, day = self.random.randint(1975, 2024), self.random.randint(1, 12), self.random.randint(1, 28)
        return f"<{tag}{attributes}><Year>{year}</Year><Month>{month:02}</Month><Day>{day:02}</Day></{tag}>"

    def abstract(self) -> str:
        """An abstract, structured or not."""
        if self.chance(0.35):
            parts = [
                f'<AbstractText Label="{label}" NlmCategory="{label}">{self.text(20, 90)}</AbstractText>'
                for label in _LABELS
            ]
        else:
            parts = [f"<AbstractText>{self.text(60, 300)}</AbstractText>"]
        return f"<Abstract>{''.join(parts)}</Abstract>"

    def authors(self) -> str:
        """One to nine authors with affiliations."""
        author = (
            '<Author ValidYN="Y"><LastName>{}</LastName><ForeName>{}</ForeName><Initials>A</Initials>'
            "<AffiliationInfo><Affiliation>{}</Affiliation></AffiliationInfo></Author>"
        )
        people = (
            author.format(*self.random.choices(self.words, k=2), self.text(8, 20))
            for _ in range(self.random.randint(1, 9))
        )
        return f'<AuthorList CompleteYN="Y">{"".join(people)}</AuthorList>'

    def headings(self) -> str:
        """Four to sixteen MeSH headings."""
        lines = []
        for _ in range(self.random.randint(4, 16)):
            qualifier = (
                '<QualifierName UI="Q000187" MajorTopicYN="N">drug effects</QualifierName>' if self.chance(0.4) else ""
            )
            number = self.random.randint(1, 60_000)
            lines.append(
                f'<MeshHeading><DescriptorName UI="D{number:06}" MajorTopicYN="N">{self.random.choice(self.words)}'
                f"</DescriptorName>{qualifier}</MeshHeading>"
            )
        return f"<MeshHeadingList>{''.join(lines)}</MeshHeadingList>"

    def references(self) -> str:
        """Ten to fifty references."""
        reference = '<Reference><Citation>{}</Citation><ArticleIdList><ArticleId IdType="pubmed">{}</ArticleId></ArticleIdList></Reference>'
        lines = (
            reference.format(self.text(10, 20), self.random.randint(1, 10**7))
            for _ in range(self.random.randint(10, 50))
        )
        return f"<ReferenceList>{''.join(lines)}</ReferenceList>"

    def article(self) -> str:
        """The article of a citation."""
        pieces = [
            '<Journal><ISSN IssnType="Print">0000-0000</ISSN><JournalIssue CitedMedium="Print"><Volume>5</Volume><Issue>2</Issue>',
            "<PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate></PubDate>"
            if self.chance(0.05)
            else self.date("PubDate"),
            f"</JournalIssue><Title>Journal of {self.random.choice(self.words)}</Title><ISOAbbreviation>J</ISOAbbreviation></Journal>",
            f"<ArticleTitle>{self.text(8, 22)}</ArticleTitle><Pagination><MedlinePgn>1-9</MedlinePgn></Pagination>",
            '<ELocationID EIdType="doi" ValidYN="Y">10.1000/@PMID@</ELocationID>' if self.chance(0.6) else "",
            self.abstract() if self.chance(0.85) else "",
            self.authors(),
            "<Language>eng</Language>",
            "<GrantList><Grant><GrantID>R01</GrantID><Agency>NIH</Agency><Country>X</Country></Grant></GrantList>"
            if self.chance(0.2)
            else "",
            '<PublicationTypeList><PublicationType UI="D016428">Journal Article</PublicationType></PublicationTypeList>',
            f"<VernacularTitle>{self.text(8, 22)}</VernacularTitle>" if self.chance(0.08) else "",
            self.date("ArticleDate", ' DateType="Electronic"') if self.chance(0.5) else "",
        ]
        return f'<Article PubModel="Print">{"".join(pieces)}</Article>'

    def citation(self) -> str:
        """A citation."""
        chemical = (
            '<Chemical><RegistryNumber>0</RegistryNumber><NameOfSubstance UI="D{:06}">{}</NameOfSubstance></Chemical>'
        )
        chemicals = "".join(
            chemical.format(n, self.random.choice(self.words)) for n in range(self.random.randint(0, 6))
        )
        keywords = "".join(f'<Keyword MajorTopicYN="N">{self.random.choice(self.words)}</Keyword>' for _ in range(5))
        pieces = [
            '<PMID Version="1">@PMID@</PMID>', self.date("DateCompleted"), self.date("DateRevised"), self.article(),
            "<MedlineJournalInfo><Country>X</Country><MedlineTA>J</MedlineTA><NlmUniqueID>1</NlmUniqueID></MedlineJournalInfo>",
            f"<ChemicalList>{chemicals}</ChemicalList>" if chemicals else "",
            "<CitationSubset>IM</CitationSubset>",
            '<CommentsCorrectionsList><CommentsCorrections RefType="CommentIn"><RefSource>J</RefSource><PMID Version="1">5</PMID>'
            "</CommentsCorrections></CommentsCorrectionsList>" if self.chance(0.05) else "",
            self.headings() if self.chance(0.8) else "",
            f'<OtherAbstract Type="Publisher" Language="spa"><AbstractText>{self.text(60, 200)}</AbstractText></OtherAbstract>'
            if self.chance(0.03) else "",
            f'<KeywordList Owner="NOTNLM">{keywords}</KeywordList>' if self.chance(0.3) else "",
        ]  # fmt: skip
        return f'<MedlineCitation Status="MEDLINE" Owner="NLM">{"".join(pieces)}</MedlineCitation>'

    def record(self) -> bytes:
        """A citation and what PubMed adds, with a mark where the PMID goes."""
        states = ("pubmed", "medline", "entrez", "received", "accepted")
        history = "".join(
            self.date("PubMedPubDate", f' PubStatus="{state}"') for state in states[: self.random.randint(3, 5)]
        )
        pieces = [
            f"<History>{history}</History><PublicationStatus>ppublish</PublicationStatus>",
            '<ArticleIdList><ArticleId IdType="pubmed">@PMID@</ArticleId></ArticleIdList>',
            self.references() if self.chance(0.33) else "",
        ]
        return f"<PubmedArticle>{self.citation()}<PubmedData>{''.join(pieces)}</PubmedData></PubmedArticle>\n".encode()


def write_file(path: Path, size: int) -> None:
    """A gzip file of that many records; the same bytes for the same size."""
    generator = Generator(SEED)
    templates = [generator.record() for _ in range(min(size, TEMPLATES))]
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, 0) as stream:
        stream.write(_PROLOG)
        for number in range(size):
            stream.write(templates[number % len(templates)].replace(_PMID, b"%d" % (10_000_000 + number)))
        stream.write(b"</PubmedArticleSet>\n")


def peer(path: str) -> Iterator[object]:
    import pubmed_parser

    yield from pubmed_parser.parse_medline_xml(path)


def reader(path: str) -> Iterator[object]:
    from upath import UPath

    from pipeline.readers.pubmed_xml import PubmedXml
    from pipeline.readers.streams import open_stream

    with open_stream(UPath(path)) as stream:
        yield from PubmedXml().read(stream, "file")


def table(path: str) -> Iterator[object]:
    from upath import UPath

    from pipeline.documents import read_documents
    from pipeline.inventory import LiteratureFile
    from pipeline.readers.pubmed_xml import PubmedXml

    for batch in read_documents([(LiteratureFile("file", UPath(path), 0), "1/file", PubmedXml.name)], print):
        yield from range(batch.num_rows)


WAYS = {"pubmed_parser": peer, "reader": reader, "reader + documents table": table}


def _measure(way: str, small: str, path: str, core: int, answer) -> None:
    os.sched_setaffinity(0, {core})
    for _ in WAYS[way](small):  # imports, first allocations
        pass
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    count = sum(1 for _ in WAYS[way](path))
    seconds = time.process_time() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer.send((count, count / seconds, most / 1024, (most - before) / 1024))


def measure(way: str, small: Path, path: Path) -> tuple[int, float, float, float]:
    """Records, records a second, peak MiB, and how far the peak rose above that of reading a hundred records."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    core = max(os.sched_getaffinity(0))
    process = context.Process(target=_measure, args=(way, str(small), str(path), core, sender))
    process.start()
    sender.close()
    result = receiver.recv()
    process.join()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 300_000])
    parser.add_argument("--peer-largest", type=int, default=100_000, help="largest size that the peer is run on")
    arguments = parser.parse_args()
    print(f"{'records':>8}  {'way':26}{'records/s':>10}{'x peer':>8}{'peak MiB':>10}{'grown MiB':>11}")
    with tempfile.TemporaryDirectory() as folder:
        small, path = Path(folder, "small.xml.gz"), Path(folder, "file.xml.gz")
        write_file(small, 100)
        for size in arguments.sizes:
            write_file(path, size)
            base = None
            for way in WAYS:
                if way == "pubmed_parser" and size > arguments.peer_largest:
                    continue
                count, rate, most, grown = measure(way, small, path)
                if count != size:
                    raise SystemExit(f"{way} read {count} of {size} records")
                base = rate if way == "pubmed_parser" else base
                ratio = f"{rate / base:8.2f}" if base else f"{'-':>8}"
                print(f"{size:8}  {way:26}{rate:10,.0f}{ratio}{most:10.0f}{grown:11.0f}", flush=True)


if __name__ == "__main__":
    main()
