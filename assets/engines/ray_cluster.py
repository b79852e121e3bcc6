"""A Ray cluster as the engine uses it: join it, watch that its head lives, and say in a sentence what goes wrong.

Ray itself waits a minute for a cluster that is not there, and ends the process, with pages of its own, a minute after the head has
died. So the address is tried first (`ray_head`), and looked at while tasks run: a connection that fails for ten seconds is a head
that is gone.
Credentials are never sent to workers: a runtime environment is kept and shown by Ray's dashboard, so nodes bring their own.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TypeVar

from assets.engines.ray_head import START, answers, greet, place_of
from pipeline.errors import MateriaError
from pipeline.parallel import cpu_count

__all__ = ["Cluster", "TaskLostError", "fetched", "joined"]

T = TypeVar("T")

#: Ray starts a process on the head for a client (`ray://`), and gives that half a minute; to notice that it has died takes it longer.
_JOIN_S = 120.0
_JOIN_ATTEMPTS = 2
_GONE_S = 10.0
_LOOK_S = 2.0
_OBJECT_STORE_BYTES = 256 << 20
_KEPT = "what was complete is kept, and the build goes on from there"
_SILENT = "the head of the Ray cluster does not answer any more"
_ANEW = f"Start the cluster anew and build again: {_KEPT}"
_AGAIN = f"Look into ray_client_server*.err among the logs of the head, and build again: {_KEPT}"


class TaskLostError(MateriaError):
    """A task died with its process or node, or what it gave did."""


class Cluster:
    """A cluster that this process has joined, as a node's driver or (`ray://`) as a client of its head.

    Args:
        place: where its head answers, as host and port.
    """

    def __init__(self, place: tuple[str, int] | None) -> None:
        self._place = place
        self._answered = self._looked = time.monotonic()
        self.gone = False

    def ask(self, call: Callable[[], T]) -> T:
        """What a call of Ray's returns or raises. The head is looked at meanwhile: it may be gone, and Ray would wait on.

        Raises:
            MateriaError: the head is gone, or has let go of this process.
        """
        self.look()
        outcome = _begun(call)
        while not wait([outcome], timeout=_LOOK_S).done:
            self.look()
        try:
            return outcome.result()
        except MateriaError:
            raise
        except Exception as error:
            if self._place is not None and not answers(self._place, _LOOK_S):
                self._end(_SILENT, _ANEW, error)
            if _is_broken_off(error):
                self._end("the head of the Ray cluster has let go of this process", _AGAIN, error)
            raise

    def nodes(self) -> list[Mapping[str, float]]:
        """The resources of each node that lives, as Ray names them."""
        import ray

        return [node["Resources"] for node in self.ask(ray.nodes) if node["Alive"]]

    def look(self) -> None:
        """Ask, every other second, whether the head lives.

        Raises:
            MateriaError: it does not.
        """
        now = time.monotonic()
        if self._place is None or now - self._looked < _LOOK_S:
            return
        if answers(self._place, _LOOK_S):
            self._answered = time.monotonic()
        elif now - self._answered > _GONE_S:
            self._end(_SILENT, _ANEW)
        self._looked = time.monotonic()

    def _end(self, problem: str, remedy: str, cause: Exception | None = None) -> NoReturn:
        self.gone = True
        _let_go()
        raise MateriaError(problem, file=":".join(map(str, self._place or ())) or None, remedy=remedy) from cause


def _let_go() -> None:
    """Leave a cluster whose head is gone. Ray may wait for it, and a minute later ends the process itself: so it is not waited for long."""
    import ray

    atexit.unregister(ray.shutdown)
    leaving = threading.Thread(target=ray.shutdown, daemon=True, name="materia-ray-leaving")
    leaving.start()
    leaving.join(_GONE_S)


@contextmanager
def joined(address: str | None, retries: int = 5) -> Iterator[Cluster]:
    """Join the cluster at an address (`auto`, `HOST:PORT`, `ray://HOST:PORT`); RAY_ADDRESS where None, else start one here.

    Args:
        retries: times that a task is begun again for which a node had no memory.

    Raises:
        MateriaError: Ray is not installed, there is no cluster at the address, or it has other versions.
    """
    # Ray counts these apart from other deaths, and without this has no end of them. It reads this once, when it is imported; a client
    # (`ray://`) has tasks of a process on the head, which reads it there (docs/scale.md).
    os.environ.setdefault("RAY_task_oom_retries", str(retries))
    try:
        import ray
    except ImportError as error:
        raise MateriaError(
            "engine.name is ray, and Ray is not installed", remedy='Install it: pip install "materia[ray]"'
        ) from error
    if address in (None, "auto"):
        address = os.environ.get("RAY_ADDRESS") or address
    place = place_of(address)
    if address and place:
        greet(address, place)
    elif address not in (None, "auto", "local"):  # Ray would look for a cluster there for half a minute
        raise MateriaError("is no address of a Ray cluster", file=address, remedy=START)
    logging.getLogger("ray").setLevel(logging.ERROR)
    # What a client of a lost head says beside our sentence.
    logging.getLogger("ray.util.client").setLevel(logging.CRITICAL)
    logging.getLogger("ray.util.client.logsclient").disabled = True
    warnings.filterwarnings("ignore", "Ray Client connection timed out")
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
    # A client that lost its head tries to find it again for as long as we do; the head keeps the tasks of a client that is gone as long.
    os.environ.setdefault("RAY_CLIENT_RECONNECT_GRACE_PERIOD", str(int(_GONE_S)))
    with _saying(address):
        if address is None:
            _init(quiet)  # not in a thread: what Ray starts here is killed when the thread that started it ends
        else:
            _begun(lambda: _init(quiet)).result(timeout=_JOIN_S)
    if place is None:
        with suppress(Exception):
            place = place_of(ray.get_runtime_context().gcs_address)
    cluster = Cluster(place)
    try:
        yield cluster
    finally:
        if not cluster.gone:
            ray.shutdown()


def _init(options: dict[str, Any]) -> None:
    """Join. The server of the head forks beside its threads, so now and then the process that it starts for a client dies at once."""
    import ray

    for attempt in range(_JOIN_ATTEMPTS):
        try:
            ray.init(**options)
            return
        except (ConnectionAbortedError, RuntimeError) as error:  # the second where the head has seen it die
            told = isinstance(error, ConnectionAbortedError) or "client server failed" in str(error)
            if not told or attempt == _JOIN_ATTEMPTS - 1:
                raise


def fetched(reference: Any) -> Any:
    """The value of a reference, when it is there.

    Raises:
        TaskLostError: the process or node of the task died, or had no memory left.
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
        raise TaskLostError(
            "a node of the cluster had no memory left for the task that ran on it",
            remedy="Give its nodes more memory, or set memory_mib of the stage under engine.stages, so that fewer run at a time",
        ) from error
    except (exceptions.WorkerCrashedError, exceptions.NodeDiedError, exceptions.ObjectLostError) as error:
        raise TaskLostError(
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


def _begun(call: Callable[[], T]) -> Future[T]:
    """Call in a thread that nobody needs to wait for."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True, name="materia-ray").start()
    return outcome


def _is_broken_off(error: Exception) -> bool:
    """Whether a client (`ray://`) has lost its connection. What a task raised is no such thing, whatever it is."""
    from grpc import RpcError
    from ray.exceptions import RayTaskError

    return isinstance(error, ConnectionError | RpcError) and not isinstance(error, RayTaskError)


@contextmanager
def _saying(address: str | None) -> Iterator[None]:
    """What Ray raises when it joins, in a sentence."""
    try:
        yield
    except MateriaError:
        raise
    except TimeoutError as error:
        raise MateriaError(
            f"the Ray cluster has not let this process in within {_JOIN_S:.0f} s", file=address, remedy=START
        ) from error
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
            f"the Ray cluster cannot be joined ({said[-1 if 'Traceback' in str(error) else 0] if said else type(error).__name__})",
            file=address,
            remedy=START,
        ) from error
