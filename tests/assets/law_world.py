"""The inputs of a small home as values that can be changed one by one, written to disk, and built; for the law's tests.

Documents are made of the sample's own sentences and a vocabulary of a few dozen concepts, so that a build takes two seconds. A
build runs in a child of a process that has everything imported, and a child can be killed at any of its changes to the
disk: SIGKILL, by itself, from an audit hook, so that a seed gives the same death again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).parents[2]))
from assets.home import OUTSIDE_THE_LAW

TITLES = ("Warfarin and stroke.", "Aspirin in pain.", "Metformin.", "An older view of statins.")
SENTENCES = (
    "Warfarin prevents stroke in atrial fibrillation.",
    "Amiodarone interacts with warfarin.",
    "Warfarin causes hemorrhage.",
    "Verapamil treats angina pectoris and hypertension.",
    "Metoprolol prevents attacks of angina pectoris.",
    "Acetaminophen reduces fever and headache.",
    "Acetaminophen was not effective in osteoarthritis of the knee.",
    "Ibuprofen improves arthralgia.",
    "Obesity is a risk factor for type 2 diabetes mellitus.",
    "Metformin (MET) treats type 2 diabetes mellitus, and MET prevents stroke.",
    "Simvastatin may cause rhabdomyolysis.",
    "Aspirin causes peptic ulcer.",
    "Aspirin prevents stroke.",
    "In the wonder cure group hypertension was rare; the wonder cure treats hypertension.",
    "Hypertension causes stroke and heart failure.",
    "It is not known why heart failure causes headache.",
)

#: Concepts: identifier, name, Biolink class, synonyms, parent.
CONCEPTS: dict[str, tuple[str, str, tuple[str, ...], str | None]] = {
    "MESH:D014859": ("warfarin", "SmallMolecule", ("Coumadin",), None),
    "MESH:D000638": ("amiodarone", "SmallMolecule", (), None),
    "MESH:D014700": ("verapamil", "SmallMolecule", (), None),
    "MESH:D008790": ("metoprolol", "SmallMolecule", (), None),
    "MESH:D000082": ("acetaminophen", "SmallMolecule", ("paracetamol",), None),
    "MESH:D007052": ("ibuprofen", "SmallMolecule", (), None),
    "MESH:D008687": ("metformin", "SmallMolecule", (), None),
    "MESH:D019821": ("simvastatin", "SmallMolecule", (), None),
    "MESH:D001241": ("aspirin", "SmallMolecule", ("acetylsalicylic acid",), None),
    "MESH:D020521": ("stroke", "Disease", ("cerebrovascular accident",), "MESH:D002318"),
    "MESH:D001281": ("atrial fibrillation", "Disease", (), "MESH:D002318"),
    "MESH:D002318": ("cardiovascular disease", "Disease", (), None),
    "MESH:D006470": ("hemorrhage", "Disease", ("bleeding",), None),
    "MESH:D000787": ("angina pectoris", "Disease", ("angina",), "MESH:D002318"),
    "MESH:D006973": ("hypertension", "Disease", ("high blood pressure",), "MESH:D002318"),
    "MESH:D005334": ("fever", "PhenotypicFeature", (), None),
    "MESH:D006261": ("headache", "PhenotypicFeature", (), None),
    "MESH:D010003": ("osteoarthritis", "Disease", (), None),
    "MESH:D018771": ("arthralgia", "PhenotypicFeature", ("joint pain",), None),
    "MESH:D009765": ("obesity", "Disease", (), None),
    "MESH:D003924": ("type 2 diabetes mellitus", "Disease", ("type 2 diabetes",), None),
    "MESH:D012206": ("rhabdomyolysis", "Disease", (), None),
    "MESH:D010437": ("peptic ulcer", "Disease", (), None),
    "MESH:D006333": ("heart failure", "Disease", (), "MESH:D002318"),
}
#: Edits of the vocabulary, by name: what each does to the concepts.
EDITS = (
    "synonym",
    "homonym",
    "concept",
    "renamed",
    "parent",
    "category",
    "removed",
    "definition",
    "short",
)

CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "keep": {"fusion": {"retracted": "keep"}},
    "error": {"fusion": {"systematic_error": 0.2}},
    "cut": {"corpus": {"passage_sentences": 1}},
    "doubtful": {"corpus": {"minimum_belief": 0.8}},
    "mixed": {"corpus": {"mixture": {"graph_to_text": 0.5}}},
    "held": {"splits": {"validation": 0.2, "test": 0.2}},
    "facts": {"corpus": {"forms": ["fact", "chain"]}},
}


@dataclass(frozen=True)
class Paper:
    """A version of a paper: number, version, sentences by their place in SENTENCES, and whether it is retracted or deleted."""

    number: int
    version: int = 1
    sentences: tuple[int, ...] = (0,)
    status: str = "active"

    @property
    def text(self) -> str:
        """The abstract."""
        return " ".join(SENTENCES[place] for place in self.sentences)


@dataclass(frozen=True)
class Inputs:
    """All that a build depends on."""

    files: dict[str, tuple[Paper, ...]] = field(default_factory=dict)
    edits: frozenset[str] = frozenset()
    config: str = "plain"
    retracted: frozenset[str] = frozenset()

    def write(self, folder: Path) -> None:
        """Make `lit` and `voc` in a folder hold exactly these inputs; what did not change is left alone."""
        wanted = {f"lit/{name}": _file(name, papers) for name, papers in self.files.items()}
        wanted["voc/concepts.obo"] = _vocabulary(self.edits)
        for name, text in wanted.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
        for path in (folder / "lit").iterdir():
            if f"lit/{path.name}" not in wanted:
                path.unlink()

    def key(self) -> str:
        """What names these inputs."""
        papers = sorted((name, [vars(paper) for paper in some]) for name, some in self.files.items())
        return hashlib.sha256(
            json.dumps([papers, sorted(self.edits), self.config, sorted(self.retracted)]).encode()
        ).hexdigest()[:16]

    def change(self, **values: Any) -> Inputs:
        """The same with other values."""
        return replace(self, **values)


def _file(name: str, papers: Sequence[Paper]) -> str:
    return _pubmed(papers) if name.endswith(".xml") else _jsonl(papers)


def _jsonl(papers: Sequence[Paper]) -> str:
    rows = (
        {
            "id": f"PMID:{paper.number}",
            "title": TITLES[paper.number % len(TITLES)],
            "abstract": paper.text,
            "year": 2000,
        }
        for paper in papers
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def _pubmed(papers: Sequence[Paper]) -> str:
    def article(paper: Paper) -> str:
        kind = '<PublicationType UI="D016441">Retracted Publication</PublicationType>' * (paper.status == "retracted")
        return (
            f'<PubmedArticle><MedlineCitation><PMID Version="{paper.version}">{paper.number}</PMID><Article><Journal><JournalIssue>'
            f"<PubDate><Year>2001</Year></PubDate></JournalIssue></Journal><ArticleTitle>{TITLES[paper.number % len(TITLES)]}"
            f"</ArticleTitle><Abstract><AbstractText>{escape(paper.text)}</AbstractText></Abstract>"
            f"<PublicationTypeList>{kind}</PublicationTypeList></Article></MedlineCitation></PubmedArticle>"
        )

    gone = "".join(f"<PMID>{paper.number}</PMID>" for paper in papers if paper.status == "deleted")
    articles = "".join(article(paper) for paper in papers if paper.status != "deleted")
    deletions = f"<DeleteCitation>{gone}</DeleteCitation>" if gone else ""
    return f'<?xml version="1.0"?><PubmedArticleSet>{articles}{deletions}</PubmedArticleSet>'


def _vocabulary(edits: frozenset[str]) -> str:
    concepts = dict(CONCEPTS)

    def alter(curie: str, **values: Any) -> None:
        name, kind, synonyms, parent = concepts[curie]
        known = {"name": name, "kind": kind, "synonyms": synonyms, "parent": parent} | values
        concepts[curie] = (known["name"], known["kind"], known["synonyms"], known["parent"])

    if "synonym" in edits:
        alter("MESH:D008687", synonyms=("wonder cure",))
    if "homonym" in edits:
        alter("MESH:D014859", synonyms=("Coumadin", "high blood pressure"))
    if "concept" in edits:
        concepts["MESH:D007718"] = ("knee", "GrossAnatomicalStructure", (), None)
    if "renamed" in edits:
        alter("MESH:D020521", name="cerebral stroke", synonyms=("stroke",))
    if "parent" in edits:
        alter("MESH:D006470", parent="MESH:D002318")
    if "category" in edits:
        alter("MESH:D006261", kind="Disease")
    if "removed" in edits:
        del concepts["MESH:D010437"]
    if "short" in edits:
        alter("MESH:D020521", synonyms=("MET",))
    lines = ["format-version: 1.4", "idspace: biolink https://w3id.org/biolink/vocab/", ""]
    for curie, (name, kind, synonyms, parent) in sorted(concepts.items()):
        lines += ["[Term]", f"id: {curie}", f"name: {name}"]
        if "definition" in edits and curie == "MESH:D001241":
            lines.append('def: "A drug that treats pain and fever." []')
        lines += [f'synonym: "{synonym}" EXACT []' for synonym in synonyms]
        lines += [f"is_a: {parent}"] if parent else []
        lines += [f"property_value: biolink:category biolink:{kind}", ""]
    return "\n".join(lines)


class Builder:
    """Runs builds in children of a process that has all modules imported."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def build(self, folder: Path, inputs: Inputs, *, until: Sequence[str], kill_at: int | None = None) -> str:
        """Build the home of a folder.

        Args:
            until: as `materia build --until`.
            kill_at: the number of the change to the disk at which the build is killed; never where it makes fewer.

        Returns:
            `done`, `killed`, or what the build said when it failed.
        """
        task = {
            "folder": str(folder),
            "until": list(until),
            "config": CONFIGS[inputs.config],
            "retracted": sorted(inputs.retracted),
            "kill_at": kill_at,
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(task) + "\n")
        answer = self._server.stdout.readline()
        return str(json.loads(answer))

    def close(self) -> None:
        """End the process."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()


def outputs(home: Path) -> dict[str, str]:
    """SHA-256 of every file that the law is about."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not str(path.relative_to(home)).startswith(OUTSIDE_THE_LAW)
    }


