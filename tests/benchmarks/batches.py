"""What a batch costs beside the pieces: against a shell loop, with one job and two.

    python tests/benchmarks/batches.py [--pieces N]

With --pieces it composes so many pieces of 16 bars, and tells how the caller's memory grew.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import tried

ROOT = Path(__file__).resolve().parents[2]
SPEC = """
title: Bench
phrases: [{bars: 2, cadence: half}, {bars: 2, cadence: authentic}]
prior: tables
effort: {conflicts: 1000}
outputs: [musicxml, midi]
sweep: {matrix: {key: [C major, G major, E minor, F major]}, seeds: 6}
"""
LONG = """
bars: 16
voices: 2
prior: none
surface: none
harmonic_rhythm: bar
effort: {conflicts: 50}
outputs: [musicxml, midi]
sweep: {seeds: %d}
"""
LOOPED = 4
EFFICIENT, OVERHEAD = 0.85, 0.05
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class Ran:
    """How a batch went.

    Attributes:
        seconds: In all.
        first: Until the first piece was told.
        each: What each piece took in its worker.
    """

    seconds: float
    first: float
    each: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Pieces a minute, start and all."""
        return 60 * len(self.each) / self.seconds

    @property
    def steady(self) -> float:
        """Pieces a minute from the first one on."""
        return 60 * (len(self.each) - 1) / (self.seconds - self.first)


def table() -> Iterator[str]:
    """Yield a table of pieces a minute, and what is added to each piece."""
    with tempfile.TemporaryDirectory() as place:
        spec = Path(place) / "bench.yaml"
        spec.write_text(SPEC)
        alone = _looped(spec, Path(place))
        one, two = (_ran(spec, Path(place) / f"jobs{n}", n) for n in (1, 2))
    efficiency = two.rate / (2 * one.rate)
    added = (one.seconds - one.first - sum(one.each[1:])) / (len(one.each) - 1)
    yield "## Batches\n"
    yield f"{len(one.each)} pieces of four bars in four keys, MusicXML and MIDI, from one file;"
    yield f"beside it a loop over `compose`, measured on {LOOPED} of them.\n"
    yield "| how | seconds | first piece after | pieces a minute | after the first |"
    yield "|---|--:|--:|--:|--:|"
    yield f"| a shell loop over `compose` | | {alone:.1f} | {60 / alone:.1f} | |"
    for name, ran in (("`batch --jobs 1`", one), ("`batch --jobs 2`", two)):
        figures = (ran.seconds, ran.first, ran.rate, ran.steady)
        yield f"| {name} | {' | '.join(f'{figure:.1f}' for figure in figures)} |"
    yield ""
    word = tried.verdict(efficiency >= EFFICIENT)
    yield f"* two jobs against one: efficiency {efficiency:.2f}; aim {EFFICIENT}: {word}"
    word = tried.verdict(added <= OVERHEAD)
    aim = f"aim {1000 * OVERHEAD:.0f}: {word}"
    yield f"* added to each piece by the runner: {1000 * added:.0f} ms; {aim}"
    yield f"* against the loop: {one.rate * alone / 60:.1f} times as fast with one job, "
    yield f"  {two.rate * alone / 60:.1f} with two"


def _looped(spec: Path, place: Path) -> float:
    """Return how long one piece takes when each has a program of its own."""
    begin = time.perf_counter()
    for seed in range(1, LOOPED + 1):
        words = ["compose", str(spec), "--seed", str(seed), "--out", str(place / "loop")]
        _command(words).communicate()
    return (time.perf_counter() - begin) / LOOPED


def _ran(spec: Path, out: Path, jobs: int) -> Ran:
    begin = time.perf_counter()
    process = _command(["batch", str(spec), "--out", str(out), "--jobs", str(jobs), "--json"])
    first, each = 0.0, []
    assert process.stdout
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "piece":
            first = first or time.perf_counter() - begin
            each.append(event["seconds"])
    process.wait()
    return Ran(time.perf_counter() - begin, first, tuple(each))


def memory(pieces: int) -> Iterator[str]:
    """Yield how the caller's memory grew while it composed many pieces of 16 bars."""
    with tempfile.TemporaryDirectory() as place:
        spec, out = Path(place) / "long.yaml", Path(place) / "out"
        spec.write_text(LONG % pieces)
        begin = time.perf_counter()
        process = _command(["batch", str(spec), "--out", str(out), "--jobs", "2", "--json"])
        held: list[tuple[int, int, int]] = []
        assert process.stdout
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "piece" and event["done"] % max(1, pieces // 10) == 0:
                manifest = (out / "manifest.jsonl").read_text().splitlines()
                whole = [json.loads(text) for text in manifest]
                statm = Path(f"/proc/{process.pid}/statm").read_text().split()
                held.append((event["done"], int(statm[1]) * PAGE >> 10, len(whole)))
        process.wait()
        spent = time.perf_counter() - begin
    yield f"{pieces} pieces of 16 bars, two jobs, {spent / 60:.1f} minutes. The caller's memory,"
    yield "and the lines of its manifest read at that moment by another program:\n"
    yield "| pieces | MiB | lines |"
    yield "|--:|--:|--:|"
    for done, size, there in held:
        yield f"| {done} | {size / 1024:.1f} | {there} |"


def _command(words: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cspcomposer", *words], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, help="so many of 16 bars instead")
    asked = parser.parse_args()
    for line in memory(asked.pieces) if asked.pieces else table():
        print(line, flush=True)


if __name__ == "__main__":
    main()
