"""A home in a bucket, of a real server of the S3 protocol: the bytes of a local build, whatever kills it or the network does."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.s3 import S3Server, s3_server
from servers.s3_proxy import S3Proxy, s3_proxy

from assets.home import OUTSIDE_THE_LAW
from assets.stages import until as stages_until
from pipeline.object_store import ObjectStore

pytestmark = pytest.mark.scale
pytest.importorskip("s3fs", reason="a home in a bucket needs the extra: pip install 'materia[s3]'")
pytest.importorskip("moto.server", reason="the server of the S3 protocol needs the extra: pip install 'materia[scale]'")

UNTIL = ["graph_index", "corpus"]


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """This process asks the server itself; what it starts asks the proxy where there is one."""
    with s3_server() as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        patch.setenv("MATERIA_CACHE", str(tmp_path_factory.mktemp("copies")))
        yield running


@pytest.fixture
def proxy(server: S3Server) -> Iterator[S3Proxy]:
    with s3_proxy(server.endpoint) as running:
        yield running


def materia(*words: str, via: S3Proxy | None = None, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "import sys; from cli.main import main; sys.exit(main(sys.argv[1:]))", *words]
    settings = {**os.environ, **(via.environment if via else {}), **environment}
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def told(process: subprocess.Popen[str], code: int = 0) -> str:
    out, _ = process.communicate()
    assert process.returncode == code, out
    return out


def build(home: str, **rest: object) -> subprocess.Popen[str]:
    return materia("build", "--home", home, "--until", *UNTIL, **rest)


def in_bucket(home: str) -> dict[str, bytes]:
    store = ObjectStore(home)
    return {name: store.read(name) for name in store.listing("") if not name.startswith(OUTSIDE_THE_LAW)}


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every file and manifest of a local build of the sample."""
    folder = tmp_path_factory.mktemp("local") / "home"
    told(build(str(folder)))
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(OUTSIDE_THE_LAW)}


