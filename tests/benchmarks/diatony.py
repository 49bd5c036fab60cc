"""Diatony's thirty-six chord progressions, set by its rules and proven to be the best.

    python tests/benchmarks/diatony.py [--seconds N]

Six progressions in six keys, by the rules and costs in `diatony/`: clingo alone proves the best
setting of each, and the whole program composes it. What it costs is counted once more from the
notes, and compared with what dynamic programming finds without any rule file.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import diatony_oracle
import proof
from diatony_problem import Instance, Price, instances, price

from cspcomposer import compose
from cspcomposer.search import Effort
from cspcomposer.specfile import LoadedSpec

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """How one progression went.

    Attributes:
        optimal: Whether it is said that nothing better exists.
        price: What the notes cost; None without any.
        seconds: Grounding and search, or the whole run.
    """

    optimal: bool
    price: Price | None
    seconds: float


def spec(instance: Instance) -> LoadedSpec:
    """Return the specification of an instance: each chord lasts a quarter."""
    bars = [instance.chords[i : i + 4] for i in range(0, len(instance.chords), 4)]
    lines = [
        f"    m{number} " + " ".join(f"b{beat} {chord}" for beat, chord in enumerate(bar, 1))
        for number, bar in enumerate(bars, 1)
    ]
    text = "\n".join(
        [
            f"title: Progression {instance.progression} in {instance.key}",
            "style: diatony.lp",
            "rule_folders: [rules]",
            f"key: {instance.key}",
            "metre: 4/4",
            "prior: {model: none, temperature: 0}",
            "surface: none",
            "given:",
            "  numerals: |",
            *lines,
        ]
    )
    return proof.loaded(text + "\n", HERE / "diatony" / "diatony.yaml")


def clingo(instance: Instance, seconds: float) -> Row:
    """Return how clingo alone does."""
    found = proof.proven(spec(instance), seconds=seconds)
    own = price(found.score) if found.score else None
    return Row(found.optimal, own, found.grounding + found.seconds)


def composed(instance: Instance, seconds: float) -> Row:
    """Return how the whole program does, from the specification to the checked score."""
    begin = time.perf_counter()
    piece = compose.compose(spec(instance), effort=Effort(None, seconds))
    return Row(piece.status == "optimal", price(piece.score), time.perf_counter() - begin)


def table(seconds: float) -> Iterator[str]:
    """Yield a table of all instances, each searched for at most so many seconds."""
    yield (
        "| progression | key | incomplete | diminished | meeting | distance | moves "
        "| clingo: proven | seconds | compose: proven | best | seconds |"
    )
    yield "|--:|---|--:|--:|--:|--:|--:|---|--:|---|---|--:|"
    alone, whole = [], []
    for instance in instances():
        best = diatony_oracle.best(instance)
        alone.append(clingo(instance, seconds))
        whole.append(composed(instance, seconds))
        numbers = (best.incomplete, best.diminished, best.meeting, best.distance, best.moves)
        cells = " | ".join(map(str, numbers))
        one, other = alone[-1], whole[-1]
        yield (
            f"| {instance.progression} | {instance.key} | {cells} "
            f"| {_word(one.optimal and one.price == best)} | {one.seconds:.2f} "
            f"| {_word(other.optimal and other.price == best)} | {_word(other.price == best)} "
            f"| {other.seconds:.2f} |"
        )
    yield ""
    bests = [diatony_oracle.best(instance) for instance in instances()]
    for name, rows in (("clingo alone", alone), ("compose", whole)):
        proven = sum(r.optimal and r.price == b for r, b in zip(rows, bests, strict=True))
        times = [row.seconds for row in rows]
        yield (
            f"* {name}: {proven} of {len(rows)} proven, {sum(times):.1f} seconds in all, "
            f"{max(times):.2f} at most"
        )


def _word(value: bool) -> str:
    return "yes" if value else "no"


def main() -> None:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="a limit for each")
    asked = parser.parse_args()
    for line in table(asked.seconds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
