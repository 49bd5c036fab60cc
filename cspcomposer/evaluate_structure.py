"""Does a score have the form that was planned: what is alike, in its keys, closed as asked?

Looks at what sounds, and at nothing that the composer knew: sections that are said to be alike are
compared beat by beat, keys are found by music21, cadences are read off the outer voices.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from cspcomposer import evaluate_closes, evaluate_heard, evaluate_likeness
from cspcomposer.errors import BadInput, Fault
from cspcomposer.score import Note, Score, note_at, pulses


@dataclass(frozen=True)
class Structure:
    """How far a score has the form that was planned.

    Attributes:
        title: The score's name.
        exact: Likeness of sections that are to return exactly, 0 to 1; None where there are none.
        varied: Of those that are to return with changes.
        contrast: Of those that are to contrast.
        told_apart: How often a pair that is to be alike is more alike than one that is to contrast.
        keys: How many stretches stand in the key planned, by music21, and how many there are.
        near: How many of the others stand in its relative, its parallel or a fifth away.
        cadences: How many phrases close as planned, and how many there are.
    """

    title: str
    exact: float | None
    varied: float | None
    contrast: float | None
    told_apart: float | None
    keys: tuple[int, int]
    near: int
    cadences: tuple[int, int]


def structures(path: Path) -> tuple[Structure, Structure]:
    """Return how far a composed piece has the form that was planned, and a chain of its beats.

    Args:
        path: The `.json` file that stands beside the piece; its MusicXML stands there too.

    Raises:
        BadInput: there is no plan in it, or no score beside it.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(Fault(f"this is no report of a piece: {error}.", path)) from None
    if not isinstance(data, dict) or "plan" not in data:
        hint = "Compose the piece from a specification with a form, and name its .json file."
        raise BadInput(Fault("there is no plan in this file.", path, hint=hint))
    music = path.with_suffix(".musicxml")
    if not music.exists():
        raise BadInput(Fault("there is no score of this name.", music))
    score = evaluate_heard.heard(music)
    chain, plan = chained(score, seed=1), data["plan"]
    return measured(score, plan, path.stem), measured(chain, plan, path.stem)


def measured(score: Score, plan: Mapping[str, Any], title: str) -> Structure:
    """Return how far a score has the form of a plan, which is plain data as in `form_show`."""
    exact, varied, contrast = evaluate_likeness.likenesses(score, plan)
    right, near, all_keys = evaluate_closes.agreeing(score, plan)
    closed, phrases = evaluate_closes.met(score, plan)
    alike = [*exact, *varied]
    pairs = [(a, c) for a in alike for c in contrast]
    apart = fmean((a > c) + 0.5 * (a == c) for a, c in pairs) if pairs else None
    return Structure(
        title, _mean(exact), _mean(varied), _mean(contrast), apart, (right, all_keys), near,
        (closed, phrases),
    )  # fmt: skip


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def chained(score: Score, seed: int = 0) -> Score:
    """Return a piece in which every beat follows the last as it does somewhere in a score.

    A bigram chain over its beats: as long, as like it from beat to beat, and without a form.
    """
    chance = random.Random(seed)
    times = list(pulses(score))
    ends = [*times[1:], score.end]
    columns = [
        tuple(n.pitch if (n := note_at(v, t)) else None for v in score.voices) for t in times
    ]
    following: dict[Any, list[Any]] = defaultdict(list)
    for before, after in pairwise(columns):
        following[before].append(after)
    column = columns[0]
    out: list[list[Note]] = [[] for _ in score.voices]
    for begin, end in zip(times, ends, strict=True):
        for notes, pitch in zip(out, column, strict=True):
            if pitch is not None:
                notes.append(Note(begin, end - begin, pitch))
        column = chance.choice(following.get(column) or columns)
    voices = tuple(replace(v, notes=tuple(n)) for v, n in zip(score.voices, out, strict=True))
    return replace(score, voices=voices)


def table(found: Sequence[tuple[str, Structure]]) -> str:
    """Return figures as a table in Markdown."""
    head = "| piece | exact returns | varied | contrasts | told apart | keys | near | cadences |"
    rows = [head, "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for name, s in found:
        shares = [_share(v) for v in (s.exact, s.varied, s.contrast, s.told_apart)]
        counts = [f"{s.keys[0]} of {s.keys[1]}", str(s.near), f"{s.cadences[0]} of {s.cadences[1]}"]
        rows.append("| " + " | ".join([name, *shares, *counts]) + " |")
    return "\n".join(rows) + "\n"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
