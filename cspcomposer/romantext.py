r"""Read Roman numerals in RomanText (Tymoczko, Gotham, Cuthbert and Ariza, ISMIR 2019).

``m1 G: I b2 V6 b2.5 V65 b3 I``: measure, key, beat, chord. Figures become an inversion; which
chords exist in a style, and what they sound like, is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from cspcomposer import key as keys
from cspcomposer.errors import BadInput, Fault
from cspcomposer.metre import Metre
from cspcomposer.metre import parse as parse_metre
from cspcomposer.passage import Passage
from cspcomposer.score import Measure

MOST_BYTES = 1 << 20
_KEY = re.compile(r"([A-Ga-g](?:bb?|##?)?);?:")
_HEADER = re.compile(r"\s*([A-Za-z][A-Za-z ]*):(.*)")
_MEASURE = re.compile(r"m(\d{1,4})(var\w*)?")
_BEAT = re.compile(r"b(\d{1,2}(?:\.\d{1,3})?)")
_COPY = re.compile(r"\s*m(\d{1,4})(?:-(\d{1,4}))?\s*=\s*m(\d{1,4})(?:-(\d{1,4}))?\s*")
_BARS = {"||", "|", ":||", "||:", ":||:"}
_ROMAN = {"I", "II", "III", "IV", "V", "VI", "VII"}
_CHORD = re.compile(
    r"(?P<sign>bb?|##?)?(?P<roman>[ivIV]{1,4}|N|It|Fr|Ger|Cad)(?P<quality>/o|ø|%|o|°|\+)?"
    r"(?P<figures>\d(?:/?\d){0,2})?(?P<quality2>\+)?(?P<missing>(?:\[no\d\])*)"
    r"(?:/(?P<of>(?:bb?|##?)?[ivIV]{1,4}))?"
)
_TRIAD = {"": 0, "5": 0, "53": 0, "6": 1, "63": 1, "64": 2}
_SEVENTH = {"7": 0, "65": 1, "43": 2, "42": 3, "2": 3}
_SIXTH = {"It": "6", "Fr": "43", "Ger": "65"}
_HINT = "Write such as I, V6, V65, viio6, ii/o65, viio7/V, N6, Ger65."


@dataclass(frozen=True)
class Numeral:
    """A chord as a Roman numeral, from a beat on.

    Attributes:
        measure: As printed; 0 is the pick-up.
        beat: As musicians count, from 1: two in 6/8. See `onset`.
        key: The key in force, "G" major, "e" minor; None where the text names none.
        numeral: Without figures: "V", "V7", "viio7/V", "ii/o7", "bVI", "N", "It", "Fr", "Ger".
        inversion: 0 root position, 1 third in the bass, 2 fifth, 3 seventh.
        figured: As it was written: "V65".
        line: In the file, from 1.
        column: In the file, from 1.
    """

    measure: int
    beat: Fraction
    key: str | None
    numeral: str
    inversion: int
    figured: str
    line: int
    column: int


def numerals(
    passage: Passage, metre: Metre | None = None
) -> tuple[tuple[Numeral, ...], tuple[Fault, ...]]:
    """Return the chords of a text, and everything that is wrong with it.

    Of two chords on one beat (a pivot chord, named in both keys) the later name counts.

    Args:
        passage: The text.
        metre: What beats are held against; a ``Time Signature:`` line in the text goes before it.
    """
    reader = _Reader(passage, metre)
    for offset, line in _lines(passage):
        reader.line(offset, line)
    if not reader.found and not reader.faults:
        reader.complain(0, "no chords", "Write such as: m1 C: I b2 V6 b3 I")
    return tuple(reader.found), tuple(reader.faults)


def read(path: Path) -> tuple[Numeral, ...]:
    """Return the chords of a RomanText file.

    Raises:
        BadInput: the file cannot be read or understood; carries every fault.
    """
    try:
        if not path.is_file():
            raise BadInput(Fault("no such file.", path))
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(Fault("too large for a file of Roman numerals.", path))
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(Fault("this is no UTF-8 text.", path, 1, 1)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no such file"
        raise BadInput(Fault(f"cannot be read: {reason}.", path)) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found, faults = numerals(Passage(text, path))
    if faults:
        raise BadInput(*faults)
    return found


def onset(numeral: Numeral, measure: Measure) -> Fraction:
    """Return when a chord enters, in quarter notes, given its measure."""
    missing = measure.full - measure.length if measure.number == 0 else Fraction(0)
    pulse = Metre(measure.beats, measure.unit).pulse
    return measure.onset - missing + (numeral.beat - 1) * pulse


def chord(text: str, minor: bool = False) -> tuple[str, int]:
    """Return the numeral without figures, and the inversion.

    Args:
        text: Such as ``V65/V``.
        minor: Whether the key is minor; only ``Cad64`` asks.

    Raises:
        ValueError: no such chord, or one that is not known here.

    >>> chord("V65/V"), chord("ii/o42"), chord("Cad64", minor=True)
    (('V7/V', 1), ('ii/o7', 3), ('i', 2))
    """
    found = _CHORD.fullmatch(text)
    if not found:
        raise ValueError(f"'{text[:24]}' is no Roman numeral. {_HINT}")
    roman, figures, of = found["roman"], (found["figures"] or "").replace("/", ""), found["of"]
    quality = {"ø": "/o", "%": "/o", "°": "o"}.get(found["quality"] or "", found["quality"] or "")
    quality = quality or found["quality2"] or ""
    tail = f"/{of}" if of else ""
    if of and of.lstrip("b#").upper() not in _ROMAN:
        raise ValueError(f"'{of}' is no Roman numeral. {_HINT}")
    if roman in ("N", "Cad", *_SIXTH):
        if quality or found["sign"]:
            raise ValueError(f"'{text[:24]}' is no chord: {roman} takes no sign. {_HINT}")
        if roman == "Cad":
            if figures != "64":
                raise ValueError("a cadential six-four is written Cad64.")
            return ("i" if (of.islower() if of else minor) else "I") + tail, 2
        if roman == "N" and figures in _TRIAD:
            return "N" + tail, _TRIAD[figures]
        if roman in _SIXTH and figures in ("", _SIXTH[roman]):
            return roman + tail, 0
        raise ValueError(f"'{text[:24]}' is not known. Known are N6, It6, Fr43 and Ger65.")
    if roman.upper() not in _ROMAN or roman not in (roman.upper(), roman.lower()):
        raise ValueError(f"'{roman}' is no Roman numeral. {_HINT}")
    base = (found["sign"] or "") + roman + quality
    if quality in ("o", "/o") and roman.isupper():
        raise ValueError(f"'{text[:24]}': a diminished chord is written small. {_HINT}")
    if figures in _TRIAD:
        if quality == "/o":
            raise ValueError(f"'{text[:24]}': half-diminished needs a seventh; a triad is viio.")
        return base + tail, _TRIAD[figures]
    if figures in _SEVENTH:
        return base + "7" + tail, _SEVENTH[figures]
    raise ValueError(
        f"'{text[:24]}' is not supported: figures are 6, 64, 7, 65, 43 and 42, no ninths."
    )


def _lines(passage: Passage) -> Iterator[tuple[int, str]]:
    offset = 0
    for line in passage.text.split("\n"):
        yield offset, line
        offset += len(line) + 1


class _Reader:
    """The state of reading: the measure, the beat, the key, the metre."""

    def __init__(self, passage: Passage, metre: Metre | None) -> None:
        self.passage, self.metre = passage, metre
        self.found: list[Numeral] = []
        self.faults: list[Fault] = []
        self.measure: int | None = None
        self.beat, self.struck = Fraction(1), False
        self.key: str | None = None
        self.skipping = False
        self.lost = False  # behind a wrong beat: do not complain of its consequences

    def complain(self, offset: int, message: str, hint: str = "") -> None:
        bar = "" if self.measure is None else f"m{self.measure}: "
        self.faults.append(self.passage.fault(offset, bar + message, hint))

    def line(self, offset: int, text: str) -> None:
        header = _HEADER.match(text)
        if text.lstrip().startswith("%"):
            return
        if header and not _KEY.match(text.lstrip()):
            if header[1].lower().strip() == "time signature":
                try:
                    self.metre = parse_metre(header[2])
                except ValueError as error:
                    self.complain(offset + header.start(2), str(error))
            return
        if copied := _COPY.fullmatch(text):
            self.copy(offset, copied)
            return
        for token in re.finditer(r"\S+", text):
            self.token(token[0], offset + token.start())

    def token(self, text: str, offset: int) -> None:
        if found := _MEASURE.fullmatch(text):
            self.skipping = bool(found[2])
            if not self.skipping:
                self.start(int(found[1]), offset)
        elif self.skipping or text in _BARS:
            return
        elif found := _KEY.fullmatch(text):
            self.enter(found[1], offset)
        elif found := _BEAT.fullmatch(text):
            self.move(_beat(found[1]), text, offset)
        elif text.startswith("m") and text[1:2].isdigit():
            self.complain(offset, f"'{text[:24]}' is no measure", "Write such as m12.")
        elif text.endswith(":"):
            self.complain(offset, f"'{text[:24]}' is no key", "Write C: for major, c: for minor.")
        else:
            self.chord(text, offset)

    def enter(self, name: str, offset: int) -> None:
        self.key = name
        try:
            keys.parse(name)
        except ValueError as error:
            self.complain(offset, f"'{name}:' is no key here: {error}")

    def start(self, number: int, offset: int) -> None:
        if self.measure is not None and number <= self.measure:
            self.complain(offset, f"m{number} stands behind m{self.measure}")
            self.lost = True
        else:
            self.lost = False
        self.measure, self.beat, self.struck = number, Fraction(1), False

    def move(self, beat: Fraction, text: str, offset: int) -> None:
        last = self.metre.full / self.metre.pulse if self.metre else Fraction(32)
        was_lost, self.lost = self.lost, True
        if not 1 <= beat < last + 1:
            self.complain(offset, f"{text} lies outside the bar: expected b1 to b{last}")
        elif self.struck and beat < self.beat and not was_lost:
            self.complain(offset, f"{text} stands behind an earlier beat", "Put beats in order.")
        else:
            self.beat, self.lost = beat, False

    def chord(self, text: str, offset: int) -> None:
        if self.measure is None:
            self.complain(offset, f"'{text[:24]}' stands before a measure", "Begin with m1.")
            self.measure = 1
        try:
            name, inversion = chord(text, minor=(self.key or "C").islower())
        except ValueError as error:
            self.complain(offset, str(error))
            return
        numeral = Numeral(
            self.measure, self.beat, self.key, name, inversion, text, *self.passage.place(offset)
        )
        last = self.found[-1] if self.found else None
        if last and (last.measure, last.beat) == (numeral.measure, numeral.beat):
            if last.key == numeral.key and not self.lost:
                self.complain(offset, f"'{text}' and '{last.figured}' stand on one beat")
            self.found.pop()
        self.found.append(numeral)
        self.struck = True

    def copy(self, offset: int, copied: re.Match[str]) -> None:
        """Write measures again that are said to equal earlier ones (``m9-10 = m1-2``)."""
        first, last, source, end = (int(n) if n else None for n in copied.groups())
        assert first is not None and source is not None
        if (last or first) - first != (end or source) - source or (last or first) < first:
            self.complain(offset, "the two ranges of measures have different lengths")
            return
        self.start(first, offset)
        copies = [n for n in self.found if source <= n.measure <= (end or source) < first]
        if not copies:
            self.complain(offset, f"nothing is written in m{source} that could be copied")
        place = self.passage.place(offset)
        for old in copies:
            new = replace(old, measure=old.measure - source + first, line=place[0])
            self.found.append(replace(new, column=place[1]))
        self.measure = last or first


def _beat(text: str) -> Fraction:
    """Return a beat; ``.33`` and ``.67`` are thirds, ``.17`` is a sixth."""
    exact = Fraction(text)
    for parts in (1, 2, 4, 8, 3, 6):
        near = Fraction(round(exact * parts), parts)
        if abs(near - exact) <= Fraction(7, 1000):
            return near
    return exact
