"""Scores as facts and answers as scores: the only module that spells the rules' predicates.

Times become whole ticks, as few to a quarter as the piece allows; pitches stay base-40 numbers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import lcm

from cspcomposer import facts_planned
from cspcomposer.figures import Figure
from cspcomposer.plan import Echo, Plan
from cspcomposer.score import Key, Score, Voice, note_at, onsets, pickup
from cspcomposer.solver import Answer, Decision


@dataclass(frozen=True)
class Outline:
    """A piece as far as it is fixed, and what is still open.

    Attributes:
        score: Measures, keys, phrase ends, chords and notes that are fixed; voices may be partial.
        slots: The times at which the harmony may change, in order.
        free: For each voice the slots at which its note is to be chosen.
        numerals: Harmonies asked for: slot, numeral, inversion (None where it is free).
        cadences: Cadences asked for: time of the phrase's end, kind.
        compass: Own ranges: lowest and highest pitch of a voice.
        figures: Figured bass: slot and figures; none of them means a plain triad.
        adornable: For each voice whose surface is open, the onsets of the notes that may be
            adorned; the score's notes are then a skeleton.
        steadfast: For each voice the onsets of given notes to which such a note may lead.
        further: Onsets besides those of notes and slots.
        excused: Faults that lie in what is given alone: rule, time, and who, as a term.
        rests: Stretches in which all voices are silent.
        plan: The plan that the piece follows, if it has one.
        echoes: Slots at which another one comes back: the slot, that other one.
    """

    score: Score
    slots: tuple[Fraction, ...]
    free: Mapping[str, frozenset[Fraction]] = field(default_factory=dict)
    numerals: tuple[tuple[Fraction, str, int | None], ...] = ()
    cadences: tuple[tuple[Fraction, str], ...] = ()
    compass: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    figures: tuple[tuple[Fraction, tuple[Figure, ...]], ...] = ()
    adornable: Mapping[str, frozenset[Fraction]] = field(default_factory=dict)
    steadfast: Mapping[str, frozenset[Fraction]] = field(default_factory=dict)
    further: tuple[Fraction, ...] = ()
    excused: tuple[tuple[str, Fraction, str], ...] = ()
    rests: tuple[tuple[Fraction, Fraction], ...] = ()
    plan: Plan | None = None
    echoes: tuple[Echo, ...] = ()


@dataclass(frozen=True)
class Clock:
    """Whole ticks for exact times.

    Attributes:
        quarter: Ticks in a quarter note.
    """

    quarter: int

    def ticks(self, time: Fraction) -> int:
        """Return a time in ticks."""
        return time.numerator * self.quarter // time.denominator

    def reached(self, time: Fraction) -> int:
        """Return the first tick that is not before a time."""
        return -(-time.numerator * self.quarter // time.denominator)

    def time(self, ticks: int) -> Fraction:
        """Return ticks as a time in quarter notes."""
        return Fraction(ticks, self.quarter)


def clock(outline: Outline) -> Clock:
    """Return the coarsest clock that shows every time of a piece exactly."""
    score = outline.score
    times = [
        *outline.slots,
        *outline.further,
        *(m.onset for m in score.measures),
        *(m.length for m in score.measures),
    ]
    times += [t for v in score.voices for n in v.notes for t in (n.onset, n.duration)]
    times += [Fraction(4, unit) for unit in {m.unit for m in score.measures}]
    return Clock(lcm(1, *{t.denominator for t in times}))


def grid(outline: Outline) -> tuple[Fraction, ...]:
    """Return the onsets of a piece: its notes' and its slots, and what further ones it has."""
    return tuple(sorted({*onsets(outline.score), *outline.slots, *outline.further}))


def phrases(score: Score, times: tuple[Fraction, ...]) -> Iterator[tuple[Fraction, ...]]:
    """Yield for each phrase its first onset, its last melody note's, and its last."""
    begin = times[0]
    melody = next((voice for voice in score.voices if voice.notes), None)
    for end in score.phrase_ends:
        until = times[bisect_right(times, end)] if end < times[-1] else times[-1] + 1
        note = note_at(melody, end) if melody else None
        if melody and note:
            later = [n.onset for n in melody.notes if n.onset > end]
            if not later and end != score.phrase_ends[-1]:  # others go on
                later = [t for t in times if t >= note.end]
            until = later[0] if later else times[-1] + 1
        last = times[bisect_left(times, until) - 1]
        yield begin, end, last
        following = bisect_right(times, last)
        if following < len(times):
            begin = times[following]


def facts(outline: Outline) -> str:
    """Return a piece as facts of the vocabulary, one to a line."""
    return "\n".join(f"{fact}." for fact in _facts(outline, clock(outline)))


