"""The numerals that a score of ours states under its notes: back from print to chords.

They stand as a row of lyrics, or as words where no note begins; a notation program that saves the
file keeps them there, but forgets the row's name. What a numeral is the theory says.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from cspcomposer import key as keys
from cspcomposer import read_musicxml
from cspcomposer.analyse import figured
from cspcomposer.analyse_tables import spelled
from cspcomposer.errors import BadScore
from cspcomposer.score import Chord, Key, Note, Score, Voice

_KEY = re.compile(r"([A-Ga-g][#b♯♭]?): ?(.*)")
_NAME = "harmony"
_WORDS = "words"
_MOSTLY = Fraction(1, 2)
# What stands in one row, by its time.
Row = dict[Fraction, str]
Names = Mapping[str, tuple[str, int]]


@dataclass(frozen=True)
class Stated:
    """Numerals as they are printed, with the keys that they name.

    Attributes:
        keys: From each time on.
        texts: By time, the numeral without its key.
        printed: By time, as it is printed.
    """

    keys: tuple[Key, ...]
    texts: Row
    printed: Row


def numbered(path: Path, score: Score) -> Score:
    """Return a score with the chords that its file states, and without their row of lyrics.

    A text that is no numeral of its key becomes a chord without a name. A file of another kind
    than MusicXML states none.

    Args:
        path: The file.
        score: What `read` made of it.
    """
    content = path.read_bytes()
    try:
        text = read_musicxml.unpack(content) if content.startswith(b"PK") else content
        rows = _rows(read_musicxml.root_of(text))
    except BadScore:
        return score
    stated = {place: _stated(row, score.keys) for place, row in rows.items()}
    known = {key: _names(key) for key in {_bare(k) for s in stated.values() for k in s.keys}}
    chords: dict[Fraction, Chord] = {}
    printed: dict[Fraction, set[str]] = {}
    for (kind, _), row in stated.items():
        found = {
            time: chord for time, chord in _chords(row, known) if kind != _WORDS or chord.numeral
        }
        named = sum(chord.numeral != "" for chord in found.values())
        if kind in (_NAME, _WORDS) or named >= _MOSTLY * len(found):
            chords |= found
            for time in found if kind != _WORDS else ():
                printed.setdefault(time, set()).add(row.printed[time])
    voices = tuple(_unlabelled(voice, printed) for voice in score.voices)
    return replace(score, voices=voices, chords=tuple(chords[t] for t in sorted(chords)))


def _chords(row: Stated, known: Mapping[Key, Names]) -> Iterator[tuple[Fraction, Chord]]:
    """Yield the chords of a row by time; what is no numeral has no name."""
    for time, text in row.texts.items():
        names = known[_bare(_in_force(row.keys, time))] if row.keys else {}
        numeral, inversion = names.get(text, ("", 0))
        yield time, Chord(time, numeral, inversion, text)


def _rows(root: ET.Element) -> dict[tuple[str, str], Row]:
    """Return the rows under the last staff by kind and number, and the words beside it."""
    rows: dict[tuple[str, str], Row] = {}
    parts = root.findall("part")
    for kind, number, time, text in _texts(parts[-1]) if parts else ():
        rows.setdefault((kind, number), {}).setdefault(time, text)
    return rows


def _texts(part: ET.Element) -> Iterator[tuple[str, str, Fraction, str]]:
    """Yield kind, number, time and text of all that is printed in a part."""
    begin, divisions = Fraction(0), Fraction(1)
    for measure in part.findall("measure"):
        now = last = furthest = Fraction(0)
        for element in measure:
            divisions = _number(element, "divisions") or divisions
            length = (_number(element, "duration") or Fraction(0)) / divisions
            if element.tag == "backup":
                now -= length
            elif element.tag == "forward":
                now += length
            elif element.tag == "note":
                onset = last if element.find("chord") is not None else now
                for lyric in element.findall("lyric"):
                    number = lyric.get("number", "1")
                    yield lyric.get("name", ""), number, begin + onset, _joined(lyric, "text")
                if element.find("chord") is None:
                    last, now = now, now + length
            elif element.tag == "direction":
                shift = (_number(element, "offset") or Fraction(0)) / divisions
                yield _WORDS, "", begin + now + shift, _joined(element, "words")
            furthest = max(furthest, now)
        begin += furthest


def _joined(element: ET.Element, tag: str) -> str:
    return " ".join((e.text or "").strip() for e in element.iter(tag)).strip()


def _number(element: ET.Element, tag: str) -> Fraction | None:
    text = (element.findtext(tag) or "").strip()
    return Fraction(text) if re.fullmatch(r"-?\d{1,12}(\.\d{1,6})?", text) else None


def _stated(row: Row, before: tuple[Key, ...]) -> Stated:
    """Return what a row says; `before` holds the keys of a score whose row names none."""
    found, texts = list(before[:1]), {}
    for time in sorted(row):
        texts[time] = row[time]
        split = _KEY.fullmatch(row[time])
        if split:
            texts[time] = split[2].strip()
            found.append(replace(keys.parse(split[1]), onset=time))
    return Stated(tuple(found), texts, row)


def _in_force(found: tuple[Key, ...], time: Fraction) -> Key:
    return found[max(0, bisect_right(found, time, key=lambda k: k.onset) - 1)]


def _bare(key: Key) -> Key:
    return replace(key, onset=Fraction(0))


def _names(key: Key) -> Names:
    """Return the numerals of a key, and their inversions, by how they are printed."""
    out: dict[str, tuple[str, int]] = {}
    for inversion in range(4):
        for _, _, numeral in spelled({(key.tonic, key.mode)}):
            out.setdefault(figured(numeral, inversion), (numeral, inversion))
    return out


def _unlabelled(voice: Voice, printed: Mapping[Fraction, set[str]]) -> Voice:
    notes = tuple(_without(note, printed.get(note.onset, set())) for note in voice.notes)
    return replace(voice, notes=notes)


def _without(note: Note, texts: set[str]) -> Note:
    lyrics = tuple("" if text in texts else text for text in note.lyrics)
    return replace(note, lyrics=lyrics if any(lyrics) else ())
