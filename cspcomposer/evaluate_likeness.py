"""How alike are the sections of a score that return, that are varied, that contrast?

They are compared beat by beat, in the transposition that suits best.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

from cspcomposer import pitch as pitches
from cspcomposer.evaluate_closes import bars
from cspcomposer.score import Score, note_at, pulses

Frame = tuple[frozenset[int], int | None]


@dataclass(frozen=True)
class Part:
    """A section as it was planned.

    Attributes:
        first: Its first bar.
        last: Its last bar.
        changes: In which ways it differs.
        place: Which of the sections it is, counted from 0.
        model: Which of them it returns; None for a new one.
    """

    first: int
    last: int
    changes: tuple[str, ...]
    place: int
    model: int | None


def likenesses(
    score: Score, plan: Mapping[str, Any]
) -> tuple[list[float], list[float], list[float]]:
    """Return how alike the pairs of sections are that return, that are varied, that contrast."""
    frames, parts = _frames(score), _parts(plan)
    exact: list[float] = []
    varied: list[float] = []
    contrast: list[float] = []
    roots: dict[int, int] = {}
    for part in parts:
        roots[part.place] = part.place if part.model is None else roots[part.model]
    for one, other in combinations(parts, 2):
        first, second = _within(frames, one), _within(frames, other)
        if roots[one.place] != roots[other.place]:
            # Of sections that contrast the longer one is looked at as far as the shorter goes.
            size = min(len(first), len(second))
            contrast += [a for a in [likeness(first[:size], second[:size])] if a is not None]
            continue
        alike = likeness(first, second)
        if alike is None:
            continue
        if other.model == one.place or one.model == other.model:
            changed = set(other.changes) | (set(one.changes) if other.model != one.place else set())
            (varied if changed else exact).append(alike)
    return exact, varied, contrast


def _parts(plan: Mapping[str, Any]) -> list[Part]:
    top = [s for s in plan["sections"] if "." not in s["name"]]
    places = {s["name"]: n for n, s in enumerate(top)}
    out = []
    for place, s in enumerate(top):
        first, last = bars(s["bars"])
        model = places.get(s["like"])
        changes = tuple(s["changes"])
        changes += tuple(c for n in plan["sections"] if n["name"].startswith(s["name"] + ".")
                         for c in n["changes"] if c not in changes)  # fmt: skip
        out.append(Part(first, last, changes, place, model))
    return out


def _within(frames: Mapping[int, Sequence[Frame]], part: Part) -> list[Frame]:
    return [f for bar in range(part.first, part.last + 1) for f in frames.get(bar, ())]


def _frames(score: Score) -> dict[int, list[Frame]]:
    """Return for each bar what sounds on its beats: pitch classes, and the highest voice's."""
    out: dict[int, list[Frame]] = defaultdict(list)
    bar = 0
    for time in pulses(score):
        while bar + 1 < len(score.measures) and score.measures[bar + 1].onset <= time:
            bar += 1
        sounding = [note_at(voice, time) for voice in score.voices]
        classes = frozenset(pitches.midi(n.pitch) % 12 for n in sounding if n)
        top = sounding[0]
        out[score.measures[bar].number].append(
            (classes, pitches.midi(top.pitch) % 12 if top else None)
        )
    return out


def likeness(one: Sequence[Frame], other: Sequence[Frame]) -> float | None:
    """Return how alike two stretches of equal length are, in the transposition that suits best.

    Half of it is how often the highest voice is the same, half how much of the chords is.
    """
    if not one or len(one) != len(other):
        return None
    return max(
        fmean(
            0.5 * _same(a, b, up) + 0.5 * _shared(a, b, up) for a, b in zip(one, other, strict=True)
        )
        for up in range(12)
    )


def _same(one: Frame, other: Frame, up: int) -> float:
    if one[1] is None or other[1] is None:
        return float(one[1] is other[1])
    return float((one[1] + up) % 12 == other[1])


def _shared(one: Frame, other: Frame, up: int) -> float:
    moved = {(c + up) % 12 for c in one[0]}
    both = moved | other[0]
    return len(moved & other[0]) / len(both) if both else 1.0
