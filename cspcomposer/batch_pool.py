"""Worker processes on this machine: each composes one piece at a time.

A worker that dies, or takes more memory than allowed, is replaced; its job is tried once more.
Knows nothing of what is done with the pieces.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

from cspcomposer import frames
from cspcomposer.batch_piece import Job, Made, Order, failed
from cspcomposer.errors import counted

TRIES = 2
WATCHED = 1.0
SHARE = 0.8
LEAST_MEMORY = 1 << 30
MOST_MEMORY = 8 << 30
# A worker that rests at more than this share of its memory starts anew.
FULL = 0.5
T = TypeVar("T")


class NoMore(Enum):
    """That there are no more jobs."""

    IT = auto()


NO_MORE = NoMore.IT


class Executor(Protocol):
    """Whatever composes pieces, here or elsewhere."""

    def made(self, jobs: Iterator[Job | T | None]) -> Iterator[Made | T]:
        """Yield what becomes of each job, as it is done.

        Args:
            jobs: Taken as they can be used; None asks to wait until one that is begun is done. What
                is no job is handed on.
        """
        ...

    def close(self) -> None:
        """Give up what is being done."""
        ...


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    said: IO[bytes]
    job: Job | None = None
    heavy: bool = False
    done: int = 0
    buffer: bytearray = field(default_factory=bytearray)


class Pool:
    """Processes on this machine.

    Attributes:
        jobs: How many at a time.
    """

    def __init__(self, order: Order, jobs: int) -> None:
        self._order, self.jobs = order, jobs
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._again: deque[Job] = deque()
        self._tried: dict[str, int] = {}

    def made(self, jobs: Iterator[Job | T | None]) -> Iterator[Made | T]:
        """Yield what becomes of each job, as it is done; see `Executor`."""
        more = True
        while more or self._again or self._busy():
            passed = False
            while self._busy() < self.jobs and not passed:
                job = self._again.popleft() if self._again else next(jobs, NO_MORE)
                if job is None or isinstance(job, NoMore):
                    more = more and job is None
                    break
                if isinstance(job, Job):
                    self._hand_out(job)
                else:
                    yield job
                    passed = True
            patience = 0.0 if passed else WATCHED
            for found, _ in self._selector.select(patience) if self._busy() else ():
                done = self._heard(found.data)
                if done:
                    yield done
            self._weigh()

    def _busy(self) -> int:
        return sum(1 for worker in self._workers if worker.job)

    def close(self) -> None:
        """End all workers at once; what they were composing is lost."""
        for worker in [*self._workers]:
            self._end(worker)
        self._selector.close()

    def _hand_out(self, job: Job) -> None:
        worker = next((w for w in self._workers if not w.job), None)
        if worker and worker.done and _resident(worker.process.pid) > FULL * self._order.memory:
            self._end(worker)
            worker = None
        worker = worker or self._started()
        worker.job = job
        self._send(worker, job)

    def _send(self, worker: _Worker, message: Any) -> None:
        assert worker.process.stdin
        # A worker that is gone is noticed when its reply is read.
        with contextlib.suppress(OSError):
            worker.process.stdin.write(frames.packed(message))
            worker.process.stdin.flush()

    def _started(self) -> _Worker:
        said = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as its worker
        process = subprocess.Popen(
            [sys.executable, "-m", "cspcomposer.batch_worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, bufsize=0,
            start_new_session=True,
            # Workers that share the cores do better without threads for matrices.
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        worker = _Worker(process, said)
        assert process.stdout
        self._selector.register(process.stdout, selectors.EVENT_READ, worker)
        self._workers.append(worker)
        self._send(worker, self._order)
        return worker

    def _heard(self, worker: _Worker) -> Made | None:
        """Read what a worker says; it is done, still speaking, or gone."""
        if worker not in self._workers or not worker.process.stdout:
            return None
        data = os.read(worker.process.stdout.fileno(), 1 << 20)
        if not data:
            return self._gone(worker)
        worker.buffer += data
        head = frames.HEAD
        size = int.from_bytes(worker.buffer[:head], "big")
        if len(worker.buffer) < head + size:
            return None
        made: Made = frames.unpacked(bytes(worker.buffer[head:]))
        worker.buffer, worker.job = bytearray(), None
        worker.done += 1
        self._tried.pop(made.job.id, None)
        return made

    def _gone(self, worker: _Worker) -> Made | None:
        job, heavy = worker.job, worker.heavy
        code = worker.process.wait()
        last = _last_line(worker.said)
        self._end(worker)
        if job is None:
            return None
        self._tried[job.id] = self._tried.get(job.id, 0) + 1
        if self._tried[job.id] < TRIES:
            self._again.append(job)
            return None
        del self._tried[job.id]
        if heavy:
            why = f"took more than {self._order.memory / (1 << 30):.2g} GiB of memory"
        elif code < 0:
            why = f"was ended by {signal.Signals(-code).name}"
        else:
            why = f"ended with code {code}"
        more = f" It last said: {last}" if last else ""
        return failed(job, "failed", f"the worker {why}, {counted(TRIES, 'time')}.{more}")

    def _weigh(self) -> None:
        """End workers that take more memory than allowed."""
        for worker in self._workers:
            if worker.job and _resident(worker.process.pid) > self._order.memory:
                worker.heavy = True
                worker.process.kill()

    def _end(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        assert worker.process.stdout and worker.process.stdin
        self._selector.unregister(worker.process.stdout)
        worker.process.kill()
        worker.process.wait()
        for pipe in (worker.process.stdin, worker.process.stdout, worker.said):
            with contextlib.suppress(OSError):
                pipe.close()


def share_of_memory(jobs: int) -> int:
    """Return how many bytes each of some workers may take on this machine."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return MOST_MEMORY
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        whole = min(whole, int(limit)) if limit.isdecimal() else whole
    except OSError:
        pass
    return max(LEAST_MEMORY, min(MOST_MEMORY, int(SHARE * whole / jobs)))


def processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _resident(pid: int) -> int:
    """Return how many bytes of memory a process and its children hold; 0 where nobody says."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = [
            int(child)
            for thread in Path(f"/proc/{pid}/task").iterdir()
            for child in (thread / "children").read_text().split()
        ]
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(map(_resident, children))


def _last_line(said: IO[bytes]) -> str:
    said.seek(0, os.SEEK_END)
    said.seek(max(0, said.tell() - 2000))
    lines = said.read().decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
