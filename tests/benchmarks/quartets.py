"""A real minuet and a real sonata movement, measured as composed ones are.

`python tests/benchmarks/quartets.py [PIECE.json ...]` prints the table of `evaluate --structure`
for two movements of music21's corpus, and for composed pieces beside them. Sections are the parts
of the parts: a theme, a transition, the middle of a minuet. The plans of the real movements were
read in their scores and are written here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cspcomposer import evaluate_heard, evaluate_structure
from cspcomposer.evaluate_structure import Structure
from cspcomposer.score import Score


class Section(NamedTuple):
    """A section: its bars, the place of the one that it returns, and in what it differs."""

    label: str
    bars: str
    like: int | None = None
    changes: tuple[str, ...] = ()


class Movement(NamedTuple):
    """A movement of the corpus.

    Attributes:
        title: What it is called.
        file: Where it is.
        sections: In order; the return of the minuet after the trio is not written out.
        keys: From which bar on which key holds.
        phrases: Bars, cadence and key, where that is plain to hear.
    """

    title: str
    file: str
    sections: list[Section]
    keys: list[tuple[int, str]]
    phrases: list[tuple[str, str, str]]


MOVEMENTS = [
    Movement(
        "Mozart, quartet K. 80, minuet and trio",
        "mozart/k80/movement3",
        [Section("minuet", "1-8"), Section("middle", "9-20"),
         Section("minuet'", "21-28", 0, ("ending",)), Section("trio", "29-36"),
         Section("middle", "37-44"), Section("trio'", "45-52", 3, ("ending",))],
        [(1, "G major"), (9, "D major"), (17, "G major"), (29, "C major")],
        [("1-8", "perfect", "G major"), ("9-16", "perfect", "D major"),
         ("17-20", "half", "G major"), ("21-28", "perfect", "G major"),
         ("29-36", "perfect", "C major"), ("37-44", "half", "C major"),
         ("45-52", "perfect", "C major")],
    ),
    Movement(
        "Mozart, quartet K. 155, first movement",
        "mozart/k155/movement1",
        [Section("first theme", "1-12"), Section("transition", "13-20"),
         Section("second theme", "21-53"), Section("development", "54-71"),
         Section("first theme'", "72-83", 0, ("ending",)),
         Section("second theme'", "84-116", 2, ("key",)), Section("close", "117-119")],
        [(1, "D major"), (13, "A major"), (60, "B minor"), (64, "D major")],
        [("1-12", "perfect", "D major"), ("13-20", "half", "A major"),
         ("21-53", "perfect", "A major"), ("54-71", "half", "D major"),
         ("72-83", "half", "D major"), ("84-119", "perfect", "D major")],
    ),
]  # fmt: skip


def plan(movement: Movement) -> dict[str, Any]:
    """Return the plan of a movement as that of a composed piece is written."""
    sections = [
        {"name": str(place), "label": s.label, "bars": s.bars, "changes": list(s.changes),
         "like": "" if s.like is None else str(s.like), "key": movement.keys[0][1]}
        for place, s in enumerate(movement.sections)
    ]  # fmt: skip
    return {
        "sections": sections,
        "modulations": [{"bar": bar, "key": key} for bar, key in movement.keys[1:]],
        "phrases": [{"bars": b, "cadence": c, "key": k} for b, c, k in movement.phrases],
    }


def parted(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan whose sections are the parts of its parts; those without any stay."""
    names = [s["name"] for s in whole["sections"]]
    deep = [name for name in names if name.count(".") == 1]
    kept = deep + [
        n for n in names if "." not in n and not any(d.startswith(n + ".") for d in deep)
    ]

    def renamed(name: str) -> str:
        first, _, rest = name.partition(".")
        return f"{first}/{rest}" if rest else first

    sections = [
        {**s, "name": renamed(s["name"]), "like": renamed(s["like"])}
        for s in whole["sections"]
        if s["name"] in kept or s["name"].count(".") > 1
    ]
    return {**whole, "sections": sections}


def quartet(file: str) -> Score:
    """Return a movement as it sounds; notes on one stem are voices of their own."""
    from music21 import corpus

    return evaluate_heard.sounding(corpus.parse(file), file)


def rows(name: str, score: Score, planned: Mapping[str, Any]) -> Iterator[tuple[str, Structure]]:
    """Yield the figures of a piece, and of its bigram chain."""
    chain = evaluate_structure.chained(score, seed=1)
    yield name, evaluate_structure.measured(score, planned, name)
    yield "its bigram chain", evaluate_structure.measured(chain, planned, name)


def main(paths: list[Path]) -> None:
    """Print the table."""
    found: list[tuple[str, Structure]] = []
    for movement in MOVEMENTS:
        found += rows(movement.title, quartet(movement.file), plan(movement))
    for path in paths:
        whole = json.loads(path.read_text(encoding="utf-8"))["plan"]
        found += rows(path.stem, evaluate_heard.heard(path.with_suffix(".musicxml")), parted(whole))
    print(evaluate_structure.table(found), end="")


if __name__ == "__main__":
    main([Path(path) for path in sys.argv[1:]])
