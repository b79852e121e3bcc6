"""What a home asks of a store, of each store that it may stand in: the same bytes, one maker of an object, one sentence for what is wrong."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from servers.s3_proxy import S3Proxy, s3_proxy

from assets.home import OUTSIDE_THE_LAW, SAMPLE
from pipeline.errors import UnreachableError
from pipeline.hashing import hash_fields
from pipeline.object_store import ObjectStore

if TYPE_CHECKING:
    from .conftest import Store

pytestmark = pytest.mark.scale
ROOT = Path(__file__).parents[2]
UNTIL = ["graph_index", "corpus"]
SETTINGS = "buckets: 8\nsmall_file_groups: 1\n"
#: More than each client sends by one request.
LARGE = 68 << 20
#: Writes an object, and prints what was said and how many seconds it took.
LATE = """
import sys, time
from pipeline.object_store import ObjectStore, UnreachableError
there, began = ObjectStore(sys.argv[1]), time.monotonic()
try:
    there.write("late", b"1")
except UnreachableError as error:
    print(error)
print(time.monotonic() - began)
"""


@pytest.fixture
def proxy(store: "Store") -> Iterator[S3Proxy]:
    with s3_proxy(store.server.endpoint, store.reached_by) as running:
        yield running


def materia(*words: str, code: int = 0, **environment: str) -> str:
    command = [sys.executable, "-c", "import sys; from cli.main import main; sys.exit(main(sys.argv[1:]))", *words]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == code, done.stdout
    assert "Traceback" not in done.stdout, done.stdout
    return " ".join(done.stdout.split())


def files_of(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(OUTSIDE_THE_LAW)}


def objects_of(home: str) -> dict[str, bytes]:
    found = ObjectStore(home)
    return {name: found.read(name) for name in found.listing("") if not name.startswith(OUTSIDE_THE_LAW)}


# Objects


@pytest.mark.parametrize("size", [0, 5, LARGE], ids=["empty", "small", "large"])
def test_a_file_comes_back_as_it_was(store: "Store", tmp_path: Path, size: int) -> None:
    there = ObjectStore(store.url("files"))
    data = hashlib.shake_256(b"materia").digest(size)
    (tmp_path / "sent").write_bytes(data)
    there.put(str(tmp_path / "sent"), "split=train/bucket=0/a-0123456789abcdef.parquet")
    there.get("split=train/bucket=0/a-0123456789abcdef.parquet", str(tmp_path / "received"))
    assert (tmp_path / "received").read_bytes() == data
    assert there.listing("split=train")["bucket=0/a-0123456789abcdef.parquet"].bytes == size


def test_a_listing_shows_a_folder_whole_and_none_that_begins_like_it(store: "Store") -> None:
    there = ObjectStore(store.url("lists"))
    names = [f"triples/_manifests/{number:04}.json" for number in range(1001)]  # S3 and GCS tell a thousand at once
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda name: there.write(name, name.encode()), [*names, "triples_of_another/a", "triple"]))
    assert [f"triples/{name}" for name in there.listing("triples")] == names
    assert there.listing("trip") == {} and there.listing("nothing") == {}
    assert set(there.listing("")) == {*names, "triples_of_another/a", "triple"}
    assert there.folders() == ["triples", "triples_of_another"]
    there.remove([*names, "triples/never"])
    there.remove(["triples/never"])
    assert set(there.listing("")) == {"triples_of_another/a", "triple"}


def test_a_version_tells_contents_apart_and_is_the_one_that_a_writer_gives_its_copy(store: "Store") -> None:
    there = ObjectStore(store.url("versions"))
    seen = []
    for data in (b"one", b"two", b"one"):
        there.write("a", data)
        seen.append(there.listing("")["a"].version)
        assert there.read("a") == data
        assert seen[-1] == hash_fields(hashlib.md5(data).hexdigest(), "3")[:16]
    assert seen[0] == seen[2] != seen[1]


def test_of_several_who_make_an_object_at_once_one_succeeds(store: "Store") -> None:
    there = ObjectStore(store.url("race"))
    for term in range(5):
        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(lambda number: there.create(f".lock/{term}", str(number).encode()), range(8)))  # noqa: B023
        assert made.count(True) == 1
        assert there.read(f".lock/{term}") == str(made.index(True)).encode()


def test_what_is_not_there_is_no_error_of_the_store(store: "Store", tmp_path: Path) -> None:
    there = ObjectStore(store.url("none"))
    with pytest.raises(FileNotFoundError):
        there.read("nothing")
    with pytest.raises(FileNotFoundError):
        there.get("nothing", str(tmp_path / "nothing"))
    assert there.listing("") == {} and there.folders() == []


def test_a_bucket_that_is_not_there_is_said(store: "Store", tmp_path: Path) -> None:
    there = ObjectStore(f"{store.kind}://nowhere/home")
    (tmp_path / "sent").write_bytes(b"1")
    asked = [
        lambda: there.write("a", b"1"),
        lambda: there.create("a", b"1"),
        lambda: there.put(str(tmp_path / "sent"), "a"),
        lambda: there.listing(".lock"),
    ]
    for ask in asked:
        with pytest.raises(UnreachableError, match="is in no bucket that exists. Make the bucket first"):
            ask()
    said = materia("build", "--home", f"{store.kind}://nowhere/home", "--until", "documents", code=1)
    assert re.search(r"://nowhere/home/\S+: is in no bucket that exists", said)


def test_a_store_that_never_answers_is_not_written_to_later(store: "Store", proxy: S3Proxy) -> None:
    """A lease is taken over after half a minute: what was asked before must have ended, whatever the library retries."""
    proxy.fault = lambda method, path: "drop"
    done = subprocess.run(
        [sys.executable, "-c", LATE, store.url("late")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **proxy.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    said, seconds = done.stdout.splitlines()
    assert "cannot be reached, after several tries" in said
    assert len(proxy.requests) > 1
    assert float(seconds) < 30


def test_a_store_that_refuses_is_one_sentence(store: "Store", proxy: S3Proxy) -> None:
    proxy.fault = lambda method, path: "refuse"
    said = materia("build", "--home", store.url("refused"), "--until", "documents", code=1, **proxy.environment)
    assert (
        f"{store.url('refused')}/home.json: is refused by the store. Check the credentials in the environment" in said
    )


def test_a_wrong_key_is_one_sentence_and_not_repeated(store: "Store") -> None:
    if store.kind != "az":
        pytest.skip("only Azurite, of the three servers, checks keys")
    environment = store.reached_by(store.server.endpoint, "d3Jvbmc=")
    said = materia("build", "--home", store.url("refused"), "--until", "documents", code=1, **environment)
    assert "is refused by the store" in said and "d3Jvbmc" not in said
    broken = materia("build", "--home", store.url("refused"), code=1, AZURE_STORAGE_CONNECTION_STRING="nonsense")
    assert "cannot be reached" in broken and "Check the URL, and the credentials in the environment" in broken


# A home


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's papers, where one can be added."""
    folder = tmp_path_factory.mktemp("given") / "literature"
    shutil.copytree(SAMPLE / "literature", folder)
    (folder.parent / "materia.yaml").write_text(SETTINGS)
    return folder


