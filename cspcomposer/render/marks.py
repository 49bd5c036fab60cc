"""Marks that a reader sees in a score: a coloured note with a word or two beside it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Mark:
    """One marked place.

    Attributes:
        voice: The name of the voice.
        onset: In quarter notes; the note that sounds then is coloured.
        colour: "#RRGGBB".
        label: Set once beside the marked notes of one onset; "" for colour alone.
    """

    voice: str
    onset: Fraction
    colour: str
    label: str = ""
