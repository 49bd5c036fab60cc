"""From an answer to a score: chosen notes and chords beside what was given. Knows no theory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping
from fractions import Fraction

from cspcomposer import facts
from cspcomposer.analyse import figured
from cspcomposer.facts import Outline, grid, phrases
from cspcomposer.score import Chord, Note, Score, Voice, note_at
from cspcomposer.solver import Answer


def decoded(plan: Outline, answer: Answer) -> Score:
    """Return the score that an answer makes of an outline."""
    ticking = facts.clock(plan)
    slots = set(plan.slots)
    numerals: dict[Fraction, str] = {}
    inversions: dict[Fraction, int] = {}
    sung: dict[str, dict[Fraction, int]] = {}
    tied: dict[str, set[Fraction]] = {}
    for atom in answer.atoms:
        if atom.name == "harmony":
            numerals[ticking.time(atom.arguments[0])] = atom.arguments[1]
        elif atom.name == "inversion":
            inversions[ticking.time(atom.arguments[0])] = atom.arguments[1]
        elif atom.name == "delays":
            tied.setdefault(str(atom.arguments[0]), set()).add(ticking.time(atom.arguments[1]))
        elif atom.name == "pitch":
            voice, ticks, pitch = atom.arguments
            moment = ticking.time(ticks)
            if moment in plan.free.get(str(voice), ()):
                sung.setdefault(str(voice), {})[moment] = pitch
    chords = {
        slot: Chord(slot, n, inversions.get(slot, 0), figured(n, inversions.get(slot, 0)))
        for slot, n in numerals.items()
        if slot in slots
    }
    return _finished(plan, sung, chords, tied)


def _finished(plan: Outline, sung: Mapping[str, Mapping[Fraction, int]],
             harmonies: Mapping[Fraction, Chord],
             tied: Mapping[str, Collection[Fraction]]) -> Score:  # fmt: skip
    """Return the score that an answer makes of an outline.

    Args:
        plan: The outline.
        sung: For each free voice, the pitch chosen at each slot.
        harmonies: The chord chosen at each slot.
        tied: For each voice the slots at which it holds what it sang before.
    """
    score = plan.score
    times = grid(plan)
    releases, breaths = {}, []
    sung_first = next((v for v in score.voices if v.notes), None)
    for _, arrival, last in phrases(score, times):
        breaths.append(last)
        note = note_at(sung_first, arrival) if sung_first else None
        following = bisect_right(times, last)
        open_end = times[following] if following < len(times) else score.end
        releases[arrival] = note.end if note else open_end
    stops = sorted({*plan.slots, score.end, *(begin for begin, _ in plan.rests)})
    struck = frozenset(s for s in plan.slots if not (sung_first and note_at(sung_first, s)))
    struck |= {n.onset for n in sung_first.notes} if sung_first else frozenset()
    voices = []
    for voice in score.voices:
        notes = list(voice.notes)
        struck_first = sorted(n.onset for n in voice.notes)
        for slot, pitch in sung.get(voice.name, {}).items():
            until = stops[bisect_right(stops, slot)]
            taken = bisect_right(struck_first, slot)
            until = min([until, *struck_first[taken : taken + 1]])
            until = min(until, releases[slot]) if slot in releases else until
            notes.append(Note(slot, until - slot, pitch))
        marked = tuple(
            Note(n.onset, n.duration, n.pitch, n.lyrics, True)
            if sung_first and voice is not sung_first and _fermata(sung_first, n) else n
            for n in _joined(notes, voice.notes, struck.difference(tied.get(voice.name, ())))
        )  # fmt: skip
        voices.append(Voice(voice.name, voice.label, voice.clef, marked))
    chords: list[Chord] = []
    for slot in sorted(harmonies):
        new = harmonies[slot]
        before = chords[-1] if chords else None
        breathed = before and bisect_left(breaths, before.onset) < bisect_left(breaths, slot)
        # One numeral in two keys is two chords.
        turned = before and any(before.onset < key.onset <= slot for key in score.keys)
        if before is None or breathed or turned or before.figured != new.figured:
            chords.append(new)
    return Score(
        score.title, score.composer, score.tempo, tuple(voices), score.measures, score.signatures,
        score.keys, tuple(chords), score.phrase_ends,
    )  # fmt: skip


def _fermata(melody: Voice, note: Note) -> bool:
    over = note_at(melody, note.onset)
    return over is not None and over.fermata and over.onset == note.onset


def _joined(
    notes: list[Note], given: tuple[Note, ...], struck: frozenset[Fraction]
) -> tuple[Note, ...]:
    """Return notes in order, chosen ones that repeat and are not struck again joined."""
    kept = set(given)
    out: list[Note] = []
    for note in sorted(notes):
        previous = out[-1] if out else None
        chosen = note not in kept and previous not in kept
        goes_on = previous and previous.end == note.onset and previous.pitch == note.pitch
        if previous and chosen and goes_on and note.onset not in struck:
            out[-1] = Note(previous.onset, note.end - previous.onset, note.pitch)
        else:
            out.append(note)
    return tuple(out)
