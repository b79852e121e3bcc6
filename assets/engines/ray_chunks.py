"""The chunks of a large partition, read by the task that has the partition and by other cores of the cluster.

The task keeps its core and reads chunks on it; a few more it sends out, as tasks of one core each. Who is ready to read one says so, and
what nobody is ready for the task takes back when it has nothing else to read: so it never waits for a core that others hold, or for
a process that loads an index. Results come in the order of the chunks. A chunk whose process or node died is read by the task itself.

Costs a thread for each chunk that is out, and 3 ms for a chunk. Rejected: to give the task's core back while it waits, as Ray does in
`ray.get` (then Ray starts a second process on that core, which takes 2.3 s, holds an index of names of its own, and is killed when it
has had nothing to do for a second), and actors (they cannot use a process that is there already).
"""

from __future__ import annotations

import pickle
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

__all__ = ["Chunks"]

#: Chunks that are sent out for each other core: one that is read, and one that waits, so that the core does not.
_AHEAD = 2

#: Home, folder of working copies, and what a process calls with which arguments before its first chunk.
_About = tuple[str, str, "Callable[..., object] | None", tuple[Any, ...]]


class _Place(Enum):
    """Where a chunk is: with nobody, with Ray, with another process that reads it, or with this one."""

    WAITING = auto()
    OUT = auto()
    THERE = auto()
    HERE = auto()


class Chunks:
    """The pool (`pipeline.parallel.Pool`) of a partition that several cores of a cluster read.

    Args:
        home: URL of the home.
        spent: takes the processor seconds of each chunk that was read elsewhere.
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

        self.about: _About = (home, str(working_folder(home)), initializer, initargs)
        self.spent = spent
        self.changed = threading.Condition()
        # Not begun again by Ray: that could wait for a core for ever, where the only other one is gone.
        self._task = ray.remote(num_cpus=1, max_retries=0)(_reading())
        self._about_there = ray.put(pickle.dumps(self.about))
        self._senders = ThreadPoolExecutor(_AHEAD * (count - 1), thread_name_prefix="materia-chunk")
        self._pending: list[_Chunk] = []

    def submit(self, function: Callable[..., Any], task: Any, /) -> _Chunk:
        """Begin `function(task)`, here or elsewhere."""
        chunk = _Chunk(self, function, task)
        with self.changed:
            self._pending.append(chunk)
        self._senders.submit(chunk.send)
        return chunk

    def shutdown(self, *, cancel_futures: bool = False) -> None:
        """Send no more; whoever maps has cancelled what it does not want."""
        self._senders.shutdown(wait=False, cancel_futures=cancel_futures)

    def started(self, chunk: _Chunk) -> Any:
        """Send a chunk out; what it will give."""
        return self._task.remote(self._about_there, pickle.dumps((chunk.function, chunk.task)))

    def taken(self) -> _Chunk | None:
        """The next chunk to be read here: the first that waits, else the first that is out and nobody is ready for. Holds `changed`."""
        for place in (_Place.WAITING, _Place.OUT):
            for chunk in self._pending:
                if chunk.place is place:
                    chunk.take()
                    return chunk
        return None

    def dropped(self, chunk: _Chunk) -> None:
        """Nobody waits for a chunk any more."""
        with self.changed:
            self._pending.remove(chunk)


class _Chunk:
    """A chunk on its way. What changes its place holds `Chunks.changed`."""

    def __init__(self, chunks: Chunks, function: Callable[..., Any], task: Any) -> None:
        self.function, self.task = function, task
        self.place = _Place.WAITING
        self._chunks = chunks
        self._items: Any = None
        self._outcome: Future[Any] = Future()

    def result(self) -> Any:
        """What it gives; meanwhile chunks are read here."""
        while (chunk := self._meanwhile()) is not None:
            chunk.read()
        self._chunks.dropped(self)
        return self._outcome.result()

    def _meanwhile(self) -> _Chunk | None:
        """A chunk to read here, as soon as there is one. None when this one is done."""
        with self._chunks.changed:
            while not self._outcome.done():
                if (chunk := self._chunks.taken()) is not None:
                    return chunk
                self._chunks.changed.wait()
        return None

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        self._chunks.dropped(self)
        with self._chunks.changed:
            self.take()

    def take(self) -> None:
        """Nobody else is to read it."""
        import ray

        self.place = _Place.HERE
        if self._items is not None:
            ray.cancel(self._items)

    def read(self) -> None:
        """Read it in this process."""
        try:
            _prepare(self._chunks.about)
            self._outcome.set_result(self.function(self.task))
        except Exception as error:
            self._outcome.set_exception(error)

    def send(self) -> None:
        """Have it read elsewhere, and wait for that, in a thread of its own: Ray leaves the task its core while such a thread waits."""
        changed = self._chunks.changed
        with changed:
            if self.place is not _Place.WAITING:
                return
            self.place = _Place.OUT
            self._items = self._chunks.started(self)
        try:
            fetched(next(self._items))
            with changed:
                if self.place is not _Place.OUT:
                    return
                self.place = _Place.THERE
            found, seconds = fetched(next(self._items))
        except Exception as error:
            self._failed(error)
            return
        with changed:
            if self.place is _Place.THERE:
                self._chunks.spent.append(seconds)
                self._outcome.set_result(found)
                changed.notify_all()

    def _failed(self, error: Exception) -> None:
        """What was not taken back and is lost with its process waits anew, for this one; anything else is its outcome."""
        with self._chunks.changed:
            if self.place is _Place.HERE:
                return
            self._items = None
            if isinstance(error, TaskLostError):
                self.place = _Place.WAITING
            else:
                self.place = _Place.HERE
                self._outcome.set_exception(error)
            self._chunks.changed.notify_all()


def _reading() -> Callable[[bytes, bytes], Iterator[tuple[Any, float] | None]]:
    """The function that reads a chunk on another core. Yields None when it is ready to, then what the chunk gives, and processor seconds.

    Ray interrupts what is taken back, and an import that was interrupted may fail for ever after. So interrupts are ignored: a chunk that
    was taken back is read in vain, and the process is ready for the next. Up to there nothing is imported, therefore a function
    within a function, which Ray pickles whole, and arguments that are pickled once more.
    """

    def read(about: bytes, call: bytes) -> Iterator[tuple[Any, float] | None]:
        import signal

        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            from assets.engines.ray_chunks import read_there

            yield from read_there(about, call)
        finally:
            signal.signal(signal.SIGINT, handler)

    return read


def read_there(about: bytes, call: bytes) -> Iterator[tuple[Any, float] | None]:
    """See `_reading`."""
    before = processor_seconds()
    keep_pandas_out()
    _prepare(pickle.loads(about))  # noqa: S301 - what this build has sent
    yield None
    function, task = pickle.loads(call)  # noqa: S301
    yield function(task), processor_seconds() - before


#: What the last chunk of this process was prepared by.
_PREPARED: list[_About] = []


def _prepare(about: _About) -> None:
    """Load what a process needs before its first chunk, where the last one was not prepared by the same."""
    if [about] == _PREPARED:
        return
    home, folder, initializer, initargs = about
    _fetch_names(home, folder)
    if initializer is not None:
        initializer(*initargs)
    _PREPARED[:] = [about]


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
