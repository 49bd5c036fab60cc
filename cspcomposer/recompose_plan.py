"""A finished piece as an outline in which only a part is open: what is kept counts as given.

Slots, phrases, keys and cadences stay those of the specification; what a note may be, and whether
what is kept is right, is the rules' business.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from cspcomposer import facts
from cspcomposer import pitch as pitches
from cspcomposer.errors import BadInput, BadScore, Fault, counted
from cspcomposer.facts import Outline
from cspcomposer.recompose_parts import Parts
from cspcomposer.score import Chord, Note, Score, Voice, measure_at, note_at
from cspcomposer.solver import Answer, Decision


@dataclass(frozen=True)
class Again:
    """A piece of which a part is to be composed anew.

    Attributes:
        plan: What is kept, as if it were given, and what is open.
        piece: All that stood there, in the outline's voices and bars.
        named: The slots at which a chord is kept.
    """

    plan: Outline
    piece: Score
    named: frozenset[Fraction]


def fitted(plan: Outline, piece: Score) -> Score:
    """Return a finished piece in the voices and bars of an outline.

    Raises:
        BadScore: it has other bars, another metre or other voices.
    """
    score = plan.score
    _agree(score, piece)
    melody = next((v for v in piece.voices if v.notes), None)
    voices = tuple(
        Voice(v.name, v.label, v.clef, tuple(_held(n, melody) for n in old.notes))
        for v, old in zip(score.voices, piece.voices, strict=True)
    )
    return replace(score, title=score.title or piece.title, voices=voices, chords=piece.chords)


def _agree(asked: Score, piece: Score) -> None:
    if len(piece.voices) != len(asked.voices):
        names = ", ".join(v.name.replace("_", " ") for v in asked.voices)
        has = f"it has {counted(len(piece.voices), 'voice')}"
        raise BadScore(f"{has}, and the specification has {len(asked.voices)}: {names}.")
    ours, theirs = asked.measures, piece.measures
    metres = [{(m.beats, m.unit) for m in bars} for bars in (ours, theirs)]
    if metres[0] != metres[1]:
        found, wanted = (
            ", ".join(f"{beats}/{unit}" for beats, unit in sorted(m)) for m in metres[::-1]
        )
        raise BadScore(f"it is in {found}, and the specification in {wanted}.")
    if [m.number == 0 for m in ours[:1]] != [m.number == 0 for m in theirs[:1]]:
        what = ("a pick-up", "no pick-up")
        has, wanted = what[:: 1 if theirs[0].number == 0 else -1]
        raise BadScore(f"it has {has}, and the specification has {wanted}.")
    if ours[-1].number != theirs[-1].number:
        has = f"it has {counted(theirs[-1].number, 'bar')}"
        raise BadScore(f"{has}, and the specification asks for {ours[-1].number}.")
    late = any(v.notes and v.notes[-1].end > asked.end for v in piece.voices)
    if late or [m.onset for m in ours] != [m.onset for m in theirs]:
        raise BadScore("its bars are not as long as those of the specification.")


def _held(note: Note, melody: Voice | None) -> Note:
    """Return a note with a fermata where the melody has one on a note struck then."""
    over = note_at(melody, note.onset) if melody else None
    held = over is not None and over.fermata and over.onset == note.onset
    return replace(note, fermata=True) if held else note


def opened(plan: Outline, piece: Score, parts: Parts) -> Again:
    """Return an outline in which nothing is open but the parts named.

    A note that is held across the edge of a part is kept whole, and so is what follows it where
    no slot divides them. The chords are open where every voice that was composed is.

    Args:
        plan: The specification's outline.
        piece: As `fitted` returns it.
        parts: What is to be composed anew.

    Raises:
        BadInput: bars or voices that the piece does not have, or nothing left to compose.
    """
    _know(piece, parts)
    kept = {
        voice.name: tuple(_kept(plan, voice, parts, plan.free.get(voice.name, frozenset())))
        for voice in piece.voices
    }
    voices = tuple(replace(v, notes=kept[v.name]) for v in piece.voices)
    free = {
        v.name: frozenset(
            slot for slot in plan.free.get(v.name, ())
            if _within(plan.score, parts, v.name, slot) and not note_at(v, slot)
        )
        for v in voices
    }  # fmt: skip
    if not any(free.values()):
        hint = "Name more bars or voices." if any(plan.free.values()) else ""
        raise BadInput(Fault("all notes of the part named are given: none is left.", hint=hint))
    asked = {slot: numeral for numeral in plan.numerals for slot in numeral[:1]}
    named = {
        slot: (slot, numeral, None)
        for slot, numeral in _in_force(piece, plan.slots)
        if numeral and slot not in asked and not _all_open(plan, parts, slot)
    }
    score = replace(piece, voices=voices, chords=())
    numerals = tuple((asked | named)[slot] for slot in sorted({*asked, *named}))
    return Again(replace(plan, score=score, free=free, numerals=numerals), piece, frozenset(named))


def unnamed(again: Again, slots: Collection[Fraction]) -> Again:
    """Return a piece in which the chords kept at some slots are open too."""
    opened = again.named.intersection(slots)
    numerals = tuple(n for n in again.plan.numerals if n[0] not in opened)
    return replace(again, plan=replace(again.plan, numerals=numerals), named=again.named - opened)


def places(again: Again) -> list[Fraction]:
    """Return the slots at which anything is open."""
    fixed = {slot for slot, _, _ in again.plan.numerals}
    free = {slot for slots in again.plan.free.values() for slot in slots}
    return [slot for slot in again.plan.slots if slot in free or slot not in fixed]


def decisions(again: Again, answer: Answer) -> list[Decision]:
    """Return what an answer chose, by the places at which anything is open."""
    plan = again.plan
    fixed = {slot for slot, _, _ in plan.numerals}
    counted = {plan.slots.index(slot): place for place, slot in enumerate(places(again))}
    return [
        replace(decision, place=counted[decision.place])
        for decision in facts.decisions(plan, answer)
        if decision.lane != "harmony" or plan.slots[decision.place] not in fixed
    ]


def labelled(again: Again, score: Score) -> Score:
    """Return a composed piece in which kept chords over a kept bass are called as they were.

    A bass that is held over a change of chord does not say how the new one stands.
    """
    bass = again.plan.score.voices[-1]
    out: list[Chord] = []
    for slot in again.plan.slots:
        kept = slot in again.named and note_at(bass, slot) is not None
        chords = (again.piece if kept else score).chords
        place = bisect_right(chords, slot, key=lambda chord: chord.onset) - 1
        if place < 0:
            continue
        now = chords[place]
        # One that is named twice had a breath before it.
        twice = place > 0 and now.onset == slot and chords[place - 1].figured == now.figured
        if twice or not out or out[-1].figured != now.figured:
            out.append(replace(now, onset=slot))
    return replace(score, chords=tuple(out))


def bare(score: Score, plan: Outline) -> Score:
    """Return a piece without its ornaments: what each free voice sounds at its slots.

    A note that is held over into a slot and falls a step before the next one is the note that
    comes late there.
    """
    voices = tuple(
        replace(voice, notes=tuple(_bare(voice, plan.slots, plan.free.get(voice.name, ()))))
        for voice in score.voices
    )
    return replace(score, voices=voices)


def _bare(voice: Voice, slots: Sequence[Fraction], free: Collection[Fraction]) -> Iterator[Note]:
    for slot in sorted(free):
        note = note_at(voice, slot)
        if note is None:
            continue
        later = [s for s in slots if s > slot]
        after = note_at(voice, note.end)
        held = note.onset < slot and after and (not later or note.end < later[0])
        if held and after and 0 < pitches.midi(note.pitch) - pitches.midi(after.pitch) <= 2:
            note = after
        yield Note(slot, Fraction(1, 64), note.pitch)


def _know(piece: Score, parts: Parts) -> None:
    names = [v.name for v in piece.voices]
    first, last = piece.measures[0].number, piece.measures[-1].number
    for part in parts.parts:
        for name in part.voices:
            if name not in names:
                hint = f"There are: {', '.join(names)}."
                raise BadInput(Fault(f"there is no voice '{name}'.", hint=hint))
        for bar in part.bars or ():
            if not first <= bar <= last:
                raise BadInput(f"there is no bar {bar}: the piece has the bars {first} to {last}.")


def _within(score: Score, parts: Parts, voice: str, time: Fraction) -> bool:
    return parts.holds(voice, measure_at(score, time).number)


def _kept(plan: Outline, voice: Voice, parts: Parts, free: Collection[Fraction]) -> Iterator[Note]:
    """Yield the notes of a voice that stay: given ones, those outside, those across an edge."""
    slots = sorted(slot for slot in free if _within(plan.score, parts, voice.name, slot))
    given = plan.score.voice(voice.name)
    until = Fraction(0)
    for note in voice.notes:
        place = bisect_right(slots, note.onset)
        # From a slot on, and after all that stays, other notes can stand in its place.
        replaced = place > 0 and slots[place - 1] >= until
        inside = all(parts.holds(voice.name, bar) for bar in _bars(plan.score, note))
        if not (replaced and inside) or note_at(given, note.onset):
            until = note.end
            yield note


def _bars(score: Score, note: Note) -> Iterator[int]:
    """Yield the bars in which a note sounds."""
    first = measure_at(score, note.onset)
    yield first.number
    if note.end > first.onset + first.length:
        for bar in score.measures[score.measures.index(first) + 1 :]:
            if bar.onset >= note.end:
                return
            yield bar.number


def _all_open(plan: Outline, parts: Parts, slot: Fraction) -> bool:
    singing = [name for name, slots in plan.free.items() if slot in slots]
    return bool(singing) and all(_within(plan.score, parts, name, slot) for name in singing)


def _in_force(piece: Score, slots: Sequence[Fraction]) -> Iterator[tuple[Fraction, str]]:
    """Yield for each slot the chord that a piece states there, "" where it does not."""
    starts = [chord.onset for chord in piece.chords]
    for slot in slots:
        place = bisect_right(starts, slot) - 1
        yield slot, piece.chords[place].numeral if place >= 0 else ""
