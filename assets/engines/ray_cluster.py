"""A Ray cluster as the engine uses it: join it, watch that its head lives, and say in a sentence what goes wrong.

Ray itself waits a minute for a cluster that is not there, and ends the process, with pages of its own, a minute after the head has
died. So the address is tried first, and looked at while tasks run: a connection that fails for ten seconds is a head that is gone.
Credentials are never sent to workers: a runtime environment is kept and shown by Ray's dashboard, so nodes bring their own.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from pipeline.errors import MateriaError
from pipeline.parallel import cpu_count

__all__ = ["Cluster", "fetched", "joined"]

_CONNECT_S = 10.0
_JOIN_S = 20.0
_GONE_S = 10.0
_LOOK_S = 2.0
_OBJECT_STORE_BYTES = 256 << 20
_START = "Start it (ray start --head), or set engine.address or RAY_ADDRESS to one that runs"


class Cluster:
    """A cluster that this process has joined.

    Args:
        place: where its head answers, as host and port.
    """

    def __init__(self, place: tuple[str, int] | None) -> None:
        self._place = place
        self._answered = self._looked = time.monotonic()
        self.gone = False

    def nodes(self) -> list[Mapping[str, float]]:
        """The resources of each node that lives, as Ray names them. The head is asked: it may be gone, and Ray would wait on."""
        import ray

        found: list[Mapping[str, float]] = []

        def ask() -> None:
            found.extend(node["Resources"] for node in ray.nodes() if node["Alive"])

        asked = threading.Thread(target=ask, daemon=True, name="materia-ray-nodes")
        asked.start()
        while asked.is_alive():
            self.look()
            asked.join(_LOOK_S)
        return found

    def look(self) -> None:
        """Ask, every other second, whether the head lives.

        Raises:
            MateriaError: it does not.
        """
        now = time.monotonic()
        if self._place is None or now - self._looked < _LOOK_S:
            return
        if _answers(self._place, _LOOK_S):
            self._answered = time.monotonic()
        elif now - self._answered > _GONE_S:
            self.gone = True
            _let_go()
            raise MateriaError(
                "the head of the Ray cluster does not answer any more",
                file=":".join(map(str, self._place)),
                remedy="Start the cluster anew and build again: what was complete is kept, and the build goes on from there",
            )
        self._looked = time.monotonic()


def _let_go() -> None:
    """Leave a cluster whose head is gone. Ray may wait for it, and a minute later ends the process itself: so it is not waited for long."""
    import ray

    atexit.unregister(ray.shutdown)
    leaving = threading.Thread(target=ray.shutdown, daemon=True, name="materia-ray-leaving")
    leaving.start()
    leaving.join(_GONE_S)


@contextmanager
def joined(address: str | None) -> Iterator[Cluster]:
    """Join the cluster at an address (`auto`, `HOST:PORT`, `ray://HOST:PORT`); RAY_ADDRESS where None, else start one here.

    Raises:
        MateriaError: Ray is not installed, there is no cluster at the address, or it has other versions.
    """
    try:
        import ray
    except ImportError as error:
        raise MateriaError(
            "engine.name is ray, and Ray is not installed", remedy='Install it: pip install "materia[ray]"'
        ) from error
    address = address or os.environ.get("RAY_ADDRESS") or None
    place = _place(address)
    if place is not None and not _answers(place, _CONNECT_S):
        raise MateriaError("there is no Ray cluster at this address", file=address, remedy=_START)
    logging.getLogger("ray").setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "configure_logging": False}
    if address is None:
        quiet |= {
            "num_cpus": cpu_count(),
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "address": "local",
        }
    else:
        quiet["address"] = address
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray warns of what it will do in a year
    with _saying(address):
        _within(_JOIN_S, lambda: ray.init(**quiet), address)
    if place is None:
        with suppress(Exception):
            place = _place(ray.get_runtime_context().gcs_address)
    cluster = Cluster(place)
    try:
        yield cluster
    finally:
        if not cluster.gone:
            ray.shutdown()


def fetched(reference: Any) -> Any:
    """The value of a reference that is there.

    Raises:
        MateriaError: what the task raised, or what became of it, in a sentence.
    """
    import ray
    from ray import exceptions

    try:
        return ray.get(reference)
    except exceptions.RayTaskError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, MateriaError):
            raise cause from None
        raise _lacking(error) or error from None
    except exceptions.OutOfMemoryError as error:
        raise MateriaError(
            "a node of the cluster had no memory left for the task that ran on it",
            remedy="Give its nodes more memory, or set memory_mib of the stage under engine.stages, so that fewer run at a time",
        ) from error
    except (exceptions.WorkerCrashedError, exceptions.NodeDiedError, exceptions.ObjectLostError) as error:
        raise MateriaError(
            "a task was begun again and again, and each time the node or process that ran it died",
            remedy="Look into Ray's logs for why (memory, most often), or raise engine.retries, and build again",
        ) from error
    except exceptions.RayError as error:
        raise _lacking(error) or error from None


def _lacking(error: Exception) -> MateriaError | None:
    """The sentence where a worker could not import something."""
    _, found, rest = str(error).partition("No module named '")
    if not found:
        return None
    return MateriaError(
        f"a worker of the cluster lacks the package {rest.partition(chr(39))[0]}",
        remedy="Install the same Materia with the same extras on every node, for example: pip install 'materia[ray,s3]'",
    )


def _place(address: str | None) -> tuple[str, int] | None:
    """Host and port of an address; None where it names none (`auto`, `local`)."""
    host, colon, port = (address or "").rpartition("://")[2].rpartition(":")
    if not colon or not port.isdecimal():
        return None
    return host.strip("[]"), int(port)


def _answers(place: tuple[str, int], timeout: float) -> bool:
    with suppress(OSError), socket.create_connection(place, timeout=timeout):
        return True
    return False


def _within(seconds: float, join: Any, address: str | None) -> None:
    """Call `join`, but wait no longer than this: something else may answer at the port, and Ray would wait on."""
    failed: list[BaseException] = []

    def call() -> None:
        try:
            join()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=call, daemon=True, name="materia-ray")
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise MateriaError("what answers at this address is no Ray cluster", file=address, remedy=_START)
    if failed:
        raise failed[0]


@contextmanager
def _saying(address: str | None) -> Iterator[None]:
    """What Ray raises when it joins, in a sentence."""
    try:
        yield
    except MateriaError:
        raise
    except Exception as error:
        said: Sequence[str] = [line.strip() for line in str(error).splitlines() if line.strip()]
        if "mismatch" in str(error).lower():
            versions = ", ".join(line for line in said[1:] if ":" in line)
            raise MateriaError(
                f"the Ray cluster has other versions than this process ({versions})",
                file=address,
                remedy="Install the same versions of Python and Ray on this machine and on every node",
            ) from error
        raise MateriaError(
            f"the Ray cluster cannot be joined ({said[0] if said else type(error).__name__})",
            file=address,
            remedy=_START,
        ) from error
