"""What a store that refuses, or is not there, becomes: a sentence. And no credentials in any URL."""

import sys
from typing import Any

import pytest

from pipeline.errors import MateriaError, UnreachableError
from pipeline.object_store import ObjectStore
from pipeline.sources import refuse_credentials


class Failing:
    """A file system whose requests fail."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object, **__: object) -> None:
            raise self.error

        return fail


class AnsweredError(Exception):
    """What Azure's library raises: it has a status, and no class for each."""

    def __init__(self, status_code: int, said: str) -> None:
        super().__init__(said)
        self.status_code = status_code


def made_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (PermissionError("Forbidden"), "is refused by the store"),
        (OSError("Forbidden: b/bucket/o\nno access"), "is refused by the store"),
        (AnsweredError(403, "Server failed to authenticate the request."), "is refused by the store"),
        (made_from(RuntimeError("Failed to remove"), AnsweredError(403, "no")), "is refused by the store"),
        (AnsweredError(500, "Busy.\nRequestId:1\nTime:2"), r"cannot be reached, after several tries \(Busy\.\)"),
        (made_from(RuntimeError("Failed to remove %s", "a thousand names"), AnsweredError(500, "Busy")), r"\(Busy\)"),
        (AnsweredError(404, "The specified container does not exist."), "is in no bucket that exists"),
        (
            made_from(FileNotFoundError(2, "No such file"), AnsweredError(404, "ErrorCode:ContainerNotFound")),
            "is in no bucket that exists",
        ),
        (OSError(16, "Service Unavailable"), "cannot be reached, after several tries"),
        (TimeoutError(), "cannot be reached, after several tries .TimeoutError."),
        (FileNotFoundError("The specified bucket does not exist"), "is in no bucket that exists"),
    ],
)
def test_what_a_library_raises_is_one_sentence_that_names_the_object(error: Exception, what: str) -> None:
    store = ObjectStore("memory://bucket/home")
    store._fs = Failing(error)
    for ask in (store.read, lambda name: store.write(name, b""), lambda name: store.remove([name]), store.listing):
        with pytest.raises(UnreachableError, match=what) as told:
            ask("triples/03")
        assert told.value.file == "memory://bucket/home/triples/03"


def test_an_error_does_not_show_who_asked() -> None:
    store = ObjectStore("memory://bucket/home")
    store._fs = Failing(OSError('no answer from "http://me:secret@proxy:8080/bucket?sv=2&sig=signed"'))
    with pytest.raises(UnreachableError) as told:
        store.read("home.json")
    assert not any(word in str(told.value) for word in ("secret", "signed")) and "proxy:8080" in str(told.value)


def test_an_object_that_is_missing_is_no_error_of_the_store() -> None:
    store = ObjectStore("memory://bucket/home")
    with pytest.raises(FileNotFoundError):
        store.read("nothing")
    store.remove(["nothing"])
    assert store.listing("nowhere") == {} and store.folders() == []


def test_another_content_has_another_version() -> None:
    store = ObjectStore("memory://bucket/versions")
    store.write("a/one", b"1")
    before = store.listing("a")["one"]
    store.write("a/one", b"2")
    assert before.bytes == 1 and store.listing("a")["one"].version != before.version
    assert store.folders() == ["a"]


def test_a_library_that_is_missing_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(
        UnreachableError, match=r"needs a library that is not installed. Install it: pip install 'materia\[s3\]'"
    ):
        ObjectStore("s3://bucket/home")


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:secret@bucket/home",
        "https://host/a.xml?X-Amz-Signature=abc",
        "az://c/home?sig=1&sv=2",
        "gs://b/h?access_token=x",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(MateriaError, match="holds credentials in its URL") as told:
        refuse_credentials(url)
    assert not any(word in str(told.value) for word in ("secret", "abc", "sig=", "token"))


@pytest.mark.parametrize(
    "url", ["s3://bucket/home", "az://container@account.dfs.core.windows.net/home", "/a/b?c=d", "s3://b/a@b:c"]
)
def test_other_urls_are_not(url: str) -> None:
    refuse_credentials(url)
