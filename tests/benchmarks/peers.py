"""The same four-voice problem for several programs: who answers when, and how well.

    python tests/benchmarks/peers.py [--seconds N]

Each contender runs in a process of its own that is ended when its time is up. What it finds is
checked and priced by `peers_problem`; the clock runs from the building of its model, imports not
counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import peers_problem
from peers_contenders import CONTENDERS
from peers_problem import Notes

MOMENTS = (1, 5, 20)
# Starting Python and its libraries is not the contender's fault.
GRACE = 10


@dataclass(frozen=True)
class Trace:
    """What a contender found.

    Attributes:
        answers: When, and at what cost, each better answer came.
        end: How it ended: "proven", "all seen", "stopped", or what went wrong.
        seconds: When.
    """

    answers: tuple[tuple[float, int], ...]
    end: str
    seconds: float


def run(name: str, seconds: float) -> None:
    """Run a contender here; print each better answer when it comes, as a line of JSON."""
    for module in CONTENDERS[name].imports:
        import_module(module)
    best: int | None = None
    begin = time.perf_counter()

    def tell(setting: Sequence[Notes]) -> None:
        nonlocal best
        found = peers_problem.price(setting)
        if found is not None and (best is None or found < best):
            best = found
            print(json.dumps([time.perf_counter() - begin, found]), flush=True)

    end = CONTENDERS[name].solve(tell, seconds)
    print(json.dumps([time.perf_counter() - begin, end]), flush=True)


def traced(name: str, seconds: float) -> Trace:
    """Run a contender in a process of its own, and end it when its time is up."""
    command = [sys.executable, __file__, "--contender", name, "--seconds", str(seconds)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + GRACE)
        out, broken = done.stdout, done.returncode != 0
    except subprocess.TimeoutExpired as stopped:
        out, broken = (stopped.stdout or b"").decode(), False
    lines = [json.loads(line) for line in out.splitlines()]
    answers = tuple((t, cost) for t, cost in lines if isinstance(cost, int))
    ends = [(t, word) for t, word in lines if isinstance(word, str)]
    if ends:
        return Trace(answers, ends[0][1], ends[0][0])
    return Trace(answers, "broken off" if broken else "stopped", seconds)


def table(seconds: float = MOMENTS[-1]) -> Iterator[str]:
    """Yield a table of all contenders."""
    yield "| who | first answer | " + " | ".join(f"at {m} s" for m in MOMENTS) + " | end | after |"
    yield "|---|--:|" + "--:|" * len(MOMENTS) + "---|--:|"
    for name in CONTENDERS:
        trace = traced(name, seconds)
        first = f"{trace.answers[0][0]:.3f}" if trace.answers else "none"
        costs = [min((c for t, c in trace.answers if t <= m), default="none") for m in MOMENTS]
        cells = " | ".join(map(str, costs))
        yield f"| {name} | {first} | {cells} | {trace.end} | {trace.seconds:.2f} |"


def main() -> None:
    """Run one contender, or all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=MOMENTS[-1], help="a limit for each")
    parser.add_argument("--contender", choices=CONTENDERS, help="run this one here")
    asked = parser.parse_args()
    if asked.contender:
        run(asked.contender, asked.seconds)
        return
    for line in table(asked.seconds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
