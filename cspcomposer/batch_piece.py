"""One piece of a batch, composed: what a worker does. Files are returned, not written."""

from __future__ import annotations

import json
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cspcomposer import batch_identity, batch_plan, brief, compose, render, solver, specfile
from cspcomposer.batch_values import Assignment, Template
from cspcomposer.check import beats
from cspcomposer.compose import Composition, Task
from cspcomposer.errors import CSPComposerError, NoSolution, OutOfTime, SolverStopped
from cspcomposer.score_data import plain
from cspcomposer.solver import Solver
from cspcomposer.specfile import LoadedSpec

# A process that solves keeps every word it has met: after so many pieces it is replaced.
PIECES_A_SOLVER = 50
# What failed stays so where all is as it was when the batch began.
AGAIN = "Start it again, with --retry failed."
COMPOSED = ("optimal", "feasible")


@dataclass(frozen=True)
class Order:
    """What all pieces of a batch have in common.

    Attributes:
        source: The specification file's content.
        path: Its name; files that it refers to stand beside it.
        memory: Bytes that solving one piece may take.
        files: The files that it refers to, by their names there, for machines that have none of
            them; nothing where the files are at hand.
    """

    source: bytes
    path: str
    memory: int = solver.MEMORY
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One piece to be composed.

    Attributes:
        id: Its name.
        index: Its place in the batch.
        assignment: Its swept values.
        inputs: The same, by their keys.
        seed: Its seed.
        sha256: The digests that it hangs on.
        versions: The programs that it hangs on.
    """

    id: str
    index: int
    assignment: Assignment
    inputs: Mapping[str, Any]
    seed: int
    sha256: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Made:
    """What became of a job.

    Attributes:
        job: The job.
        line: What the manifest says of it, but for its files.
        files: The files' contents, by their endings: ".mid", "-2.svg".
    """

    job: Job
    line: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)


def _advised(error: OutOfTime) -> str:
    """Return what an error says; of options, which a batch has not, it does not speak."""
    hint = "Allow more under effort in the specification, or give less."
    return "\n".join(str(replace(f, hint=hint) if "--" in f.hint else f) for f in error.faults)


def failed(job: Job, status: str, reason: str, seconds: float = 0.0) -> Made:
    """Return what is said of a job that came to nothing."""
    return Made(job, _line(job, status, seconds) | {"reason": reason})


class Bench:
    """Where pieces are composed, one after the other: keeps what they have in common."""

    def __init__(self) -> None:
        self._solver: Solver | None = None
        self._pieces = 0
        # Threads of one process share the solver that short questions go to.
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the solver's process."""
        if self._solver:
            self._solver.close()
        self._solver = None

    def made(self, order: Order, job: Job) -> Made:
        """Return what becomes of a job; whatever goes wrong is told, never raised."""
        with self._lock:
            return self._made(order, job)

    def _made(self, order: Order, job: Job) -> Made:
        begin = time.monotonic()

        def ended(status: str, reason: str) -> Made:
            # Where the specification lies is another thing on every machine.
            reason = reason.replace(f"{Path(order.path).parent}/", "")
            return failed(job, status, reason, time.monotonic() - begin)

        try:
            try:
                return self._composed(order, job, begin)
            except SolverStopped:
                # The system may have ended it, for what others took: once more, with a new one.
                self.close()
                return self._composed(order, job, time.monotonic())
        except NoSolution as error:
            return ended("no solution", str(error))
        except SolverStopped as error:
            self.close()
            return ended("failed", str(error))
        except OutOfTime as error:
            return ended("out of time", _advised(error))
        except CSPComposerError as error:
            return ended("failed", str(error))
        except MemoryError:
            self.close()
            return ended("failed", "out of memory.")
        except Exception as error:  # a fault of ours must not end the run
            self.close()
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            what = " ".join(f"{type(error).__name__}: {error}".split())
            return ended("failed", f"an internal fault, please report it: {what} ({where})")

    def _composed(self, order: Order, job: Job, begin: float) -> Made:
        versions = compose.versions().items()
        other = [f"{n} {v}, not {job.versions.get(n)}" for n, v in versions
                 if v != job.versions.get(n)]  # fmt: skip
        if other:
            return failed(
                job, "failed", f"this worker has {', '.join(other)}.", time.monotonic() - begin
            )
        template = _template(order.source, order.path)
        loaded = batch_plan.loaded(template, job.assignment)
        changed = f"the rule files were changed while the batch ran. {AGAIN}"
        own = _own(loaded)
        if compose.rules_sha256(own, loaded.spec.style) != job.sha256["rules"]:
            return failed(job, "failed", changed, time.monotonic() - begin)
        for name, digest in batch_identity.digests_of_files(loaded).items():
            if digest != job.sha256.get(name):
                say = f"the files under '{name}' are not those that the batch began with."
                return failed(job, "failed", f"{say} {AGAIN}", time.monotonic() - begin)
        piece = self._piece(order, job, loaded, own, begin)
        if piece.rules_sha256 != job.sha256["rules"]:
            return failed(job, "failed", changed, time.monotonic() - begin)
        piece = compose.renamed(piece, loaded.path.stem)
        files, data = written(piece, job, loaded, template.put(job.assignment).data)
        spent = time.monotonic() - begin
        line = _line(job, piece.status, spent, piece.seconds) | {
            "cost": list(piece.cost),
            "bound": list(piece.bound),
            "surface": data["surface"],
            "cost_by_rule": data["cost_by_rule"],
            "beats": float(beats(piece.score)),
        }
        return Made(job, line, files)

    def _piece(
        self, order: Order, job: Job, loaded: LoadedSpec, own: tuple[Path, ...], begin: float
    ) -> Composition:
        if self._pieces >= PIECES_A_SOLVER:
            self.close()
        if self._solver is None:
            self._solver, self._pieces = Solver(memory=order.memory), 0
        self._pieces += 1
        scores = brief.given_scores(loaded)
        task = Task(loaded, own, scores, job.seed, None, begin, time.monotonic())
        return compose.finished(self._solver, task, compose.settled(self._solver, task))


