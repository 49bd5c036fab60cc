"""Chord symbols, such as players read above a melody, as MusicXML's <harmony>."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from cspcomposer import pitch as pitches
from cspcomposer.score import Symbol

# MusicXML's kind of chord, and how it is written behind the root.
KINDS = {
    "major": ("major", ""),
    "minor": ("minor", "m"),
    "diminished": ("diminished", "dim"),
    "augmented": ("augmented", "+"),
    "dominant_seventh": ("dominant", "7"),
    "major_seventh": ("major-seventh", "maj7"),
    "minor_seventh": ("minor-seventh", "m7"),
    "half_diminished_seventh": ("half-diminished", "m7b5"),
    "diminished_seventh": ("diminished-seventh", "dim7"),
    "italian": ("Italian", "It+6"),
    "french": ("French", "Fr+6"),
    "german": ("German", "Ger+6"),
}


def harmony(out: ET.Element, symbol: Symbol, offset: int = 0, staff: int = 0) -> None:
    """Add a chord symbol to a measure, so many divisions after where the measure has come to.

    Args:
        out: The measure.
        symbol: The chord.
        offset: So many divisions.
        staff: The staff above which it stands, from 1; 0 where the part has no other.
    """
    element = ET.SubElement(out, "harmony", {"print-frame": "no"})
    _class(ET.SubElement(element, "root"), "root", symbol.root)
    kind, text = KINDS.get(symbol.quality, ("other", symbol.quality))
    ET.SubElement(element, "kind", {"text": text}).text = kind
    if symbol.bass:
        _class(ET.SubElement(element, "bass"), "bass", symbol.bass)
    if offset:
        ET.SubElement(element, "offset").text = str(offset)
    if staff:
        ET.SubElement(element, "staff").text = str(staff)


def _class(parent: ET.Element, name: str, number: int) -> None:
    letter, alter, _ = pitches.parts(160 + number)
    ET.SubElement(parent, f"{name}-step").text = letter
    if alter:
        ET.SubElement(parent, f"{name}-alter").text = str(alter)
