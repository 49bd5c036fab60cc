"""The score as MusicXML 4.0 text, the same bytes for the same score.

Written directly, not through a notation library: ids, hidden words and two voices on a staff stay
under control, and a chorale takes milliseconds. Every note has the id ``n-{voice}-{index}``; what
is tied to it ``n-{voice}-{index}-2``, ``-3``...
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

from cspcomposer import pitch as pitches
from cspcomposer.render.accidentals import accidentals
from cspcomposer.render.lyrics import Syllable, numerals, sung_voices, syllables
from cspcomposer.render.marks import Mark
from cspcomposer.render.metre import compound
from cspcomposer.render.notation import Sign, signs_of
from cspcomposer.score import VOICE_NAMES, Measure, Note, Score, Voice, note_at

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN"'
    ' "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_CLEFS = {
    "treble": ("G", 2, 0),
    "treble8": ("G", 2, -1),
    "alto": ("C", 3, 0),
    "tenor": ("C", 4, 0),
    "bass": ("F", 4, 0),
}
_ABOVE, _BELOW = "above", "below"


@dataclass
class _Staff:
    """One staff while it is written: its voices, their signs, and what stands beside the notes."""

    label: str
    clef: str
    voices: tuple[Voice, ...]
    signs: dict[str, list[list[Sign]]] = field(default_factory=dict)
    sharps: dict[tuple[str, Fraction], str] = field(default_factory=dict)
    beside: list[tuple[Fraction, ET.Element]] = field(default_factory=list)
    numerals: dict[tuple[str, Fraction], tuple[int, str]] = field(default_factory=dict)
    sung: int = 0
    last: bool = False


@dataclass(frozen=True)
class _Page:
    """What every note needs to know of the whole score."""

    divisions: int
    colours: dict[tuple[str, Fraction], str]
    words: dict[tuple[str, Fraction], list[Syllable]]


def musicxml(score: Score, *, marks: Sequence[Mark] = (), layout: str = "") -> str:
    """Return the score as MusicXML.

    Args:
        score: What to write.
        marks: Coloured notes and their labels.
        layout: "closed", two voices on each of two staves (for soprano, alto, tenor, bass only),
            or "open", a staff for each voice; "" takes closed where it is possible.

    Raises:
        BadScore: a duration that notation cannot write.
    """
    staves = _staves(score, layout)
    keys = [_key_of(score, measure) for measure in score.measures]
    for staff in staves:
        staff.signs = {v.name: signs_of(v, score.measures) for v in staff.voices}
        staff.sharps = accidentals(staff.signs, keys)
    sung = sung_voices(score.voices, once=len(staves) < len(score.voices))
    _set_beside(score, staves, marks, sung)
    page = _Page(
        lcm(*_denominators(score, staves)),
        {(m.voice, n.onset): m.colour for m in marks if (n := _marked(score, m))},
        {(v.name, onset): s for v in sung for onset, s in syllables(v).items()},
    )
    root = ET.Element("score-partwise", version="4.0")
    _header(root, score, staves, joined=len(staves) < len(score.voices) and not sung)
    for number, staff in enumerate(staves, start=1):
        part = _add(root, "part", id=f"P{number}")
        for place in range(len(score.measures)):
            _measure(part, score, staff, place, keys, page)
    ET.indent(root)
    return _HEAD + ET.tostring(root, encoding="unicode") + "\n"


def _staves(score: Score, layout: str) -> list[_Staff]:
    possible = tuple(v.name for v in score.voices) == VOICE_NAMES[4]
    if layout == "open" or not possible:
        return [_Staff(v.label, v.clef, (v,)) for v in score.voices]
    pairs = (score.voices[:2], score.voices[2:])
    return [
        _Staff("\n".join(v.label for v in pair), clef, pair)
        for pair, clef in zip(pairs, ("treble", "bass"), strict=True)
    ]


def _header(root: ET.Element, score: Score, staves: list[_Staff], *, joined: bool) -> None:
    """Write all before the music; bar lines that join the staves would run through words."""
    if score.title:
        _add(_add(root, "work"), "work-title", score.title)
    identification = _add(root, "identification")
    if score.composer:
        _add(identification, "creator", score.composer, type="composer")
    encoding = _add(identification, "encoding")
    _add(encoding, "software", "CSPComposer")
    for element in ("accidental", "beam", "stem"):
        _add(encoding, "supports", element=element, type="yes")
    parts = _add(root, "part-list")
    several = len(staves) > 1
    if several:
        group = _add(parts, "part-group", number="1", type="start")
        _add(group, "group-symbol", "bracket")
        _add(group, "group-barline", "yes" if joined else "no")
    for number, staff in enumerate(staves, start=1):
        _add(_add(parts, "score-part", id=f"P{number}"), "part-name", staff.label)
    if several:
        _add(parts, "part-group", number="1", type="stop")


def _measure(
    part: ET.Element, score: Score, staff: _Staff, place: int, keys: list[int], page: _Page
) -> None:
    measure = score.measures[place]
    out = _add(part, "measure", number=str(measure.number))
    if measure.number == 0:
        out.set("implicit", "yes")
    _attributes(out, score, staff, place, keys, page)
    end = measure.onset + measure.length
    onsets = {
        name: {sign.onset for sign in measures[place]} for name, measures in staff.signs.items()
    }
    due = [(t, e) for t, e in staff.beside if measure.onset <= t < end]
    for order, voice in enumerate(staff.voices):
        if order:
            backup = _add(out, "backup")
            _add(backup, "duration", _count(measure.length, page))
        later = [onsets[v.name] for v in staff.voices[order + 1 :]]
        for sign in staff.signs[voice.name][place]:
            for time, element in list(due):
                within = sign.onset < time < sign.onset + sign.duration
                if time == sign.onset or (within and not any(time in o for o in later)):
                    due.remove((time, element))
                    out.append(_shifted(element, time - sign.onset, page))
            _sign(out, sign, staff, order, page)
    if place + 1 == len(score.measures):
        _add(_add(out, "barline", location="right"), "bar-style", "light-heavy")


def _attributes(
    out: ET.Element, score: Score, staff: _Staff, place: int, keys: list[int], page: _Page
) -> None:
    measure = score.measures[place]
    before = score.measures[place - 1] if place else None
    attributes = ET.Element("attributes")
    if before is None:
        _add(attributes, "divisions", str(page.divisions))
    if before is None or keys[place] != keys[place - 1]:
        key = _add(attributes, "key")
        if before and keys[place] == 0:
            _add(key, "cancel", str(keys[place - 1]))
        _add(key, "fifths", str(keys[place]))
        for known in score.keys:
            if known.onset == measure.onset and known.fifths == keys[place]:
                _add(key, "mode", known.mode)
    if before is None or (before.beats, before.unit) != (measure.beats, measure.unit):
        time = _add(attributes, "time")
        _add(time, "beats", str(measure.beats))
        _add(time, "beat-type", str(measure.unit))
    if before is None:
        sign, line, octave = _CLEFS[staff.clef]
        clef = _add(attributes, "clef")
        _add(clef, "sign", sign)
        _add(clef, "line", str(line))
        if octave:
            _add(clef, "clef-octave-change", str(octave))
    if len(attributes):
        out.append(attributes)


def _sign(out: ET.Element, sign: Sign, staff: _Staff, order: int, page: _Page) -> None:
    voice = staff.voices[order]
    note = _add(out, "note")
    if sign.note:
        suffix = f"-{sign.part + 1}" if sign.part else ""
        note.set("id", f"n-{voice.name}-{sign.index}{suffix}")
        colour = page.colours.get((voice.name, sign.note.onset))
        if colour:
            note.set("color", colour)
        letter, alter, octave = pitches.parts(sign.note.pitch)
        pitch = _add(note, "pitch")
        _add(pitch, "step", letter)
        if alter:
            _add(pitch, "alter", str(alter))
        _add(pitch, "octave", str(octave))
    else:
        rest = _add(note, "rest")
        if sign.kind == "measure":
            rest.set("measure", "yes")
    _add(note, "duration", _count(sign.duration, page))
    ties = [kind for kind, on in (("stop", sign.part > 0), ("start", sign.tied_on)) if on]
    for kind in ties:
        _add(note, "tie", type=kind)
    _add(note, "voice", str(order + 1))
    if sign.kind != "measure":
        _add(note, "type", sign.kind)
    for _ in range(sign.dots):
        _add(note, "dot")
    if (voice.name, sign.onset) in staff.sharps and sign.note:
        _add(note, "accidental", staff.sharps[voice.name, sign.onset])
    if sign.tuplet:
        modification = _add(note, "time-modification")
        _add(modification, "actual-notes", str(sign.tuplet.actual))
        _add(modification, "normal-notes", str(sign.tuplet.normal))
    paired = len(staff.voices) > 1
    if paired and sign.note:
        _add(note, "stem", "down" if order else "up")
    for number, beam in enumerate(sign.beams, start=1):
        _add(note, "beam", beam, number=str(number))
    _notations(note, sign, ties, paired=paired, below=paired and order == 1)
    _fermata(note, sign, staff, order)
    if sign.note and not sign.part:
        for syllable in page.words.get((voice.name, sign.note.onset), ()):
            _lyric(note, syllable, above=paired and not order and staff.sung == 2)
    if (voice.name, sign.onset) in staff.numerals:
        row, text = staff.numerals[voice.name, sign.onset]
        lyric = _add(note, "lyric", number=str(row), name="harmony")
        _add(lyric, "syllabic", "single")
        _add(lyric, "text", text)


def _notations(note: ET.Element, sign: Sign, ties: list[str], *, paired: bool, below: bool) -> None:
    notations = ET.Element("notations")
    side = _BELOW if below else _ABOVE
    for kind in ties:
        tied = _add(notations, "tied", type=kind)
        if paired and kind == "start":
            tied.set("orientation", "under" if below else "over")
    for kind, on in (("start", sign.opens), ("stop", sign.closes)):
        if on:
            tuplet = _add(notations, "tuplet", type=kind, number="1")
            if kind == "start":
                tuplet.set("bracket", "yes" if sign.bracket else "no")
                if paired:
                    tuplet.set("placement", side)
    if len(notations):
        note.append(notations)


def _fermata(note: ET.Element, sign: Sign, staff: _Staff, order: int) -> None:
    """Hang a fermata on the last note head; two voices that pause together show one, outside."""
    if not (sign.note and sign.note.fermata) or sign.tied_on:
        return
    below = len(staff.voices) > 1 and order == 1
    shared = len(staff.voices) > 1 and any(
        other.fermata and other.end == sign.note.end for other in staff.voices[1 - order].notes
    )
    notations = _add(note, "notations")
    if shared and below != staff.last:
        notations.set("print-object", "no")
    _add(notations, "fermata", type="inverted" if below else "upright")


def _lyric(note: ET.Element, syllable: Syllable, *, above: bool) -> None:
    lyric = _add(note, "lyric", number=str(syllable.verse))
    if above:
        lyric.set("placement", _ABOVE)
    _add(lyric, "syllabic", syllable.place)
    _add(lyric, "text", syllable.text)
    if syllable.held:
        _add(lyric, "extend")


def _set_beside(
    score: Score, staves: list[_Staff], marks: Sequence[Mark], sung: Sequence[Voice]
) -> None:
    """Hang the tempo, the labels of the marks and the numerals on the staves."""
    staves[-1].last = len(staves) > 1
    for staff in staves:
        staff.sung = len([v for v in staff.voices if v in sung])
    staves[0].beside.append((Fraction(0), _tempo(score)))
    seen = set()
    for mark in marks:
        if mark.label and (mark.label, mark.onset) not in seen:
            seen.add((mark.label, mark.onset))
            staff = next(s for s in staves if mark.voice in {v.name for v in s.voices})
            words = _words(mark.label, _BELOW if staff.last else _ABOVE, mark.colour)
            staff.beside.append((mark.onset, words))
    # Numerals are a row of lyrics named "harmony": of all that MusicXML offers only lyrics are
    # spaced and aligned by verovio and MuseScore alike. <function> is drawn by neither, <harmony>
    # loses its placement in MuseScore, <words> step up and down in both.
    verses = [len(n.lyrics) for v in staves[-1].voices if v in sung for n in v.notes]
    row = 1 + max(verses, default=0)
    for time, text in numerals(score):
        anchor = _anchor(staves[-1], time)
        if anchor:
            staves[-1].numerals[anchor, time] = row, text
        else:
            staves[-1].beside.append((time, _words(text, _BELOW, "")))


def _anchor(staff: _Staff, time: Fraction) -> str:
    """Return the lowest voice of a staff that has a note head at a time, "" if none has."""
    for voice in reversed(staff.voices):
        for bar in staff.signs[voice.name]:
            if any(sign.note and sign.onset == time for sign in bar):
                return voice.name
    return ""


def _words(text: str, placement: str, colour: str) -> ET.Element:
    direction = ET.Element("direction", placement=placement)
    words = _add(_add(direction, "direction-type"), "words", text)
    if colour:
        words.set("color", colour)
        words.set("font-size", "9")
    return direction


def _tempo(score: Score) -> ET.Element:
    direction = ET.Element("direction", placement=_ABOVE)
    metronome = _add(_add(direction, "direction-type"), "metronome")
    first = score.measures[0]
    dotted = compound(first)
    _add(metronome, "beat-unit", "quarter")
    if dotted:
        _add(metronome, "beat-unit-dot")
    _add(
        metronome, "per-minute", str(round(score.tempo * Fraction(2, 3) if dotted else score.tempo))
    )
    _add(direction, "sound", tempo=_decimal(score.tempo))
    return direction


def _shifted(element: ET.Element, offset: Fraction, page: _Page) -> ET.Element:
    if offset:
        child = ET.Element("offset")
        child.text = _count(offset, page)
        before = [e for e in element if e.tag not in ("sound", "staff")]
        element.insert(len(before), child)
    return element


def _key_of(score: Score, measure: Measure) -> int:
    end = measure.onset + measure.length
    return [s.fifths for s in score.signatures if s.onset < end][-1]


def _marked(score: Score, mark: Mark) -> Note | None:
    return note_at(score.voice(mark.voice), mark.onset)


def _denominators(score: Score, staves: list[_Staff]) -> set[int]:
    signs = [s for f in staves for bars in f.signs.values() for bar in bars for s in bar]
    times = [t for s in signs for t in (s.onset, s.duration)]
    times += [t for f in staves for t, _ in f.beside] + [m.length for m in score.measures]
    return {t.denominator for t in times}


def _count(duration: Fraction, page: _Page) -> str:
    return str(int(duration * page.divisions))


def _decimal(number: Fraction) -> str:
    return f"{float(number):.6f}".rstrip("0").rstrip(".")


def _add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    if text:
        child.text = text
    return child