def written(
    piece: Composition, job: Job, loaded: LoadedSpec, said: Mapping[str, Any]
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return a piece's files by their endings, and the data that stand in ".json".

    These hold the score too, and nothing that differs from one run to the next.

    Args:
        piece: The piece.
        job: What it was made for.
        loaded: Its specification.
        said: The same, as keys and values.
    """
    with tempfile.TemporaryDirectory() as place:
        paths = render.write(piece.score, Path(place), job.id, loaded.spec.outputs)
        files = {path.name.removeprefix(job.id): path.read_bytes() for path in paths}
    data = compose.as_data(piece)
    del data["seconds"], data["interrupted"]
    data = {"id": job.id, "inputs": dict(job.inputs)} | data
    data |= {
        "specification": {**said, "seed": job.seed},
        # Of voices that were given nobody asks how new they are.
        "given": sorted(set(loaded.spec.given) - {"figures", "numerals"}),
        "files": [f"{job.id}{ending}" for ending in files],
        "score": plain(piece.score),
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"
    return files | {".json": text.encode()}, data


def _line(
    job: Job, status: str, total: float, seconds: Mapping[str, float] | None = None
) -> dict[str, Any]:
    spent = {"total": total} | dict(seconds or {})
    return {
        "id": job.id, "status": status, "inputs": dict(job.inputs), "seed": job.seed,
        "seconds": {name: round(value, 3) for name, value in spent.items()},
        "sha256": dict(job.sha256), "versions": dict(job.versions),
    }  # fmt: skip


@lru_cache(maxsize=2)
def _template(source: bytes, path: str) -> Template:
    return Template(specfile.opened(source, Path(path)))


_OWN: dict[tuple[Any, ...], tuple[Path, ...]] = {}


def _own(loaded: LoadedSpec) -> tuple[Path, ...]:
    """Return the user's own rule files, looked at once: a batch holds on to what it began with."""
    spec = loaded.spec
    key = (loaded.path.parent, spec.style, tuple(spec.rules), spec.rule_folders)
    if key not in _OWN:
        own = brief.own_rules(loaded)
        brief.know_ranges(loaded)
        _OWN[key] = own
    return _OWN[key]
