"""The problem "harmony" of the MiniZinc Challenge 2024, instance *brother*, here and with CP-SAT.

    python tests/benchmarks/brother.py [--seconds N] [--workers N]

The same 32 notes of a tune in four voices: by the rule files in `brother/`, and by the model in
`brother_cpsat.py`. A plain reading of the problem prices both answers.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import brother_cpsat
import proof

from cspcomposer import compose, specfile
from cspcomposer import pitch as pitches
from cspcomposer.score import Score
from cspcomposer.search import Effort
from cspcomposer.specfile import LoadedSpec

HERE = Path(__file__).parent
SPEC = HERE / "brother" / "brother.yaml"
CHORDS = ((0, 4, 7), (2, 5, 9), (4, 7, 11), (0, 5, 9), (2, 7, 11), (2, 5, 7, 11), (0, 4, 9))
RANGES = ((60, 79), (55, 72), (48, 67), (41, 60))
# CP-SAT proves nothing here with as many workers as there are cores, two: some of its eight must be
# searching for the bound.
WORKERS = 8
Lines = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Row:
    """How a contender ended.

    Attributes:
        name: Who.
        optimal: Whether it says that nothing better exists.
        cost: What the best answer costs by its own account.
        bound: What any answer costs at least, by its own account.
        priced: What `price` says of that answer.
        seconds: Until the proof, or until the limit; start-up not counted.
    """

    name: str
    optimal: bool
    cost: int | None
    bound: int
    priced: int | None
    seconds: float


def data() -> dict[str, Any]:
    """Return the instance."""
    found: dict[str, Any] = json.loads((HERE / "data" / "brother.json").read_text())
    return found


def spec() -> LoadedSpec:
    """Return the specification, to be composed in any way."""
    return specfile.load(SPEC)


def clingo(seconds: float) -> Row:
    """Return how clingo alone does with the rule files."""
    found = proof.proven(spec(), seconds=seconds)
    cost = found.cost[-1] if found.cost else None
    bound = found.bound[-1] if found.bound else 0
    priced = price(lines(found.score)) if found.score else None
    spent = found.grounding + found.seconds
    return Row("clingo alone, rule files", found.optimal, cost, bound, priced, spent)


def composed(seconds: float) -> Row:
    """Return how the whole program does, from the specification to the checked score."""
    begin = time.perf_counter()
    piece = compose.compose(spec(), effort=Effort(None, seconds))
    spent = time.perf_counter() - begin
    optimal, priced = piece.status == "optimal", price(lines(piece.score))
    return Row("compose", optimal, piece.cost[-1], piece.bound[-1], priced, spent)


def cpsat(seconds: float, workers: int) -> Row:
    """Return how CP-SAT does."""
    found = brother_cpsat.solved(data()["melody"], seconds=seconds, workers=workers)
    priced = price(found.music) if found.music else None
    name = f"CP-SAT, {workers} workers"
    return Row(name, found.optimal, found.cost, found.bound, priced, found.seconds)


def lines(score: Score) -> list[list[int]]:
    """Return a score's notes as MIDI numbers, by voice from the highest."""
    return [[pitches.midi(n.pitch) for n in voice.notes] for voice in score.voices]


def price(music: Lines) -> int | None:
    """Return what a setting costs; None if it breaks a rule of the problem."""
    steps = list(zip(*music, strict=True))
    if any(_faults(list(music[0]), music, steps)):
        return None
    cost = sum(max(abs(p - q) for p, q in pairwise(line)) for line in music)
    for notes in steps:
        classes = [p % 12 for p in notes]
        cost += (classes[3] != min(classes)) + (classes.count(min(classes)) == 1)
    return cost


def _faults(tune: list[int], music: Lines, steps: list[tuple[int, ...]]) -> Iterator[bool]:
    """Yield for each rule of the problem whether a setting breaks it."""
    asked = data()
    stay = asked["max_stationary"] + 1
    sounding = [tuple(sorted({p % 12 for p in notes})) for notes in steps]
    yield tune != asked["melody"]
    yield any(not low <= p <= high
              for line, (low, high) in zip(music, RANGES, strict=True) for p in line)  # fmt: skip
    yield any(p <= q for notes in steps for p, q in pairwise(notes))
    yield any(p - q > 13 for notes in steps for p, q in pairwise(notes[:3]))
    yield any(chord not in CHORDS for chord in sounding)
    yield any(a == b for a, b in pairwise(sounding))
    bars = [sounding[i : i + 4] for i in range(0, len(sounding), 4)]
    yield any(a == b for a, b in pairwise(bars))
    for size in (0, 7):
        yield any(
            (before[v] - before[w]) % 12 == size == (now[v] - now[w]) % 12
            for before, now in pairwise(steps)
            for v, w in combinations(range(4), 2)
        )
    lower = music[1:]
    yield any(len({*x[i : i + stay]}) == 1 for x in lower for i in range(len(x) - stay + 1))
    spans = [x[i : i + 8] for x in lower for i in range(0, len(x), 8)]
    yield any(max(span) - min(span) <= 4 for span in spans)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the rows as a table."""
    yield "| who | cost | proven | bound | cost by an independent count | seconds |"
    yield "|---|--:|---|--:|--:|--:|"
    for row in rows:
        proven = "yes" if row.optimal else "no"
        yield (
            f"| {row.name} | {row.cost} | {proven} | {row.bound} | {row.priced} "
            f"| {row.seconds:.1f} |"
        )


def main() -> None:
    """Measure both and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300, help="a limit for each")
    parser.add_argument("--workers", type=int, default=WORKERS, help="threads of CP-SAT")
    asked = parser.parse_args()
    rows = [
        composed(asked.seconds),
        clingo(asked.seconds),
        cpsat(asked.seconds, asked.workers),
    ]
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