@pytest.fixture(scope="module")
def home(server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The sample, built in the bucket by a build that was killed in the middle, and begun again on a machine without copies."""
    place = server.url("sample")
    first = build(place, MATERIA_CACHE=str(tmp_path_factory.mktemp("first")))
    store = ObjectStore(place)
    while "_manifests/3.json" not in store.listing("triples") and first.poll() is None:
        time.sleep(0.05)
    assert first.poll() is None, "it ended before it could be killed"
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert store.listing("_writing") != {}
    told(build(place, MATERIA_CACHE=str(tmp_path_factory.mktemp("second"))))
    return place


def test_it_holds_the_bytes_of_a_local_build_though_it_was_killed(home: str, on_disk: dict[str, bytes]) -> None:
    found = in_bucket(home)
    assert sorted(found) == sorted(on_disk)
    assert [name for name, data in found.items() if data != on_disk[name]] == []


def test_where_nothing_is_to_do_no_file_is_fetched(home: str, proxy: S3Proxy) -> None:
    told(build(home, via=proxy))  # a machine that has no copies reads every manifest, and makes its index
    proxy.requests.clear()
    assert "Nothing to do" in told(build(home, via=proxy))
    asked = Counter(
        _asked(method, path) for method, path in proxy.requests if ".lock" not in path and "?delete" not in path
    )
    assets = {stage.name for stage in stages_until(UNTIL)} | {s.shuffled for s in stages_until(UNTIL) if s.shuffled}
    listed = {what.removeprefix("LIST ").removesuffix("/_manifests/") for what in asked if "/_manifests/" in what}
    assert listed <= assets | {"vocabulary_merges"}
    assert set(asked.values()) == {1}
    assert {what for what in asked if not what.startswith("LIST")} == {"GET home.json"}


def _asked(method: str, path: str) -> str:
    listing = re.search(r"prefix=sample%2F([^&]*)", path)
    return f"LIST {listing[1].replace('%2F', '/')}" if listing else f"{method} {path.partition('/sample/')[2]}"


def test_what_reads_a_home_reads_one_in_a_bucket(home: str) -> None:
    assert "live documents" in told(materia("status", "--home", home))
    assert "sentence" in told(materia("trace", "corpus_shards/split=train/bucket=0:0", "--home", home))
    assert "1 version" in told(materia("history", "corpus_shards/split=train/bucket=0", "--home", home))
    assert "13525" in told(materia("query", "SELECT (count(*) AS ?n) { ?s ?p ?o }", "--home", home))
    assert "all that manifests name" in told(materia("doctor", "--deep", "--home", home))


def test_a_network_that_drops_and_a_store_that_is_busy_now_and_then_change_nothing(
    server: S3Server, proxy: S3Proxy, on_disk: dict[str, bytes]
) -> None:
    seen = Counter[str]()

    def fault(method: str, path: str) -> str | None:
        seen[method] += 1
        return {3: "drop", 7: "busy", 9: "cut"}.get(seen[method] % 11)

    proxy.fault = fault
    place = server.url("faults")
    told(materia("build", "--home", place, "--until", "documents", via=proxy))
    found = in_bucket(place)
    assert found and all(data == on_disk[name] for name, data in found.items())


#: A second to answer, where it is a minute otherwise.
IMPATIENT = {
    "FSSPEC_S3": json.dumps(
        {"config_kwargs": {"connect_timeout": 1, "read_timeout": 1, "retries": {"total_max_attempts": 3}}}
    )
}


def test_answers_that_come_late_or_too_late_now_and_then_change_nothing(
    server: S3Server, proxy: S3Proxy, on_disk: dict[str, bytes]
) -> None:
    seen = Counter[str]()
    late = Counter[str]()

    def fault(method: str, path: str) -> str | None:
        seen[method] += 1
        if seen[method] % 7 != 3:
            return None
        late[method] += 1
        proxy.delay_s = 0.5 if late[method] % 2 else 2.0  # within the second, or asked for again
        return "slow"

    proxy.fault = fault
    place = server.url("late")
    told(materia("build", "--home", place, "--until", "documents", via=proxy, **IMPATIENT))
    assert late["PUT"] > 2 and late["GET"] > 2
    found = in_bucket(place)
    assert found and all(data == on_disk[name] for name, data in found.items())


def test_a_store_that_always_answers_too_late_is_one_sentence_and_the_build_goes_on_later(
    server: S3Server, proxy: S3Proxy, on_disk: dict[str, bytes]
) -> None:
    """It does what is asked all the same, so the manifest is there of which the build had to think that it is not."""
    place = server.url("slow")
    proxy.delay_s = 2.0
    proxy.fault = lambda method, path: "slow" if "documents/_manifests" in path and method == "PUT" else None
    said = told(materia("build", "--home", place, "--until", "documents", via=proxy, **IMPATIENT), code=1)
    assert "Traceback" not in said
    problem = "cannot be reached, after several tries"
    assert re.search(rf"s3://materia/slow/documents/_manifests/\S+\.json: {problem}", said.replace("\n", " "))
    tries = [path for method, path in proxy.requests if method == "PUT" and "documents/_manifests" in path]
    assert 3 <= len(tries) <= 50
    proxy.fault = lambda method, path: None
    told(materia("build", "--home", place, "--until", "documents", via=proxy))
    found = in_bucket(place)
    assert found and all(data == on_disk[name] for name, data in found.items())


@pytest.mark.parametrize("fault", ["refuse", "drop"])
def test_a_store_that_refuses_or_goes_away_is_one_sentence_and_the_build_goes_on_later(
    server: S3Server, proxy: S3Proxy, fault: str
) -> None:
    place = server.url(f"home-{fault}")
    proxy.fault = lambda method, path: fault if "documents/_manifests" in path and method == "PUT" else None
    said = told(materia("build", "--home", place, "--until", "documents", via=proxy), code=1)
    assert "Traceback" not in said and server.environment["AWS_SECRET_ACCESS_KEY"] not in said
    problem = "is refused by the store" if fault == "refuse" else "cannot be reached, after several tries"
    assert re.search(rf"s3://materia/home-{fault}/documents/_manifests/\S+\.json: {problem}", said.replace("\n", " "))
    proxy.fault = lambda method, path: None
    told(materia("build", "--home", place, "--until", "documents", via=proxy))
    assert ObjectStore(place).listing("_writing") == {}


def test_uploads_in_parts_that_a_killed_build_left_are_given_up_and_no_others(server: S3Server) -> None:
    place = server.url("parts")
    told(materia("build", "--home", place, "--until", "documents"))
    store = ObjectStore(place)
    for key in ("parts/documents/a/large.parquet", "parts/documents_of_another/large", "another/documents/large"):
        store._fs.call_s3("create_multipart_upload", Bucket="materia", Key=key)
    assert "Nothing to do" in told(materia("build", "--home", place, "--until", "documents"))
    assert len(store._fs.list_multipart_uploads("materia")) == 3  # nobody was killed, so nobody looks
    store.write("_writing/documents/0123456789abcdef", b"")
    told(materia("build", "--home", place, "--until", "documents"))
    assert sorted(one["Key"] for one in store._fs.list_multipart_uploads("materia")) == [
        "another/documents/large",
        "parts/documents_of_another/large",
    ]


def test_sources_in_a_bucket_are_read_once(server: S3Server, proxy: S3Proxy, tmp_path: Path) -> None:
    from assets.home import SAMPLE

    store = ObjectStore(server.url("sources"))
    for path in [*(SAMPLE / "literature").rglob("*"), *(SAMPLE / "vocabulary").rglob("*")]:
        if path.is_file():
            store.put(str(path), path.relative_to(SAMPLE).as_posix())
    given = ["--literature", server.url("sources/literature"), "--vocabulary", server.url("sources/vocabulary")]
    words = ["build", "--home", str(tmp_path / "home"), "--until", "vocabulary", "documents"]
    told(materia(*words, *given, via=proxy))
    proxy.requests.clear()
    assert "Nothing to do" in told(materia(*words, via=proxy))
    downloaded = [path for method, path in proxy.requests if method == "GET" and "list-type" not in path]
    assert [path for path in downloaded if "/literature/" in path] == []
