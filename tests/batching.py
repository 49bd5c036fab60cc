"""Small batches for tests: pieces of one bar that take a fraction of a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from composing import ROOT

import cspcomposer
from cspcomposer import batch_sweep
from cspcomposer.batch_identity import Register
from cspcomposer.batch_piece import Job, Made, Order, failed
from cspcomposer.batch_pool import T
from cspcomposer.batch_result import Result

TINY = """
title: Tiny
bars: 1
surface: none
harmonic_rhythm: half
voices: 2
prior: none
effort: {conflicts: 60}
outputs: [musicxml, midi]
"""
VARYING = ("seconds",)


def written(folder: Path, sweep: str, more: str = "", base: str = TINY) -> Path:
    """A specification file of tiny pieces."""
    path = folder / "tiny.yaml"
    path.write_text(f"{base}{more}sweep: {sweep}\n")
    return path


def command(spec: Path, out: Path, *more: str) -> list[str]:
    """The command line that composes a batch."""
    start = [sys.executable, "-m", "cspcomposer", "batch", str(spec), "--out", str(out)]
    return [*start, *more]


def environment() -> dict[str, str]:
    """Where a process of its own finds the package."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def ran(spec: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """A batch run to its end in a process of its own."""
    return subprocess.run(
        command(spec, out, *more), capture_output=True, text=True, env=environment(), check=False
    )


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a manifest that are whole."""
    if not path.exists():
        return []
    texts = path.read_text().splitlines(keepends=True)
    return [json.loads(text) for text in texts if text.endswith("\n")]


def told(path: Path) -> list[dict[str, Any]]:
    """What a manifest says that may not differ between two runs."""
    return [{k: v for k, v in line.items() if k not in VARYING} for line in lines(path)]


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a batch but its manifest, by name."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    kept = (p for p in paths if not p.name.startswith((".manifest", "manifest")))
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def again(folder: Path, **asked: Any) -> tuple[list[Result], list[str]]:
    """What a second run says, result by result and in sentences."""
    said: list[str] = []
    found = cspcomposer.batch(
        folder / "tiny.yaml", out=folder / "out", jobs=1, tell=said.append, **asked
    )
    return list(found), said


def fresh(results: list[Result]) -> list[int]:
    """The places of the pieces that were composed now."""
    return [result.index for result in results if not result.done_before]


def job(number: int, path: Path) -> tuple[Order, Job]:
    """A piece of a batch as a worker is asked for it."""
    plan = batch_sweep.read(path)
    piece = list(plan.pieces())[number]
    who = Register(plan).identity(piece)
    order = Order(plan.document.source.encode(), str(path))
    return order, Job(who.id, number, piece.assignment, {}, piece.seed, who.sha256, who.versions)


class Canned:
    """Hands over one piece again and again, in no time."""

    def __init__(self, made: Made, fails: tuple[int, ...] = ()) -> None:
        self._made, self._fails = made, fails

    def made(self, jobs: Iterator[Job | T | None]) -> Iterator[Made | T]:
        for job in jobs:
            assert job
            if not isinstance(job, Job):
                yield job
                continue
            line = {**self._made.line, "id": job.id, "inputs": dict(job.inputs)}
            if job.index in self._fails:
                yield failed(job, "failed", "as it was to.")
            else:
                yield Made(job, line, dict(self._made.files))

    def close(self) -> None:
        """Nothing is open."""
