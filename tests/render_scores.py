"""Scores made by hand that hold what an engraver stumbles over, for the tests of rendering."""

from __future__ import annotations

from fractions import Fraction as F

from cspcomposer import pitch
from cspcomposer.score import (
    VOICE_NAMES,
    Chord,
    Key,
    Measure,
    Note,
    Score,
    Signature,
    Voice,
)

CLEFS = ("treble", "treble", "treble8", "bass")


def line(text: str) -> tuple[Note, ...]:
    """Read ``A4:1/2 r:1 B4:1~{al-|O}``: name, length, ~ for a fermata, a syllable a verse."""
    time = F(0)
    notes = []
    for word in text.split():
        name, rest = word.split(":")
        length, _, words = rest.partition("{")
        duration = F(length.rstrip("~"))
        if name != "r":
            lyrics = tuple(words.rstrip("}").split("|")) if words else ()
            fermata = length.endswith("~")
            notes.append(Note(time, duration, pitch.parse(name), lyrics, fermata))
        time += duration
    return tuple(notes)


def bars(count: int, beats: int, unit: int, *, pickup: F = F(0)) -> tuple[Measure, ...]:
    out = [Measure(0, F(0), pickup, beats, unit)] if pickup else []
    full = F(4 * beats, unit)
    return (*out, *(Measure(i + 1, pickup + full * i, full, beats, unit) for i in range(count)))


def voices(*lines: str) -> tuple[Voice, ...]:
    names = VOICE_NAMES[len(lines)]
    clefs = CLEFS if len(lines) == 4 else ("treble",) * (len(lines) - 1) + ("bass",)
    return tuple(
        Voice(name, name.capitalize(), clef, line(text))
        for name, clef, text in zip(names, clefs, lines, strict=True)
    )


def hymn() -> Score:
    """Four voices: pick-up, ties over bar lines, dots, a triplet, a new key, two verses, F##."""
    soprano = (
        "G4:1{Praise|O} A4:1{to|come} B4:3/2{the|all} C5:1/2 D5:2{Lord|ye}"
        " B4:1/3{al-|faith-} A4:1/3 B4:1/3 C5:1{migh-|ful} F##4:1{ty|and} G#4:2~{King|be-} r:1"
        " E5:1{of|hold} D5:1/2 C5:1/2 B4:1{cre-|him} Bbb4:1{a-|in} Ab4:1{tion|his} G4:3~{all|ye}"
    )
    alto = "D4:1 F#4:1 G4:1 F#4:1 G4:2 D4:1 E4:1 D#4:1 D#4:2~ r:1 G4:1 F4:1 F4:1 Gb4:1 F4:1 E4:3~"
    tenor = (
        "B3:1 C4:1 D4:1 C4:1 B3:2 G3:1 A3:1 A#3:1 B3:2~ r:1 C4:5/2 B3:1/2 B3:1/2 A3:1/2 B3:1 C4:3~"
    )
    bass = (
        "G3:1 D3:1 G2:1 A2:1 B2:2 B2:1 A2:1 F##2:1 G#2:2~ r:1 C3:1 D3:1/4 E3:3/4 F3:1/2 G3:1/2"
        " Db3:1 F3:1 C3:3~"
    )
    numerals = {1: "V4/3", 3: "V6/5", 7: "ii", 8: "V4/2/V", 12: "I", 13: "IV6", 17: "I"}
    measures = bars(4, 4, 4, pickup=F(1))
    return Score(
        title="Hymn & tune",
        composer="Anon. <after Crüger>",
        tempo=F(80),
        voices=voices(soprano, alto, tenor, bass),
        measures=(*measures, Measure(5, F(17), F(3), 4, 4)),
        signatures=(Signature(F(0), 1), Signature(F(13), 0)),
        keys=(
            Key(F(0), pitch.parse_class("G"), "major"),
            Key(F(12), pitch.parse_class("A"), "minor"),
        ),
        chords=(Chord(F(0), "I", 0, "I"), *(Chord(F(t), n, 0, n) for t, n in numerals.items())),
    )


