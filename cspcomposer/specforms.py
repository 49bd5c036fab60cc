"""The short forms in which a specification writes a key, a metre, a length, a range.

Each is a text in the file and in the schema, and a value in the model.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from cspcomposer import key as keys
from cspcomposer import metre as metres
from cspcomposer import notation
from cspcomposer import pitch as pitches
from cspcomposer.metre import Metre
from cspcomposer.score import Key


def note_range(text: str) -> tuple[int, int]:
    """Return the lowest and the highest pitch of ``c' g''`` or ``C4 G5``.

    Raises:
        ValueError: not such a range.
    """
    ends = re.split(r"\s*-\s*|\s+", text.strip())
    expected = "expected the lowest and the highest pitch, such as c' g'' or C4 G5"
    if len(ends) != 2:
        raise ValueError(expected)
    try:
        low, high = (pitches.parse(e) if e[-1:].isdigit() else notation.pitch(e) for e in ends)
    except ValueError:
        raise ValueError(expected) from None
    if not 0 <= pitches.midi(low) < pitches.midi(high) <= 127:
        raise ValueError("expected the lowest pitch first, and two pitches that differ")
    return low, high


def from_text(parse: Any, *kinds: type) -> BeforeValidator:
    """Let a field be written as a text, and accept the parsed value from Python as well.

    Args:
        parse: Makes the value of a text.
        kinds: What else it is asked about, to say better what was expected.
    """

    def read(value: object) -> object:
        return parse(value) if isinstance(value, (str, *kinds)) else value

    return BeforeValidator(read, json_schema_input_type=str)


def length(text: str) -> Fraction:
    """Return a length in quarter notes from one in whole notes: ``1/4``."""
    found = re.fullmatch(r"(\d{1,3})/(\d{1,3})", text.strip())
    if not found or int(found[2]) not in metres.UNITS:
        raise ValueError("expected a length such as 1/4 (one quarter note) or 3/8")
    return Fraction(4 * int(found[1]), int(found[2]))


def percent(text: str | int | float) -> Fraction:
    """Return a share from a percentage: ``5%``; a bare number might mean either.

    Raises:
        ValueError: not a percentage from 0% to 1000%.
    """
    found = re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?) ?%", str(text).strip())
    if not found or Fraction(found[1]) > 1000:
        raise ValueError("expected a percentage from 0% to 1000%, such as 5%")
    return Fraction(found[1]) / 100


def percentage(share: Fraction) -> str:
    """Return a share as a percentage.

    >>> percentage(Fraction(1, 20)), percentage(Fraction(1, 8))
    ('5%', '12.5%')
    """
    return f"{float(100 * share):.6g}%"


def _text(description: str, pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "pattern": pattern, "examples": examples, "description": description}
    )


_KEY_PATTERN = r"^[A-Ga-g]([#♯b♭]|[ -][Ss]harp|[ -][Ff]lat)?( ([Mm]ajor|[Mm]inor))?:?$"
KeyText = Annotated[
    Key,
    from_text(keys.parse),
    PlainSerializer(str, return_type=str),
    _text("A key; a small letter alone is minor.", _KEY_PATTERN, "G major", "E minor", "Bb"),
]
MetreText = Annotated[
    Metre,
    from_text(metres.parse),
    PlainSerializer(str, return_type=str),
    _text("A metre.", r"^\d{1,2}/(1|2|4|8|16|32)$", "4/4", "3/4", "6/8", "2/2", "3/2"),
]
LengthText = Annotated[
    Fraction,
    from_text(length),
    PlainSerializer(lambda length: f"{length.numerator}/{length.denominator * 4}", return_type=str),
    _text("A length, as a part of a whole note.", r"^\d{1,3}/(1|2|4|8|16|32)$", "1/4", "3/8"),
]
RangeText = Annotated[
    tuple[int, int],
    from_text(note_range),
    PlainSerializer(lambda ends: " ".join(map(pitches.name, ends)), return_type=str),
    _text("The lowest and the highest pitch, in LilyPond's or in scientific names.", "^.+ .+$",
          "c' g''", "C4 G5"),
]  # fmt: skip
PercentText = Annotated[
    Fraction,
    from_text(percent, int, float),
    PlainSerializer(percentage, return_type=str),
    _text("A percentage.", r"^\d{1,4}(\.\d{1,3})? ?%$", "5%", "12.5%"),
]
