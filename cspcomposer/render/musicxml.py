"""The score as MusicXML 4.0 text, the same bytes for the same score.

Written directly, not through a notation library: ids, hidden words and two voices on a staff stay
under control, and a chorale takes milliseconds. Every note has the id ``n-{voice}-{index}``; what
is tied to it ``n-{voice}-{index}-2``, ``-3``...
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby
from math import lcm

from cspcomposer import pitch as pitches
from cspcomposer.render.lyrics import Syllable
from cspcomposer.render.marks import Mark
from cspcomposer.render.metre import compound
from cspcomposer.render.notation import Sign
from cspcomposer.render.parts import Head
from cspcomposer.render.staves import Staff, Words, key_signatures, staves
from cspcomposer.render.symbols import harmony
from cspcomposer.score import Note, Score

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


def musicxml(score: Score, *, marks: Sequence[Mark] = (), layout: str = "") -> str:
    """Return the score as MusicXML.

    Args:
        score: What to write.
        marks: Coloured notes and their labels.
        layout: "closed", two voices on each of two staves (for soprano, alto, tenor, bass only),
            or "open", a staff for each voice; "" takes closed where it is possible.

    Raises:
        BadInput: a layout that is not possible.
        BadScore: a duration that notation cannot write.
    """
    found = staves(score, marks, layout)
    parts = [tuple(group) for _, group in groupby(found, key=lambda staff: staff.part)]
    divisions = lcm(*_denominators(score, found))
    root = ET.Element("score-partwise", version="4.0")
    _header(root, score, parts)
    for number, group in enumerate(parts, start=1):
        part = _add(root, "part", id=f"P{number}")
        for place in range(len(score.measures)):
            _measure(part, score, group, place, divisions, tempo=number == 1 and not place)
    ET.indent(root)
    return _HEAD + ET.tostring(root, encoding="unicode") + "\n"


def _header(root: ET.Element, score: Score, parts: Sequence[tuple[Staff, ...]]) -> None:
    if score.title:
        _add(_add(root, "work"), "work-title", score.title)
    identification = _add(root, "identification")
    if score.composer:
        _add(identification, "creator", score.composer, type="composer")
    encoding = _add(identification, "encoding")
    _add(encoding, "software", "CSPComposer")
    for element in ("accidental", "beam", "stem"):
        _add(encoding, "supports", element=element, type="yes")
    listed = _add(root, "part-list")
    if len(parts) > 1:
        # Bar lines that join the staves of voices would run through the words.
        first = parts[0][0]
        joined = (first.paired or first.player) and not any(
            staff.syllables for group in parts for staff in group
        )
        group = _add(listed, "part-group", number="1", type="start")
        _add(group, "group-symbol", "bracket")
        _add(group, "group-barline", "yes" if joined else "no")
    for number, (staff, *_) in enumerate(parts, start=1):
        listing = _add(listed, "score-part", id=f"P{number}")
        _add(listing, "part-name", staff.label)
        if staff.player:
            _add(
                _add(listing, "score-instrument", id=f"P{number}-I1"),
                "instrument-name",
                staff.label,
            )
            sound = _add(listing, "midi-instrument", id=f"P{number}-I1")
            _add(sound, "midi-channel", str(number % 15 + (number % 15 > 9) or 16))
            _add(sound, "midi-program", str(staff.player.program + 1))
    if len(parts) > 1:
        _add(listed, "part-group", number="1", type="stop")


def _measure(
    part: ET.Element,
    score: Score,
    group: tuple[Staff, ...],
    place: int,
    divisions: int,
    *,
    tempo: bool,
) -> None:
    measure = score.measures[place]
    out = _add(part, "measure", number=str(measure.number))
    if measure.number == 0:
        out.set("implicit", "yes")
    _attributes(out, score, group, place, divisions)
    if tempo:
        _tempo(out, score)
    for number, staff in enumerate(group):
        if number:
            _add(_add(out, "backup"), "duration", str(int(measure.length * divisions)))
        _staff(out, score, staff, place, divisions, sum(len(s.voices) for s in group[:number]))
    if place + 1 == len(score.measures):
        _add(_add(out, "barline", location="right"), "bar-style", "light-heavy")


def _staff(
    out: ET.Element, score: Score, staff: Staff, place: int, divisions: int, voices: int
) -> None:
    """Write what one staff has in a measure; so many voices stand above it in its part."""
    measure = score.measures[place]
    end = measure.onset + measure.length
    due = [words for words in staff.beside if measure.onset <= words.onset < end]
    named = [symbol for symbol in staff.symbols if measure.onset <= symbol.onset < end]
    for order, voice in enumerate(staff.voices):
        if order:
            _add(_add(out, "backup"), "duration", str(int(measure.length * divisions)))
        for sign in staff.signs[voice.name][place]:
            while due and due[0].onset < sign.onset + sign.duration:
                words = due.pop(0)
                _words(out, words, (words.onset - sign.onset) * divisions)
            while named and named[0].onset < sign.onset + sign.duration:
                symbol = named.pop(0)
                harmony(out, symbol, int((symbol.onset - sign.onset) * divisions), staff.number)
            _sign(out, sign, staff, order, divisions, voices)
            for head in staff.heads.get((voice.name, sign.note.onset), ())[1:] if sign.note else ():
                _head(out, sign, head, staff, order, divisions, voices)


def _attributes(
    out: ET.Element, score: Score, group: tuple[Staff, ...], place: int, divisions: int
) -> None:
    measure = score.measures[place]
    before = score.measures[place - 1] if place else None
    keys, player = group[0].keys, group[0].player
    concert = key_signatures(score)
    attributes = ET.Element("attributes")
    if before is None:
        _add(attributes, "divisions", str(divisions))
    if before is None or keys[place] != keys[place - 1]:
        key = _add(attributes, "key")
        if before and keys[place] == 0:
            _add(key, "cancel", str(keys[place - 1]))
        _add(key, "fifths", str(keys[place]))
        for known in score.keys:
            if known.onset == measure.onset and known.fifths == concert[place]:
                _add(key, "mode", known.mode)
    if before is None or (before.beats, before.unit) != (measure.beats, measure.unit):
        time = _add(attributes, "time")
        _add(time, "beats", str(measure.beats))
        _add(time, "beat-type", str(measure.unit))
    if before is None:
        if len(group) > 1:
            _add(attributes, "staves", str(len(group)))
        for staff in group:
            sign, line, octave = _CLEFS[staff.clef]
            clef = _add(attributes, "clef")
            if staff.number:
                clef.set("number", str(staff.number))
            _add(clef, "sign", sign)
            _add(clef, "line", str(line))
            if octave:
                _add(clef, "clef-octave-change", str(octave))
        if player and any(player.written):
            transpose = _add(attributes, "transpose")
            _add(transpose, "diatonic", str(-player.written[0]))
            _add(transpose, "chromatic", str(-player.written[1]))
    if len(attributes):
        out.append(attributes)


def _sign(
    out: ET.Element, sign: Sign, staff: Staff, order: int, divisions: int, voices: int
) -> None:
    voice = staff.voices[order]
    note = _add(out, "note")
    if sign.note:
        heads = staff.heads.get((voice.name, sign.note.onset), ())
        owner = (heads[0].voice, heads[0].index) if heads else (voice.name, sign.index)
        _pitch(note, sign, sign.note, owner, staff)
    else:
        rest = _add(note, "rest")
        if sign.kind == "measure":
            rest.set("measure", "yes")
    _add(note, "duration", str(int(sign.duration * divisions)))
    ties = [kind for kind, on in (("stop", sign.part > 0), ("start", sign.tied_on)) if on]
    for kind in ties:
        _add(note, "tie", type=kind)
    _value(note, sign, staff, order, voices, f"{voice.name} 0" if staff.player else voice.name)
    for number, beam in enumerate(sign.beams, start=1):
        _add(note, "beam", beam, number=str(number))
    _notations(note, sign, ties, staff, order)
    _fermata(note, sign, staff, order)
    if sign.note and not sign.part:
        for syllable in staff.syllables.get((voice.name, sign.note.onset), ()):
            _lyric(note, syllable, above=staff.words_above and order == 0)
    _numeral(note, staff.numerals.get((voice.name, sign.onset), ""), staff.row)
    if note.get("color"):
        for lyric in note.findall("lyric"):  # or it would take the colour of its note
            lyric.set("color", "#000000")


def _pitch(
    note: ET.Element, sign: Sign, sounding: Note, owner: tuple[str, int], staff: Staff
) -> None:
    """Write what a head is: its name in the file, its colour, its pitch."""
    suffix = f"-{sign.part + 1}" if sign.part else ""
    note.set("id", f"n-{owner[0]}-{owner[1]}{suffix}")
    colour = staff.colours.get((owner[0], sounding.onset))
    if colour:
        note.set("color", colour)
    letter, alter, octave = pitches.parts(sounding.pitch)
    pitch = _add(note, "pitch")
    _add(pitch, "step", letter)
    if alter:
        _add(pitch, "alter", str(alter))
    _add(pitch, "octave", str(octave))


def _value(
    note: ET.Element, sign: Sign, staff: Staff, order: int, voices: int, reader: str
) -> None:
    """Write how long a head or a rest is, what stands before it, and on which staff it is."""
    _add(note, "voice", str(voices + order + 1))
    if sign.kind != "measure":
        _add(note, "type", sign.kind)
    for _ in range(sign.dots):
        _add(note, "dot")
    if (reader, sign.onset) in staff.accidentals and sign.note:
        _add(note, "accidental", staff.accidentals[reader, sign.onset])
    if sign.tuplet:
        modification = _add(note, "time-modification")
        _add(modification, "actual-notes", str(sign.tuplet.actual))
        _add(modification, "normal-notes", str(sign.tuplet.normal))
    if staff.paired and sign.note:
        _add(note, "stem", "down" if order else "up")
    if staff.number:
        _add(note, "staff", str(staff.number))


def _head(
    out: ET.Element, sign: Sign, head: Head, staff: Staff, order: int, divisions: int, voices: int
) -> None:
    """Write a further head of a chord."""
    name = staff.voices[order].name
    note = _add(out, "note")
    _add(note, "chord")
    _pitch(note, sign, head.note, (head.voice, head.index), staff)
    _add(note, "duration", str(int(sign.duration * divisions)))
    ties = [kind for kind, on in (("stop", sign.part > 0), ("start", sign.tied_on)) if on]
    for kind in ties:
        _add(note, "tie", type=kind)
    assert sign.note
    place = staff.heads[name, sign.note.onset].index(head)
    _value(note, sign, staff, order, voices, f"{name} {place}")
    if ties:
        notations = _add(note, "notations")
        for kind in ties:
            _add(notations, "tied", type=kind)


def _notations(note: ET.Element, sign: Sign, ties: list[str], staff: Staff, order: int) -> None:
    notations = ET.Element("notations")
    for kind in ties:
        tied = _add(notations, "tied", type=kind)
        if staff.paired and kind == "start":
            tied.set("orientation", "under" if order else "over")
    for kind, on in (("start", sign.opens), ("stop", sign.closes)):
        if on:
            tuplet = _add(notations, "tuplet", type=kind, number="1")
            if kind == "start":
                tuplet.set("bracket", "yes" if sign.bracket else "no")
                if staff.paired:
                    tuplet.set("placement", "below" if order else "above")
    if len(notations):
        note.append(notations)


def _fermata(note: ET.Element, sign: Sign, staff: Staff, order: int) -> None:
    """Hang a fermata on the last note head; two voices that pause together show the outer one."""
    if not (sign.note and sign.note.fermata) or sign.tied_on:
        return
    below = staff.paired and order == 1
    shared = staff.paired and any(
        other.fermata and other.end == sign.note.end for other in staff.voices[1 - order].notes
    )
    notations = _add(note, "notations")
    if shared and below != staff.lowest:
        notations.set("print-object", "no")
    _add(notations, "fermata", type="inverted" if below else "upright")


def _lyric(note: ET.Element, syllable: Syllable, *, above: bool) -> None:
    lyric = _add(note, "lyric", number=str(syllable.verse))
    if above:
        lyric.set("placement", "above")
    _add(lyric, "syllabic", syllable.place)
    _add(lyric, "text", syllable.text)
    if syllable.held:
        _add(lyric, "extend")


def _numeral(note: ET.Element, text: str, row: int) -> None:
    """Set a numeral as a lyric that is named "harmony".

    Of all that MusicXML offers only lyrics are spaced and aligned by verovio and MuseScore alike:
    <function> is drawn by neither, <harmony> loses its placement and its own text in MuseScore,
    <words> step up and down in both.
    """
    if text:
        lyric = _add(note, "lyric", number=str(row), name="harmony")
        _add(lyric, "syllabic", "single")
        _add(lyric, "text", text)


def _words(out: ET.Element, words: Words, offset: Fraction) -> None:
    direction = _add(out, "direction", placement="below" if words.below else "above")
    text = _add(_add(direction, "direction-type"), "words", words.text)
    if words.colour:
        text.set("color", words.colour)
        text.set("font-size", "9")
    if offset:
        _add(direction, "offset", str(int(offset)))


def _tempo(out: ET.Element, score: Score) -> None:
    direction = _add(out, "direction", placement="above")
    metronome = _add(_add(direction, "direction-type"), "metronome")
    dotted = compound(score.measures[0])
    _add(metronome, "beat-unit", "quarter")
    if dotted:
        _add(metronome, "beat-unit-dot")
    _add(
        metronome, "per-minute", str(round(score.tempo * Fraction(2, 3) if dotted else score.tempo))
    )
    exact = f"{float(score.tempo):.6f}".rstrip("0").rstrip(".")
    _add(direction, "sound", tempo=exact)


def _denominators(score: Score, parts: Sequence[Staff]) -> set[int]:
    signs = [s for staff in parts for bars in staff.signs.values() for bar in bars for s in bar]
    times = [time for sign in signs for time in (sign.onset, sign.duration)]
    times += [words.onset for staff in parts for words in staff.beside]
    times += [symbol.onset for staff in parts for symbol in staff.symbols]
    times += [measure.length for measure in score.measures]
    return {time.denominator for time in times}


def _add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    if text:
        child.text = text
    return child
