"""How near a body of harmonisations is to another: figures that stand beside Bach's own."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from cspcomposer import analyse, rulebook
from cspcomposer import pitch as pitches
from cspcomposer.check import Report, check
from cspcomposer.facts import phrases
from cspcomposer.score import Key, Score, note_at, onsets
from neural_priors import classify
from neural_priors.frames import Row, beats, chord_names, chords, frames, shift

Bigrams = Counter[tuple[tuple[int, int], tuple[int, int]]]


@dataclass(frozen=True)
class Judged:
    """One piece.

    Attributes:
        same: Columns in which alto, tenor and bass have the model's note.
        columns: How many there are in which the model has one.
        chords: How many times the harmony changes.
        hard: Faults against declared hard rules, by the keys and chords that the piece states,
            or by estimated ones if it states none.
        heard: The same by estimated keys and chords.
        parallels: Parallel fifths and octaves as music21 hears them.
        soft: Other faults, by rule.
        beats: Quarter notes.
        moves: How often alto, tenor and bass go to another note from column to column.
        distinct: How many chords there are.
        firm: Columns on the tonic or the dominant.
        cadences: Phrases that end on the model's chord, of how many.
        bigrams: Pairs of successive chords.
        traits: Rates of what occurs, by which a classifier goes.
    """

    same: tuple[int, int, int]
    columns: tuple[int, int, int]
    chords: int
    hard: int
    heard: int
    parallels: int
    soft: Counter[str]
    beats: float
    moves: int
    distinct: int
    firm: int
    cadences: tuple[int, int]
    bigrams: Bigrams
    traits: Mapping[str, float] = field(default_factory=dict)


def judged(
    score: Score, model: Score, key: Key, *, style: str = "chorale", tune: Score | None = None
) -> Judged:
    """Return the figures of a piece beside its model, which may be itself.

    Keys and chords of both are estimated by the same means, whatever they say of themselves. Hard
    faults of melody that a tune, if there is one, has by itself are not the piece's.
    """
    plain = analyse.analysed(replace(score, keys=(), chords=(), phrase_ends=model.phrase_ends))
    seen, aim = frames(plain, key), frames(model, key)
    size = min(len(seen.times), len(aim.times))
    ours, theirs = seen.pitches[1:, :size], aim.pitches[1:, :size]
    heard = theirs >= 0
    harmony = harmonies(plain, key)
    goal = harmonies(analyse.analysed(replace(model, keys=(), chords=())), key)
    report = check(plain, style=style)
    stated = check(score, style=style) if score.chords else report
    # Rules of this stage ask for one voice and no chord.
    melodic = rulebook.of_stages("melody")
    own = {f for f in _hard(check(tune, style=style)) if f[0] in melodic} if tune else set()
    soft = Counter({r: n for r, n in report.counts["rule"].items()})
    for fault in report.violations:
        if fault.severity == "hard":
            soft[fault.rule] -= 1
    length = float(sum((m.length for m in plain.measures), Fraction(0)))
    changes = progression(harmony)
    same = ((ours == theirs) & heard).sum(1)
    firm = {chord[0] for chord in (_named(key, "I", "i"), _named(key, "V"))}
    ends = [max(0, bisect_right(seen.times, t) - 1) for t in model.phrase_ends]
    ends = [column for column in ends if column < min(harmony.shape[1], goal.shape[1])]
    return Judged(
        (int(same[0]), int(same[1]), int(same[2])),
        tuple(heard.sum(1).tolist()),
        len(changes),
        sum(fault not in own for fault in _hard(stated)),
        sum(fault not in own for fault in _hard(report)),
        len(list(parallels(plain))),
        +soft,
        length,
        int(((ours[:, 1:] != ours[:, :-1]) & (ours[:, 1:] >= 0) & (ours[:, :-1] >= 0)).sum()),
        len(set(changes)),
        int(np.isin(harmony[0], sorted(firm)).sum()),
        (sum(bool((harmony[:, c] == goal[:, c]).all()) for c in ends), len(ends)),
        Counter(pairwise(changes)),
        classify.traits(seen.pitches, harmony, +soft, length),
    )


def _hard(report: Report) -> Iterator[tuple[str, Fraction, str]]:
    for fault in report.violations:
        if fault.severity == "hard":
            yield fault.rule, fault.onset, fault.message


def _named(key: Key, *numerals: str) -> list[int]:
    """Return the roots of numerals of a key, moved as frames are."""
    known = chord_names().chords
    found = (known.get((key.tonic, key.mode, n)) for n in numerals)
    return [(chord[0] + shift(key)) % 12 for chord in found if chord]


def harmonies(score: Score, key: Key) -> Row:
    """Return [2, F]: root and triad of each column; sevenths and sixths are left away."""
    names = chord_names()
    out = chords(score, beats(score), shift(key), names)
    triads = [
        min(i for i, q in enumerate(names.qualities) if set(q) <= set(quality))
        for quality in names.qualities
    ]
    known = out[0] >= 0
    out[1, known] = np.array(triads)[out[1, known]]
    return out


def progression(harmony: Row) -> list[tuple[int, int]]:
    """Return the chords of a piece in order, one that stays said once; those not known left out."""
    known = [(root, quality) for root, quality in harmony.T.tolist() if root >= 0]
    return [chord for chord, _ in groupby(known)]


def distance(first: Counter[Any], second: Counter[Any]) -> float:
    """Return the Jensen-Shannon distance of two counts, in bits.

    >>> distance(Counter("aabb"), Counter("bbcc"))
    0.5
    """
    one, two = sum(first.values()), sum(second.values())
    out = 0.0
    for name in first.keys() | second.keys():
        p, q = first[name] / one, second[name] / two
        for part in (p, q):
            if part:
                out += part / 2 * math.log2(2 * part / (p + q))
    return out


def parallels(score: Score) -> Iterator[str]:
    """Yield parallel fifths and octaves within phrases, as music21 hears them."""
    from music21 import note, voiceLeading

    times = onsets(score)
    breaths = {last for _, _, last in phrases(score, times)}
    for before, now in pairwise(times):
        if before in breaths:
            continue
        for i, v in enumerate(score.voices):
            for w in score.voices[i + 1 :]:
                four = [note_at(x, t) for x in (v, w) for t in (before, now)]
                names = [pitches.name(n.pitch).replace("b", "-") for n in four if n]
                if len(names) < 4:
                    continue
                quartet = voiceLeading.VoiceLeadingQuartet(*(note.Note(n) for n in names))
                # music21 calls octaves in contrary motion parallel, too.
                if quartet.similarMotion() and (
                    quartet.parallelFifth() or quartet.parallelOctave() or quartet.parallelUnison()
                ):
                    yield f"{v.name} and {w.name} at {now}: {' '.join(names)}"


def total(pieces: Sequence[Judged], reference: Bigrams, bach: Sequence[Judged]) -> dict[str, float]:
    """Return the figures of a body of pieces.

    Args:
        pieces: The pieces.
        reference: Chord pairs of the music that taught.
        bach: Bach's own settings of the same tunes.
    """
    beats_of = sum(p.beats for p in pieces)
    same = np.sum([p.same for p in pieces], 0) / np.maximum(
        1, np.sum([p.columns for p in pieces], 0)
    )
    all_same = sum(sum(p.same) for p in pieces) / sum(sum(p.columns) for p in pieces)
    columns = sum(p.columns[2] for p in pieces)
    changes = sum(p.chords for p in pieces)
    bigrams: Bigrams = sum((p.bigrams for p in pieces), Counter())
    ends = np.sum([p.cadences for p in pieces], 0)
    return {
        "pieces": len(pieces),
        "hard faults per 100, chords as stated": 100 * sum(p.hard for p in pieces) / changes,
        "hard faults per 100, chords estimated": 100 * sum(p.heard for p in pieces) / changes,
        "parallels per 100, music21's ears": 100 * sum(p.parallels for p in pieces) / changes,
        "notes as Bach's": all_same,
        "alto": float(same[0]), "tenor": float(same[1]), "bass": float(same[2]),
        "chord pairs, distance in bits": distance(reference, bigrams),
        "distinct chords in a piece": sum(p.distinct for p in pieces) / len(pieces),
        "on I or V": sum(p.firm for p in pieces) / columns,
        "moves in 100 beats": 100 * sum(p.moves for p in pieces) / beats_of,
        "cadences as Bach's": float(ends[0] / max(1, ends[1])),
        "soft rules, distance from Bach": _soft(pieces, bach),
    }  # fmt: skip


def _soft(pieces: Sequence[Judged], bach: Sequence[Judged]) -> float:
    """Return the mean distance of the soft rules' rates from Bach's, in 100 beats."""
    ours = sum((p.soft for p in pieces), Counter())
    theirs = sum((p.soft for p in bach), Counter())
    one, two = sum(p.beats for p in pieces), sum(p.beats for p in bach)
    rules = ours.keys() | theirs.keys()
    return sum(abs(100 * ours[r] / one - 100 * theirs[r] / two) for r in rules) / max(1, len(rules))
