"""A few warm processes that answer SPARQL questions, each at most one at a time, and are replaced when they must be stopped.

Neither rdflib nor pyoxigraph can interrupt a query, but a process can be killed. Starting one costs about half a second, so
they are started before they are needed; a simple question to a warm one takes 1.2 ms over HTTP, 2.2 ms while another
process is at work on two cores. A process holds 40 to 90 MiB. A question waits its turn in a bounded
queue. An answer is collected in a file without a name (in memory up to 1 MiB) before the client gets its first byte: the
status is right even where a limit is met late, and a client that reads slowly holds no process. The price is that a large
answer does not start to arrive before it is complete.

Rejected: a process for each question (half a second each), threads (they go on computing after the deadline),
`concurrent.futures` (it cannot stop one of its processes without breaking the pool), a limit on rows (one row may
hold a gigabyte; pyoxigraph writes whole answers, so that counting rows would need writers of our own for each form).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any, Final, Self

from kg.sparql_endpoint.question import Answer, Limits, NoAnswerError, Question
from kg.sparql_endpoint.worker import LENGTH

__all__ = ["Pool"]

_IN_MEMORY: Final = 1 << 20


class Worker:
    """One process, as its owner sees it."""

    def __init__(self, process: Process, limits: Limits) -> None:
        self._process = process
        self._limits = limits
        self.usable = True

    @classmethod
    async def start(cls, folder: Path, limits: Limits) -> Self:
        """A new process; it gets ready while nobody waits."""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
        words = [sys.executable, "-m", "kg.sparql_endpoint.worker", str(folder), str(limits.memory_mib)]
        # A session of its own: Ctrl-C is for the server, which stops its workers itself.
        process = await asyncio.create_subprocess_exec(
            *words, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, start_new_session=True
        )
        return cls(process, limits)

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        # The end of its output is seen before its end.
        return self.usable and self._process.stdout is not None and not self._process.stdout.at_eof()

    async def stop(self) -> None:
        """Kill it, whatever it does, and wait until it is gone."""
        self.usable = False
        if self._process.returncode is None:
            try:
                self._process.kill()
            except ProcessLookupError:
                return
        await self._process.wait()

    async def ask(self, question: Question) -> Answer:
        """The answer to a question. Raises NoAnswerError; the process is no longer usable after some of them."""
        assert self._process.stdin is not None
        request = {
            "sparql": question.sparql,
            "result_type": question.result_type,
            "graph_type": question.graph_type,
            "default_graph": question.default_graph,
            "named_graphs": question.named_graphs,
            "seconds": self._limits.timeout_s,
            "most_bytes": self._limits.answer_mib << 20,
        }
        frame = json.dumps(request).encode()
        body: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - handed on, open
        try:
            self._process.stdin.write(LENGTH.pack(len(frame)) + frame)
            await self._process.stdin.drain()
            while chunk := await self._receive():
                body.write(chunk)
            said: dict[str, Any] = json.loads(await self._receive())
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            body.close()
            self.usable = False
            raise self._died(await self._process.wait()) from error
        except BaseException:
            body.close()
            self.usable = False
            raise
        self.usable = not said["retire"]
        if "reason" in said:
            body.close()
            raise NoAnswerError(said["reason"], said["problem"], said["remedy"])
        size = body.tell()
        body.seek(0)
        return Answer(said["media_type"], said["version"] or "", size, body)

    async def _receive(self) -> bytes:
        assert self._process.stdout is not None
        (length,) = LENGTH.unpack(await self._process.stdout.readexactly(LENGTH.size))
        return await self._process.stdout.readexactly(length)

    def _died(self, status: int) -> NoAnswerError:
        match -status:
            case signal.SIGALRM:
                problem = f"the query was stopped after {self._limits.timeout_s:g} seconds"
                return NoAnswerError("limit", problem, "Ask for less, with LIMIT or a more specific pattern")
            case signal.SIGABRT | signal.SIGKILL:
                problem = f"the query needed more than {self._limits.memory_mib} MiB of memory"
                return NoAnswerError("limit", problem, "Ask for less, with LIMIT or a more specific pattern")
            case signal.SIGSEGV | signal.SIGBUS:
                return NoAnswerError("limit", "the query is nested too deeply", "Write it flatter")
        return NoAnswerError("failed", f"the process that answers ended with status {status}", "Run: materia doctor")


@dataclass
class Pool:
    """Workers on one store. Use as an asynchronous context manager: it starts them, and leaves none behind.

    Attributes:
        folder: where `kg.graph_store.build_store` put the store.
    """

    folder: Path
    limits: Limits = field(default_factory=Limits)
    _idle: asyncio.Queue[Worker] = field(default_factory=asyncio.Queue)
    _workers: set[Worker] = field(default_factory=set)
    _renewals: set[asyncio.Task[None]] = field(default_factory=set)
    _waiting: int = 0
    _closing: bool = False

    async def __aenter__(self) -> Self:
        for _ in range(self.limits.workers):
            await self._add()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        await asyncio.gather(*self._renewals)
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    async def ask(self, question: Question) -> Answer:
        """The answer to a question, when its turn has come. Cancelling it stops the process that works on it.

        Raises:
            NoAnswerError: with the reason.
        """
        worker = await self._take()
        try:
            return await worker.ask(question)
        finally:
            if worker.alive:
                self._idle.put_nowait(worker)
            else:
                self._replace(worker)

    @property
    def idle(self) -> int:
        """Workers with nothing to do."""
        return self._idle.qsize()

    async def _take(self) -> Worker:
        if self._idle.empty() and self._waiting >= self.limits.waiting:
            raise NoAnswerError("busy", f"{self._waiting} questions are waiting already", "Ask again later")
        self._waiting += 1
        try:
            async with asyncio.timeout(self.limits.timeout_s):
                while True:
                    worker = await self._idle.get()
                    if worker.alive:
                        return worker
                    self._replace(worker)
        except TimeoutError as error:
            problem = f"the question waited {self.limits.timeout_s:g} seconds for its turn"
            raise NoAnswerError("busy", problem, "Ask again later") from error
        finally:
            self._waiting -= 1

    async def _add(self) -> None:
        worker = await Worker.start(self.folder, self.limits)
        self._workers.add(worker)
        self._idle.put_nowait(worker)

    def _replace(self, worker: Worker) -> None:
        renewal = asyncio.create_task(self._renew(worker))
        self._renewals.add(renewal)
        renewal.add_done_callback(self._renewals.discard)

    async def _renew(self, worker: Worker) -> None:
        await worker.stop()
        self._workers.discard(worker)
        if not self._closing:
            await self._add()