def built(place: str, papers: Path) -> str:
    given = ["--literature", str(papers), "--vocabulary", str(SAMPLE / "vocabulary")]
    materia("build", "--home", place, *given, "--config", str(papers.parent / "materia.yaml"), "--until", *UNTIL)
    return place


@pytest.fixture(scope="module")
def home(store: "Store", papers: Path) -> str:
    """A home in the bucket, built by a machine without copies."""
    return built(store.url("home"), papers)


def add_paper(papers: Path) -> Path:
    text = "Metformin and lactic acidosis\n\nMetformin causes lactic acidosis in patients with renal failure.\n"
    (papers / "added.txt").write_text(text)
    return papers / "added.txt"


@pytest.fixture(scope="module")
def on_disk(papers: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Every file of a local build: before a paper is added, and after."""
    place = Path(built(str(tmp_path_factory.mktemp("local") / "home"), papers))
    before = files_of(place)
    added = add_paper(papers)
    materia("build", "--home", str(place), "--until", *UNTIL)
    added.unlink()
    return before, files_of(place)


def test_it_holds_the_bytes_of_a_local_build(home: str, on_disk: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    found, expected = objects_of(home), on_disk[0]
    assert sorted(found) == sorted(expected)
    assert [name for name, data in found.items() if data != expected[name]] == []
    assert ObjectStore(home).listing("_writing") == {}


def test_where_nothing_is_to_do_an_asset_costs_one_listing(store: "Store", home: str, proxy: S3Proxy) -> None:
    assert "Nothing to do" in materia("build", "--home", home, "--until", *UNTIL, **proxy.environment)
    asked = Counter((method, path) for method, path in proxy.requests if ".lock" not in path)
    listings = [path for method, path in asked if "_manifests" in path]
    assert len(listings) > 25 and max(asked.values()) == 1
    others = [path for method, path in asked if method == "GET" and path not in listings]
    assert len([path for path in others if "home.json" in path or "_writing" in path]) == len(others) == 2


def test_what_reads_a_home_reads_this_one(home: str) -> None:
    assert "live documents" in materia("status", "--home", home)
    assert "sentence" in materia("trace", "corpus_shards/split=train/bucket=0:0", "--home", home)
    assert re.search(r"\d{4}", materia("query", "SELECT (count(*) AS ?n) { ?s ?p ?o }", "--home", home))
    assert "all that manifests name" in materia("doctor", "--deep", "--home", home)


def test_an_added_paper_gives_what_a_local_build_gives(
    home: str,
    on_disk: tuple[dict[str, bytes], dict[str, bytes]],
    papers: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    added = add_paper(papers)
    try:
        materia("build", "--home", home, "--until", *UNTIL, MATERIA_CACHE=str(tmp_path_factory.mktemp("other")))
    finally:
        added.unlink()
    found = objects_of(home)
    assert found == on_disk[1] != on_disk[0]


def test_sources_in_a_bucket_are_read_and_not_again(store: "Store", proxy: S3Proxy, tmp_path: Path) -> None:
    there = ObjectStore(store.url("sources"))
    for path in [*(SAMPLE / "literature").rglob("*"), *(SAMPLE / "vocabulary").rglob("*")]:
        if path.is_file():
            there.put(str(path), path.relative_to(SAMPLE).as_posix())
    given = ["--literature", store.url("sources/literature"), "--vocabulary", store.url("sources/vocabulary")]
    words = ["build", "--home", str(tmp_path / "home"), "--until", "vocabulary", "documents"]
    assert "documents 9 partitions" in materia(*words, *given, **proxy.environment)
    proxy.requests.clear()
    assert "Nothing to do" in materia(*words, **proxy.environment)
    read = [path for method, path in proxy.requests if method == "GET" and re.search(r"\.(xml|nxml|jsonl|gz)", path)]
    assert read == []
