"""The chunks of a large partition, read by the task that has the partition and by other cores of the cluster.

The task keeps its core and reads chunks on it; a few more it sends out, as tasks of one core each. Who is ready to read one says so, and
what nobody is ready for the task takes back when it has nothing else to read: so it never waits for a core that others hold, or for
a process that loads an index. Results come in the order of the chunks. A chunk whose process or node died is read by the task itself.

Costs a thread for each chunk that is out, and 13 ms of processor time for one that is read elsewhere (of 300 to read it).
Rejected: to give the task's core back while it waits, as Ray does in `ray.get` (then Ray starts a second process on that core, which
takes 2.3 s, holds an index of names of its own, and is killed when it has had nothing to do for a second), and actors (they cannot use a
process that is there already).
"""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from enum import Enum, auto
from typing import Any

from assets.engines.ray_cluster import TaskLostError, fetched
from assets.home import open_home
from assets.usage import processor_seconds
from pipeline.errors import MateriaError
from pipeline.files import is_local
from pipeline.lean_arrow import keep_pandas_out
from pipeline.working_folder import working_folder

__all__ = ["Chunks", "on_this_node"]

#: Chunks that are out for each other core: one that is read, and one that waits, so that the core does not.
_AHEAD = 2
#: So many times all that are out may be lost, one after another, before it is told: a node that dies loses them once.
_LOST = 3

#: Home, folder of working copies, and what a process calls with which arguments before its first chunk.
_About = tuple[str, str, "Callable[..., object] | None", tuple[Any, ...]]


class _Place(Enum):
    """Where a chunk is: lost with who read it, with nobody yet, with Ray, with another process that reads it, or with this one."""

    LOST = auto()
    WAITING = auto()
    OUT = auto()
    THERE = auto()
    HERE = auto()


class Chunks:
    """The pool (`pipeline.parallel.Pool`) of a partition that several cores of a cluster read.

    Args:
        home: URL of the home.
        spent: takes the processor seconds that others spend.
        count: cores, this one included; two or more.
        initializer: called in a process before its first chunk, with `initargs`.
    """

    def __init__(
        self,
        home: str,
        spent: list[float],
        count: int,
        initializer: Callable[..., object] | None,
        initargs: tuple[Any, ...],
    ) -> None:
        import ray

        self._about: _About = (home, str(working_folder(home)), initializer, initargs)
        self._spent = spent
        # Not begun again by Ray: that could wait for a core for ever, where the only other one is gone.
        self._task = ray.remote(num_cpus=1, max_retries=0)(_reading())
        self._most = _AHEAD * (count - 1)
        self._senders = ThreadPoolExecutor(self._most, thread_name_prefix="materia-chunk")
        #: Held by whoever changes what stands below, or where a chunk is.
        self._changed = threading.Condition()
        self._pending: list[_Chunk] = []
        self._lost = 0
        self._problem: MateriaError | None = None

    def submit(self, function: Callable[..., Any], task: Any, /) -> _Chunk:
        """Begin `function(task)`, here or elsewhere."""
        chunk = _Chunk(self, function, task)
        with self._changed:
            self._pending.append(chunk)
        self._senders.submit(self._send)
        return chunk

    def shutdown(self, *, cancel_futures: bool = False) -> None:
        """Send nothing more; whoever maps has cancelled what it does not want."""
        self._senders.shutdown(wait=False, cancel_futures=True)

    def wait(self, chunk: _Chunk) -> Any:
        """What a chunk gives; until it is there, chunks are read here.

        Raises:
            MateriaError: the chunk's problem, or that of a node that cannot read any.
        """
        while (other := self._meanwhile(chunk)) is not None:
            try:
                _prepare(self._about)
                other.outcome.set_result(other.function(other.task))
            except Exception as error:
                other.outcome.set_exception(error)
        with self._changed:
            self._pending.remove(chunk)
        return chunk.outcome.result()

    def drop(self, chunk: _Chunk) -> None:
        """Nobody waits for a chunk any more."""
        with self._changed:
            self._pending.remove(chunk)
            chunk.take()

    def _meanwhile(self, chunk: _Chunk) -> _Chunk | None:
        """What to read here until a chunk is done, as soon as there is anything: what was lost, the first that waits, the last that is out.

        The first that is out is the likeliest to be begun at any moment.
        """
        with self._changed:
            while not chunk.outcome.done():
                if self._problem is not None:
                    raise self._problem
                for place in (_Place.LOST, _Place.WAITING, _Place.OUT):
                    found = [one for one in self._pending if one.place is place]
                    if found:
                        other = found[-1 if place is _Place.OUT else 0]
                        other.take()
                        return other
                self._changed.wait()
        return None

    def _send(self) -> None:
        """Have the first chunk that waits read elsewhere, and wait for that: Ray leaves a task its core while a thread of its waits."""
        with self._changed:
            chunk = next((one for one in self._pending if one.place is _Place.WAITING), None)
            if chunk is None:
                return
            chunk.place = _Place.OUT
        ready = False
        try:
            with self._changed:
                if chunk.place is not _Place.OUT:
                    return
                call = pickle.dumps((chunk.function, chunk.task))
                chunk.items = items = self._task.remote(pickle.dumps(self._about), call)
            self._spent.append(fetched(next(items)))
            ready = True
            with self._changed:
                if chunk.place is _Place.OUT:
                    chunk.place = _Place.THERE
            found, seconds = fetched(next(items))  # also of a chunk that was taken back: who reads it is busy as long
        except Exception as error:
            self._failed(chunk, error, ready)
            return
        self._spent.append(seconds)
        with self._changed:
            self._lost = 0
            if chunk.place is _Place.THERE:
                chunk.outcome.set_result(found)
                self._changed.notify_all()

    def _failed(self, chunk: _Chunk, error: Exception, ready: bool) -> None:
        """A lost chunk waits for this process; that a node cannot get ready ends all; anything else is what came of the chunk."""
        with self._changed:
            lost = isinstance(error, TaskLostError)
            self._lost += lost
            hopeless = self._lost > _LOST * self._most if lost else not ready
            if hopeless and isinstance(error, MateriaError):
                self._problem = error
            elif chunk.place is not _Place.HERE:
                chunk.items = None
                chunk.place = _Place.LOST if lost else _Place.HERE
                if not lost:
                    chunk.outcome.set_exception(error)
            self._changed.notify_all()