def _facts(outline: Outline, ticking: Clock) -> Iterator[str]:
    score, at = outline.score, ticking.ticks
    times = grid(outline)
    ticks, slots = list(map(at, times)), set(map(at, outline.slots))
    yield f"quarter({ticking.quarter})"
    for index, voice in enumerate(score.voices, 1):
        yield f"voice({voice.name},{index})"
    for m in score.measures:
        start = m.onset - (m.full - m.length if m.number == 0 else 0)
        yield f"measure({m.number},{at(start)},{at(m.onset + m.length - start)},{m.beats},{m.unit})"
    changes = [ticking.reached(key.onset) for key in score.keys]
    for tick in ticks:
        yield f"onset({tick})"
        key = score.keys[max(bisect_right(changes, tick) - 1, 0)]
        yield f"key({tick},{key.tonic},{key.mode})"
    for a, b in pairwise(ticks):
        yield f"next({a},{b})"
    for slot in outline.slots:
        yield f"slot({at(slot)})"
    for first, second in pairwise(outline.slots):
        yield f"next_slot({at(first)},{at(second)})"
    for begin, end, last in phrases(score, times):
        yield f"phrase({at(begin)},{at(end)},{at(last)})"
    for voice in score.voices:
        free = set(map(at, outline.free.get(voice.name, ())))
        predicate = "given" if outline.free else "pitch"
        prefix = "skeleton_" if outline.adornable else ""
        for line in _voice(voice, predicate, free, ticks, slots, ticking):
            yield f"{prefix}{line}"
        for time in sorted(outline.adornable.get(voice.name, ())):
            yield f"adornable({voice.name},{at(time)})"
        for time in sorted(outline.steadfast.get(voice.name, ())):
            yield f"steadfast({voice.name},{at(time)})"
    yield from _harmonies(outline, ticks, ticking)
    for name, (low, high) in outline.compass.items():
        yield f"own_compass({name},{low},{high})"
    for time, kind in outline.cadences:
        yield f"wanted_cadence({at(time)},{kind})"
    for rule, time, who in outline.excused:
        yield f"excused({rule},{at(time)},{who})"
    if outline.plan:
        yield from facts_planned.climax(outline.plan, times, at)
    if outline.plan and outline.adornable:
        yield from facts_planned.surface(
            outline.echoes, outline.slots, outline.adornable, outline.further, at
        )
    if outline.plan and outline.free:
        early = pickup(score)
        ends = [end for _, end, _ in phrases(score, times)]
        yield from facts_planned.asked(
            outline.plan, outline.echoes, outline.slots, ends, outline.free, early, at
        )


def _voice(
    voice: Voice,
    predicate: str,
    free: set[int],
    ticks: Sequence[int],
    slots: set[int],
    ticking: Clock,
) -> Iterator[str]:
    at, name = ticking.ticks, voice.name
    struck = [at(n.onset) for n in voice.notes]
    ends = [at(n.onset) + at(n.duration) for n in voice.notes]
    open_note = False
    last: int | None = None
    end: int | None = None
    for tick in ticks:
        # Where all voices rest there is no onset to say so.
        if end is not None and end < tick:
            last = None
        index = bisect_right(struck, tick) - 1
        end = ends[index] if index >= 0 and tick < ends[index] else None
        if end is not None:
            yield f"{predicate}({name},{tick},{voice.notes[index].pitch})"
            open_note = False
        elif tick in free:
            yield f"free({name},{tick})"
            open_note = True
        elif open_note and tick not in slots:
            yield f"held({name},{tick})"
        else:
            open_note, last = False, None
        if (index >= 0 and struck[index] == tick) or tick in free:
            yield f"attack({name},{tick})"
            if last is not None:
                yield f"leads({name},{last},{tick})"
            last = tick


def _harmonies(outline: Outline, ticks: Sequence[int], ticking: Clock) -> Iterator[str]:
    at = ticking.ticks
    chords = outline.score.chords
    if chords:
        starts = [ticking.reached(c.onset) for c in chords]
        for tick in ticks:
            index = bisect_right(starts, tick) - 1
            if index >= 0:
                yield f'harmony({tick},"{chords[index].numeral}")'
    for time, numeral, inversion in outline.numerals:
        yield f'given_harmony({at(time)},"{numeral}")'
        if inversion is not None:
            yield f"given_inversion({at(time)},{inversion})"
    for time, figures in outline.figures:
        yield f"figured({at(time)})"
        for figure in figures:
            how = "plain" if not figure.shift else f"shift({figure.shift})"
            if figure.alteration is not None:
                how = f"sign({figure.alteration})"
            yield f"given_figure({at(time)},{figure.number},{how})"


def free_slots(outline: Outline, voice: str) -> list[int]:
    """Return the slots, in ticks, at which a voice's note is to be chosen."""
    ticking = clock(outline)
    return [ticking.ticks(slot) for slot in sorted(outline.free.get(voice, ()))]


def decisions(outline: Outline, answer: Answer) -> list[Decision]:
    """Return the choices that an answer made: a chord and the free voices' notes at each slot."""
    ticking = clock(outline)
    places = {ticking.ticks(slot): place for place, slot in enumerate(outline.slots)}
    free = {name: {ticking.ticks(t) for t in times} for name, times in outline.free.items()}
    out = []
    for atom in answer.atoms:
        if atom.name == "harmony" and atom.arguments[0] in places:
            out.append(Decision(atom, places[atom.arguments[0]], "harmony"))
        elif atom.name == "pitch" and atom.arguments[1] in free.get(str(atom.arguments[0]), ()):
            out.append(Decision(atom, places[atom.arguments[1]], str(atom.arguments[0])))
    return out


def key_at(keys: tuple[Key, ...], time: Fraction) -> Key:
    """Return the key in force at a time; before the first one, the first one."""
    index = bisect_right(keys, time, key=lambda k: k.onset) - 1
    return keys[max(index, 0)]