def jig() -> Score:
    """Two voices in 6/8: pick-up, a quintuplet in a dotted beat, duplets, an empty bar, 3/4."""
    violin = (
        "D5:1/2 E5:3/2 D5:1 C5:1/2 B4:3/2 A4:3/4 B4:3/4 C5:2 D5:1 E5:1/4 F5:1/4 E5:1/4 D5:1/4"
        " C5:1/4 B4:1/4 A4:1 r:1/2 A4:4 G4:3/2"
    )
    cello = (
        "r:1/2 C4:3 G3:3/2 D3:3/2 r:3 A3:3/10 B3:3/10 C4:3/10 B3:3/10 A3:3/10 E3:3/2 D3:3 E3:5/2"
    )
    first = bars(5, 6, 8, pickup=F(1, 2))
    return Score(
        title="",
        composer="",
        tempo=F(120),
        voices=voices(violin, cello),
        measures=(*first, Measure(6, F(31, 2), F(5, 2), 3, 4)),
        signatures=(Signature(F(0), -1),),
    )


def rhythms() -> Score:
    """Four other voices in four clefs: syncopations, tuplets of all kinds, long notes."""
    high = (
        "C5:1/2 D5:1 E5:1 F5:1 G5:1/2 G5:5/2 F5:3/2 E5:2/3 D5:2/3 C5:2/3 B4:1 A4:1 C5:4/3 D5:2/3"
        " E5:1/4 F5:1/2 G5:1/4 A5:3/4 G5:1/4 F5:1/5 E5:1/5 D5:1/5 C5:1/5 B4:1/5 A4:1 B4:1/8 C5:1/8"
        " B4:1/4 A4:1/2 G4:1 r:3/2 G4:1/2 A4:6"
    )
    low = (
        "C4:2 r:1 D4:5 G4:4 r:1/3 F4:1/3 E4:1/3 r:2 D4:1 E4:7/2 F4:1/2 F4:1 A4:1 B4:2 G4:4/7"
        " A4:4/7 G4:4/7 F4:16/7"
    )
    staves = [("flute", "treble", high), ("viola", "alto", low), ("singer", "treble8", low)]
    return Score(
        title="Rhythms",
        composer="",
        tempo=F(200, 3),
        voices=tuple(
            Voice(name, name.capitalize(), clef, line(text))
            for name, clef, text in [*staves, ("cello", "tenor", low)]
        ),
        measures=bars(7, 4, 4),
        signatures=(Signature(F(0), -3),),
        keys=(Key(F(0), pitch.parse_class("C"), "minor"),),
    )


def chorale(name: str) -> Score:
    """A chorale of music21's corpus, read without the program's own reader."""
    from music21 import corpus

    source = corpus.parse(name)
    parts = list(source.parts)
    lines = []
    for voice, clef, part in zip(VOICE_NAMES[4], CLEFS, parts, strict=True):
        notes = []
        for note in part.flatten().stripTies().notes:
            words = tuple(
                (lyric.text or "") + ("-" if lyric.syllabic in ("begin", "middle") else "")
                for lyric in note.lyrics
            )
            notes.append(
                Note(
                    F(note.offset),
                    F(note.quarterLength),
                    pitch.parse(note.pitch.nameWithOctave),
                    words,
                    any("Fermata" in e.classes for e in note.expressions),
                )
            )
        lines.append(Voice(voice, voice.capitalize(), clef, tuple(notes)))
    metre = parts[0].flatten().getElementsByClass("TimeSignature")[0]
    measures = tuple(
        Measure(
            m.number, F(m.offset), F(m.duration.quarterLength), metre.numerator, metre.denominator
        )
        for m in parts[0].getElementsByClass("Measure")
    )
    keys = parts[0].flatten().getElementsByClass("KeySignature")
    return Score(
        title=name,
        composer="J. S. Bach",
        tempo=F(72),
        voices=tuple(lines),
        measures=measures,
        signatures=tuple(Signature(F(k.offset), k.sharps) for k in keys),
    )
