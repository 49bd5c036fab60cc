"""Voices out of the parts of a score being read: chords split, unisons doubled, ties joined.

Knows music21's notes and chords; which files they came from is not its business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from cspcomposer import pitch as pitches
from cspcomposer.errors import BadScore, Fault
from cspcomposer.read_measures import exact
from cspcomposer.score import Note, Score, position

Speller = Callable[[Any], int]
MOSTLY = Fraction(1, 2)  # of its sounding time a part must be chords of one size to be split


@dataclass(frozen=True)
class _Event:
    """What begins at one time on one stem."""

    onset: Fraction
    duration: Fraction
    pitches: tuple[tuple[int, bool], ...]  # from the highest; whether tied to the one before
    bar: int
    lyrics: tuple[str, ...]
    fermata: bool


def spelled_as_written(pitch: Any) -> int:
    """Return a music21 pitch as a base-40 number.

    Raises:
        ValueError: more than a double sharp or flat, or a quarter tone.
    """
    alter = pitch.alter
    if alter != int(alter):
        raise ValueError(f"{pitch.name} is a quarter tone; the twelve semitones are all there is")
    return pitches.make(pitch.step, int(alter), int(pitch.implicitOctave))


def lines_of(
    bars: Sequence[Any], starts: Sequence[Fraction], *, name: str, frame: Score, spell: Speller
) -> list[tuple[Note, ...]]:
    """Return the voices of one part, the highest first.

    Args:
        bars: The part's music21 measures.
        starts: Where each begins.
        name: The part's name, for messages.
        frame: The score without voices, to say bar and beat.
        spell: From a music21 pitch to a base-40 number.

    Raises:
        BadScore: percussion, a pitch that cannot be spelled, or chords that are no voices.
    """
    stems: dict[str, list[_Event]] = defaultdict(list)
    for index, (bar, start) in enumerate(zip(bars, starts, strict=True)):
        for slot, offset, element in _elements(bar):
            onset = start + offset
            event = _event(element, onset, index, name=name, frame=frame, spell=spell)
            if event is not None:
                stems[slot].append(event)
    _deal_out(stems)
    lines = [
        line
        for slot in sorted(stems, key=_voice_order)
        for line in _split(_merged(stems[slot]), name=name, frame=frame)
    ]
    lines.sort(key=_mean_height, reverse=True)
    return [_joined(line) for line in lines]


def _voice_order(slot: str) -> tuple[int, str]:
    return (int(slot), "") if slot.isdecimal() else (0, slot)


def _elements(bar: Any) -> Iterator[tuple[str, Fraction, Any]]:
    """Yield voice number ("" where the bar has one voice), offset and note or chord."""
    voices = list(bar.voices)
    if not voices and _overlaps(bar):
        voices = list(bar.makeVoices(inPlace=False).voices)
    for element in bar.notes:
        yield "", exact(element.offset), element
    for count, voice in enumerate(voices, start=1):
        number = str(voice.id) if str(voice.id).isdecimal() and len(str(voice.id)) < 4 else count
        for element in voice.notes:
            yield str(number), exact(voice.offset) + exact(element.offset), element


def _overlaps(bar: Any) -> bool:
    end = Fraction(0)
    for element in bar.notes:
        if exact(element.offset) < end:
            return True
        end = exact(element.offset) + exact(element.quarterLength)
    return False


def _event(
    element: Any, onset: Fraction, bar: int, *, name: str, frame: Score, spell: Speller
) -> _Event | None:
    duration = exact(element.quarterLength)
    if "Harmony" in element.classes or element.duration.isGrace or duration <= 0:
        return None
    if not hasattr(element, "pitches") or "Unpitched" in element.classes:
        raise BadScore(
            Fault(
                f"{_place(frame, onset)} is unpitched percussion, which has no voice.",
                key=name,
                hint="Leave that part out: name the parts to read.",
            )
        )
    members = element.notes if "Chord" in element.classes else (element,)
    if any(not hasattr(m, "pitch") for m in members):
        raise BadScore(
            Fault(f"{_place(frame, onset)} is unpitched percussion, which has no voice.", key=name)
        )
    try:
        sounds = {spell(m.pitch): bool(m.tie and m.tie.type != "start") for m in members}
    except ValueError as error:
        raise BadScore(Fault(f"{_place(frame, onset)}: {error}.", key=name)) from error
    if not sounds:
        return None
    high_first = sorted(sounds.items(), key=lambda item: pitches.midi(item[0]), reverse=True)
    fermata = any("Fermata" in e.classes for e in element.expressions)
    return _Event(onset, duration, tuple(high_first), bar, _lyrics(element), fermata)


def _lyrics(element: Any) -> tuple[str, ...]:
    verses: dict[int, str] = {}
    for lyric in element.lyrics:
        text = (lyric.text or "").strip()
        on = "-" if text and lyric.syllabic in ("begin", "middle") else ""
        verses[max(int(lyric.number), 1)] = text + on
    last = max((number for number, text in verses.items() if text), default=0)
    return tuple(verses.get(number, "") for number in range(1, min(last, 20) + 1))


def _deal_out(stems: dict[str, list[_Event]]) -> None:
    """Give the bars that are written with one stem to the voices that the part has elsewhere."""
    slots = sorted((s for s in stems if s), key=_voice_order)
    shared = stems.pop("", []) if slots else []
    chordal = {event.bar for event in shared if len(event.pitches) == len(slots)}
    for event in shared:
        size = len(event.pitches)
        if size == len(slots):
            for slot, sound in zip(slots, event.pitches, strict=True):
                stems[slot].append(replace(event, pitches=(sound,)))
        elif size == 1 and event.bar in chordal:
            for slot in slots:
                stems[slot].append(event)
        else:
            stems[slots[0]].append(event)


def _merged(events: list[_Event]) -> list[_Event]:
    """Return events in time, those that begin together as one chord, none overlapping."""
    out: list[_Event] = []
    for event in sorted(events, key=lambda e: (e.onset, e.duration)):
        if out and out[-1].onset == event.onset:
            sounds = dict(event.pitches) | dict(out[-1].pitches)
            order = sorted(sounds.items(), key=lambda i: pitches.midi(i[0]), reverse=True)
            out[-1] = replace(
                out[-1],
                pitches=tuple(order),
                lyrics=out[-1].lyrics or event.lyrics,
                fermata=out[-1].fermata or event.fermata,
            )
            continue
        if out and out[-1].onset + out[-1].duration > event.onset:
            out[-1] = replace(out[-1], duration=event.onset - out[-1].onset)
        out.append(event)
    return out


def _split(events: list[_Event], *, name: str, frame: Score) -> list[list[_Event]]:
    """Return one line for each note of the chords, where their size is steady."""
    size = max((len(e.pitches) for e in events), default=0)
    if size <= 1:
        return [events] if events else []
    whole = sum((e.duration for e in events), Fraction(0))
    full = sum((e.duration for e in events if len(e.pitches) == size), Fraction(0))
    steady = {1, size} if size == 2 else {size}
    odd = next((e for e in events if len(e.pitches) not in steady), None)
    if full < MOSTLY * whole:
        odd = next(e for e in events if len(e.pitches) > 1)
    if odd is not None:
        raise BadScore(
            Fault(
                f"{_place(frame, odd.onset)} has {_count(len(odd.pitches))} on one stem, and other "
                f"places have another number, so the voices cannot be told apart.",
                key=name,
                hint="Write each line as a voice or a part of its own, or read other parts only.",
            )
        )
    lines: list[list[_Event]] = [[] for _ in range(size)]
    for event in events:
        sounds = event.pitches if len(event.pitches) == size else event.pitches * size
        for place, (line, sound) in enumerate(zip(lines, sounds, strict=True)):
            lyrics = event.lyrics if place == 0 else ()
            line.append(replace(event, pitches=(sound,), lyrics=lyrics))
    return lines


def _count(size: int) -> str:
    return "one note" if size == 1 else f"{size} notes"


def _mean_height(line: list[_Event]) -> Fraction:
    weight = sum((e.duration for e in line), Fraction(0))
    return sum((e.duration * pitches.midi(e.pitches[0][0]) for e in line), Fraction(0)) / weight


def _joined(line: list[_Event]) -> tuple[Note, ...]:
    notes: list[Note] = []
    for event in line:
        ((pitch, tied),) = event.pitches
        last = notes[-1] if notes else None
        if tied and last and last.pitch == pitch and last.end == event.onset:
            notes[-1] = replace(
                last,
                duration=last.duration + event.duration,
                fermata=last.fermata or event.fermata,
            )
        else:
            notes.append(Note(event.onset, event.duration, pitch, event.lyrics, event.fermata))
    return tuple(notes)


def _place(frame: Score, onset: Fraction) -> str:
    bar, beat = position(frame, onset)
    whole, rest = divmod(beat, 1)
    return f"Bar {bar}, beat {whole}{f' {rest}' if rest else ''}"