class _Chunk:
    """A chunk on its way."""

    def __init__(self, chunks: Chunks, function: Callable[..., Any], task: Any) -> None:
        self.function, self.task = function, task
        self.place = _Place.WAITING
        self.items: Any = None
        self.outcome: Future[Any] = Future()
        self._chunks = chunks

    def result(self) -> Any:
        """What it gives."""
        return self._chunks.wait(self)

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        self._chunks.drop(self)

    def take(self) -> None:
        """Nobody else is to read it."""
        import ray

        self.place = _Place.HERE
        if self.items is not None:
            ray.cancel(self.items)


def on_this_node(error: MateriaError) -> MateriaError:
    """A problem of a node, with its name, where it has none yet."""
    if error.problem.endswith(_NODE):
        return error
    problem = f"{error.problem} (on {socket.gethostname()}{_NODE}"
    return type(error)(problem, file=error.file, record=error.record, remedy=error.remedy)


_NODE = ", a node of the cluster)"


def _reading() -> Callable[[bytes, bytes], Iterator[Any]]:
    """The function that reads a chunk on another core: yields processor seconds of getting ready, then what the chunk gives with its own.

    Ray interrupts what is taken back, and an import that was interrupted may fail for ever after. So interrupts are ignored: a chunk that
    was taken back is read in vain, and the process is ready for the next. Up to there nothing is imported, therefore a function
    within a function, which Ray pickles whole, and arguments that are pickled once more.
    """

    def read(about: bytes, call: bytes) -> Iterator[Any]:
        import signal

        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            from assets.engines.ray_chunks import read_there

            yield from read_there(about, call)
        finally:
            signal.signal(signal.SIGINT, handler)

    return read


def read_there(about: bytes, call: bytes) -> Iterator[Any]:
    """See `_reading`."""
    before = processor_seconds()
    keep_pandas_out()
    _prepare(pickle.loads(about))  # noqa: S301 - what this build has sent
    ready = processor_seconds()
    yield ready - before
    function, task = pickle.loads(call)  # noqa: S301
    yield function(task), processor_seconds() - ready


#: What the last chunk of this process was prepared by, and the problem with that. A problem is kept, since Ray does not tell what a task
#: raises that was taken back: the next chunk tells it at once.
_PREPARED: list[tuple[_About, MateriaError | None]] = []


def _prepare(about: _About) -> None:
    """Load what a process needs before its first chunk, where the last one was not prepared by the same.

    Raises:
        MateriaError: that cannot be loaded on this node.
    """
    if not _PREPARED or _PREPARED[0][0] != about:
        home, folder, initializer, initargs = about
        problem = None
        try:
            _fetch_names(home, folder)
            if initializer is not None:
                initializer(*initargs)
        except MateriaError as error:
            problem = on_this_node(error)
        _PREPARED[:] = [(about, problem)]
    if (problem := _PREPARED[0][1]) is not None:
        raise problem


def _fetch_names(home: str, folder: str) -> None:
    """See that this machine has a copy of the index of names, where the home is in an object store."""
    opened = open_home(home)
    if is_local(opened.url):
        return
    if str(working_folder(home)) != folder:
        raise MateriaError(
            "the nodes of the cluster keep their working copies under different paths",
            file=str(working_folder(home)),
            remedy="Set MATERIA_CACHE to the same path on every node",
        )
    opened.dataset("name_index").paths(suffix="")
