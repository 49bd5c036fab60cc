"""Counting the surface: how often a body of music fills its beats, voice by voice, and with what.

A setting is thought of as bare chords on the beats, whose late notes (suspensions) are put back to
the beat. What stands half way between two of them is then counted by letters: how far the voice
goes from beat to beat, and how far to the note between. Knows letters and beats, no chords.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from cspcomposer import pitch as pitches
from cspcomposer.score import Note, Score, Voice, beats, note_at

PLAIN = "plain"
WIDEST = 4
FEWEST = 12
CLAMP = 50
# What a suspension is, in letters above the bass: before and after it resolves.
_FALLS = {(3, 2), (6, 5), (1, 0)}


@dataclass
class Surface:
    """Counts of a body of music.

    Attributes:
        beats: From beat to beat within a phrase.
        busy: Of them, by the number of voices that strike a note between.
        moved: Voices that strike one there.
        fills: Voice, letters from beat to beat (4: four or more), letters to the note between.
        late: Voice, whether the note came late where it could have.
        kinds: By name: passing, neighbour, anticipation, suspension, chordal.
    """

    beats: int = 0
    busy: Counter[int] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)
    fills: Counter[tuple[str, int, int | str]] = field(default_factory=Counter)
    late: Counter[tuple[str, bool]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)


def counted(scores: Iterable[Score]) -> Surface:
    """Return how the beats of scores are filled."""
    out = Surface()
    for score in scores:
        _count(score, out)
    return out


def _count(score: Score, out: Surface) -> None:
    for (a, half, _), (b, _, _) in pairwise(beats(score)):
        if any(a <= end < b for end in score.phrase_ends):
            continue
        out.beats += 1
        busy = 0
        for voice in score.voices:
            between = note_at(voice, half)
            if between and between.onset == half and note_at(voice, a) and note_at(voice, b):
                busy += 1
                out.moved[voice.name] += 1
            _suspended(score, voice, a, b, out)
            _filled(score, voice, (a, half, b), out)
        out.busy[busy] += 1


def _filled(
    score: Score, voice: Voice, times: tuple[Fraction, Fraction, Fraction], out: Surface
) -> None:
    a, half, b = times
    first, between, last = note_at(voice, a), note_at(voice, half), note_at(voice, b)
    if not (first and between and last) or last.onset != b or _resolution(score, voice, a):
        return
    distance = _letters(first, last)
    width = max(-WIDEST, min(WIDEST, distance))
    way: int | str = PLAIN
    if between.onset == half:
        way = _letters(first, between)
        arrives = b in score.phrase_ends
        if way == distance and not (abs(way) == 1 and arrives):
            return
        name = "chordal"
        if abs(way) == 1 and distance in (2 * way, 0, way):
            name = {0: "neighbour", way: "anticipation"}.get(distance, "passing")
        out.kinds[name] += 1
    out.fills[voice.name, width, way] += 1


def _suspended(score: Score, voice: Voice, a: Fraction, b: Fraction, out: Surface) -> None:
    """Count whether a voice that could come late into the beat b does."""
    if b in score.phrase_ends:
        return
    before = _resolution(score, voice, a) or note_at(voice, a)
    late = _resolution(score, voice, b)
    there = late or note_at(voice, b)
    if not (before and there) or _letters(before, there) != -1:
        return
    if not late and there.onset != b:
        return
    if _dissonant(score, voice, b, before, there):
        out.late[voice.name, late is not None] += 1
        out.kinds["suspension"] += late is not None


def _resolution(score: Score, voice: Voice, time: Fraction) -> Note | None:
    """Return the note to which a suspension resolves that a voice has at a time."""
    held = note_at(voice, time)
    if held is None or held.onset == time:
        return None
    after = note_at(voice, held.end)
    if after is None or held.end - time > 1 or _letters(held, after) != -1:
        return None
    return after if _dissonant(score, voice, time, held, after) else None


def _dissonant(score: Score, voice: Voice, time: Fraction, held: Note, after: Note) -> bool:
    bass = score.voices[-1]
    if voice is bass:
        above = [note_at(v, time) for v in score.voices[:-1]]
        return any(n and _letters(held, n) % 7 == 1 for n in above)
    under = note_at(bass, time)
    if under is None:
        return False
    return (_letters(under, held) % 7, _letters(under, after) % 7) in _FALLS


def _letters(first: Note, last: Note) -> int:
    return _place(last.pitch) - _place(first.pitch)


def _place(pitch: int) -> int:
    letter, _, octave = pitches.parts(pitch)
    return 7 * octave + pitches.LETTERS.index(letter)


def facts(found: Surface) -> str:
    """Return what it costs to fill a beat or to leave it plain, as facts for `priors/`."""
    lines = []
    totals: Counter[tuple[str, int]] = Counter()
    for (voice, distance, _), count in found.fills.items():
        totals[voice, distance] += count
    for (voice, distance, way), count in sorted(found.fills.items(), key=lambda item: str(item)):
        if count >= FEWEST:
            total = totals[voice, distance]
            cost = _cost(count, total)
            fact = f"habit_filling({voice},{distance},{way},{cost})."
            lines.append(f"{fact:<44}% {count} of {total}")
    for (voice, late), count in sorted(found.late.items()):
        total = found.late[voice, True] + found.late[voice, False]
        fact = f"habit_waiting({voice},{'late' if late else PLAIN},{_cost(count, total)})."
        lines.append(f"{fact:<44}% {count} of {total}")
    return "\n".join(lines) + "\n"


def _cost(count: int, total: int) -> int:
    return min(CLAMP, round(-10 * math.log(count / total)))
