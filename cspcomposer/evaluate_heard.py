"""A score as it sounds, whatever its layout: notes on one stem, and chords that are only named.

`read` tells voices apart, and refuses what has none. To hear a form no more is needed than the
highest line, the lowest, and what sounds between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from cspcomposer import read_measures
from cspcomposer.errors import BadScore, Fault
from cspcomposer.read_voices import spelled_as_written
from cspcomposer.score import Measure, Note, Score, Signature, Voice


def heard(path: Path) -> Score:
    """Return what sounds in a MusicXML file.

    Raises:
        BadScore: it cannot be read.
    """
    from music21 import converter

    try:
        stream = converter.parse(str(path), format="musicxml")
        for part in stream.parts:
            if any(i.transposition for i in part.recurse().getElementsByClass("Instrument")):
                part.toSoundingPitch(inPlace=True)
        return sounding(stream, path.stem)
    except Exception as error:  # music21 raises anything on a file that it does not understand
        raise BadScore(Fault(f"The score could not be read ({type(error).__name__}).", path)) from (
            error
        )


def sounding(stream: Any, title: str) -> Score:
    """Return what sounds in a music21 score, at sounding pitch: its lines, the highest first."""
    measures = []
    metre: Any = None
    # Once ties are joined notes reach out of their bars.
    for bar in stream.parts[0].getElementsByClass("Measure"):
        metre = bar.timeSignature or metre
        onset, length = (read_measures.exact(x) for x in (bar.offset, bar.duration.quarterLength))
        measures.append(Measure(bar.number, onset, length, metre.numerator, metre.denominator))
    parts = list(stream.stripTies().parts)
    end = measures[-1].onset + measures[-1].length
    voices = [voice for part in parts for voice in _lines(part, lowest=part is parts[-1])]
    voices += _named(
        [c for part in parts for c in part.flatten().getElementsByClass("Harmony")], end
    )
    return Score(
        title, "", Fraction(100), tuple(voices), tuple(measures), (Signature(Fraction(0), 0),)
    )


def _lines(part: Any, *, lowest: bool) -> Iterator[Voice]:
    """Yield the lines of a part, the highest first: an outer one has all outer notes of its stems.

    Args:
        part: The music21 part, its voices in order of height.
        lowest: Whether it is the lowest part: a single note on a stem is then its lowest line's.
    """
    stems: dict[int, dict[int, list[Note]]] = {}
    for bar in part.getElementsByClass("Measure"):
        for number, voice in enumerate(list(bar.voices) or [bar]):
            lines = stems.setdefault(number, {})
            for each in voice.notes:
                if each.duration.isGrace or "Harmony" in each.classes:
                    continue
                onset = read_measures.exact(each.getOffsetInHierarchy(part))
                stem = sorted(each.pitches, key=lambda p: p.midi, reverse=not lowest)
                for place, pitch in enumerate(stem):
                    lines.setdefault(place, []).append(_note(onset, each.quarterLength, pitch))
    for number, lines in sorted(stems.items()):
        for place in sorted(lines, reverse=lowest):
            name = f"{part.id}_{number}_{place}"
            yield Voice(name, str(part.id), "treble", tuple(sorted(lines[place])))


def _named(symbols: Sequence[Any], end: Fraction) -> Iterator[Voice]:
    """Yield the lines of chords that are named above the notes: each sounds until the next one."""
    begins = [read_measures.exact(symbol.offset) for symbol in symbols]
    lines: dict[int, list[Note]] = {}
    for symbol, (begin, stop) in zip(symbols, pairwise([*begins, end]), strict=True):
        for place, pitch in enumerate(sorted(symbol.pitches, key=lambda p: p.midi)):
            lines.setdefault(place, []).append(_note(begin, stop - begin, pitch))
    for place in sorted(lines, reverse=True):
        yield Voice(f"chords_{place}", "Chords", "bass", tuple(lines[place]))


def _note(onset: Fraction, length: Any, pitch: Any) -> Note:
    return Note(onset, read_measures.exact(length), spelled_as_written(pitch))
