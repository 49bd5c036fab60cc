"""Does a score have the form that was planned: what is alike, in its keys, closed as asked?

Looks at what sounds, and at nothing that the composer knew: sections that are said to be alike are
compared beat by beat, keys are found by music21, cadences are read off the outer voices.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from cspcomposer import evaluate_heard
from cspcomposer import key as keys
from cspcomposer import pitch as pitches
from cspcomposer.errors import BadInput, Fault
from cspcomposer.metre import Metre
from cspcomposer.score import Measure, Note, Score, Voice, note_at, pickup, pulses

# A key is looked for where it holds for so many bars at least.
LEAST_BARS = 4
# From how often chords occur in music of several voices; what music21 takes unasked was fitted to
# melodies alone.
ANALYSIS = "key.bellmanbudge"


@dataclass(frozen=True)
class Part:
    """A section as it was planned.

    Attributes:
        label: What it is called.
        first: Its first bar.
        last: Its last bar.
        like: The label of the section that it returns; "" for a new one.
        changes: In which ways it differs.
        place: Which of the sections it is, counted from 0.
        model: Which of them it returns; None for a new one.
    """

    label: str
    first: int
    last: int
    like: str
    changes: tuple[str, ...]
    place: int
    model: int | None


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


Frame = tuple[frozenset[int], int | None]


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
    parts = _parts(plan)
    exact, varied, contrast = _likenesses(score, parts)
    right, near, all_keys = _keys(score, plan)
    closed, phrases = _cadences(score, plan)
    alike = [*exact, *varied]
    pairs = [(a, c) for a in alike for c in contrast]
    apart = fmean((a > c) + 0.5 * (a == c) for a, c in pairs) if pairs else None
    return Structure(
        title, _mean(exact), _mean(varied), _mean(contrast), apart, (right, all_keys), near,
        (closed, phrases),
    )  # fmt: skip


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _parts(plan: Mapping[str, Any]) -> list[Part]:
    top = [s for s in plan["sections"] if "." not in s["name"]]
    places = {s["name"]: n for n, s in enumerate(top)}
    labels = {s["name"]: s["label"] for s in top}
    out = []
    for place, s in enumerate(top):
        first, last = _bars(s["bars"])
        like = s["like"] if s["like"] in places else ""
        model = places[like] if like else None
        changes = tuple(s["changes"])
        changes += tuple(c for n in plan["sections"] if n["name"].startswith(s["name"] + ".")
                         for c in n["changes"] if c not in changes)  # fmt: skip
        out.append(Part(s["label"], first, last, labels.get(like, ""), changes, place, model))
    return out


def _bars(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def _likenesses(
    score: Score, parts: Sequence[Part]
) -> tuple[list[float], list[float], list[float]]:
    """Return how alike the pairs of sections are that return, that are varied, that contrast."""
    frames = _frames(score)
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


def _keys(score: Score, plan: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return how many stretches of one key are in it, how many are near it, and all of them."""
    right = near = count = 0
    for first, last, name in key_stretches(plan):
        if last - first + 1 < LEAST_BARS:
            continue
        count += 1
        found, wanted = found_key(score, first, last), keys.parse(name)
        if (found[0], found[1]) == (pitches.midi(wanted.tonic) % 12, wanted.mode):
            right += 1
        elif _related(found, (pitches.midi(wanted.tonic) % 12, wanted.mode)):
            near += 1
    return right, near, count


def key_stretches(plan: Mapping[str, Any]) -> Iterator[tuple[int, int, str]]:
    """Yield the stretches in which one key holds: first bar, last bar, key."""
    end = max(_bars(p["bars"])[1] for p in plan["phrases"])
    begins = [(1, str(plan["sections"][0]["key"]))]
    begins += [(int(m["bar"]), str(m["key"])) for m in plan["modulations"]]
    stops = [bar - 1 for bar, _ in begins[1:]] + [end]
    for (first, name), last in zip(begins, stops, strict=True):
        if first <= last:
            yield first, last, name


def found_key(score: Score, first: int, last: int) -> tuple[int, str]:
    """Return the key that music21 hears in some bars: the tonic's pitch class, and the mode."""
    from music21 import note, stream

    begin = next(m.onset for m in score.measures if m.number == first)
    end = next(m.onset + m.length for m in score.measures if m.number == last)
    heard = stream.Stream()
    for voice in score.voices:
        for n in voice.notes:
            if begin <= n.onset < end:
                sounded = note.Note(pitches.midi(n.pitch))
                sounded.quarterLength = float(n.duration)
                heard.insert(float(n.onset - begin), sounded)
    key = heard.analyze(ANALYSIS)
    return int(key.tonic.pitchClass), str(key.mode)


def _related(one: tuple[int, str], other: tuple[int, str]) -> bool:
    up = (one[0] - other[0]) % 12
    if one[1] == other[1]:
        return up in (5, 7)
    return up == 0 or up == (9 if other[1] == "major" else 3)


def _cadences(score: Score, plan: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many phrases close as planned, by their outer voices, and how many there are."""
    met = count = 0
    for phrase in plan["phrases"]:
        if phrase["cadence"] == "any":
            continue
        count += 1
        _, last = _bars(phrase["bars"])
        met += closes(score, last, str(phrase["cadence"]), str(phrase["key"]))
    return met, count


def closes(score: Score, bar: int, cadence: str, key: str) -> bool:
    """Return whether a bar closes so: by the bass of its last chord, and the highest voice."""
    measure = next(m for m in score.measures if m.number == bar)
    tonic = keys.parse(key)
    home = pitches.midi(tonic.tonic) % 12
    return any(
        _closes((pitches.midi(low) - home) % 12, (pitches.midi(high) - home) % 12, cadence)
        for low, high in _ends(score, measure)
    )


def _closes(bass: int, melody: int, cadence: str) -> bool:
    """Return whether two notes, in semitones above the tonic, close so."""
    if cadence == "half":
        return bass == 7
    if cadence == "perfect":
        return bass == 0 and melody == 0
    if cadence == "imperfect":
        return bass in (0, 3, 4)
    if cadence == "plagal":
        return bass == 0
    return bass in (8, 9)


def _ends(score: Score, measure: Measure) -> Iterator[tuple[int, int]]:
    """Yield the outer pitches with which a bar may be said to close.

    Its last bass note; and, where chords are broken, the lowest note of its last half, or of all
    of it where it has no halves. Where the piece begins before a bar line its phrases do too.
    """
    high, low = score.voices[0], score.voices[-1]
    early = pickup(score) if measure.length == measure.full else Fraction(0)
    end = measure.onset + measure.length - early
    last = _within_time(low, measure.onset, end)[-1:]
    top = note_at(high, last[0].onset) if last else None
    if last and top:
        yield last[0].pitch, top.pitch
    halves = measure.full / Metre(measure.beats, measure.unit).pulse % 4 == 0
    begin = end - measure.full / 2 if halves else measure.onset
    under = [n for voice in score.voices[1:] for n in _within_time(voice, begin, end)]
    over = _within_time(high, begin, end)
    if under and over:
        yield min(n.pitch for n in under), over[0].pitch


def _within_time(voice: Voice, begin: Fraction, end: Fraction) -> list[Note]:
    return [n for n in voice.notes if n.onset < end and n.end > begin]


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