def statements(home: Path) -> set[str]:
    """Every statement that the index of the graph answers with."""
    import pyoxigraph

    from kg.generations import current_generation

    current = current_generation(home / "graph_index" / "store")
    assert current is not None
    return {str(quad) for quad in pyoxigraph.Store.read_only(str(current.index))}


@contextmanager
def builder() -> Iterator[Builder]:
    """A Builder that is closed at the end."""
    made = Builder()
    try:
        yield made
    finally:
        made.close()


def _serve() -> None:
    """Import all, then fork a child for each line of the standard input, and say how it ended."""
    _import_all()
    for line in sys.stdin:
        task = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            os.write(writer, _run(task).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as said:
            text = said.read()
        _, status = os.waitpid(child, 0)
        print(json.dumps("killed" if os.WIFSIGNALED(status) else text), flush=True)


def _import_all() -> None:
    import duckdb  # noqa: F401
    import pyarrow.dataset  # noqa: F401
    import pyoxigraph  # noqa: F401
    import spacy  # noqa: F401

    import pipeline.text_reader  # noqa: F401


def _run(task: dict[str, Any]) -> str:
    from assets.build import build
    from assets.config import parse_config
    from assets.home import open_home
    from pipeline.errors import MateriaError

    folder = Path(task["folder"])
    settings: dict[str, Any] = {"buckets": 3, "workers": 1, "graph": {"shacl_claims": 0}}
    try:
        if task["kill_at"] is not None:
            sys.addaudithook(_killer(task["kill_at"], str(folder / "home")))
        home = open_home(str(folder / "home"))
        home = replace(home, retracted=tuple(task["retracted"]))
        config = parse_config(settings | task["config"], "the test")
        home = home.configure([str(folder / "lit")], [str(folder / "voc")], config)
        home._store()
        build(home, task["until"])
    except MateriaError as error:
        return f"{error} {error.remedy}"
    except BaseException:
        import traceback

        return traceback.format_exc()
    return "done"


def _killer(kill_at: int, home: str) -> Any:
    """An audit hook that kills this process at the n-th change to a folder."""
    import signal

    left = kill_at

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "open"):
            if event == "open" and not (isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
                return
            if str(arguments[0]).startswith(home):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

    return hook


if __name__ == "__main__":
    _serve()


def empty(folder: Path) -> None:
    """Remove a home, so that the next build is a clean one."""
    shutil.rmtree(folder / "home", ignore_errors=True)
