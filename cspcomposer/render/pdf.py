"""The score as PDF."""

from __future__ import annotations

from collections.abc import Sequence

from cspcomposer.render.marks import Mark
from cspcomposer.render.musicxml import musicxml
from cspcomposer.render.sheet import sheet
from cspcomposer.render.svg import SCALE
from cspcomposer.score import Score


def pdf(score: Score, *, marks: Sequence[Mark] = (), scale: int = SCALE) -> bytes:
    """Return the bytes of a PDF file, A4.

    Args:
        score: What to print.
        marks: Coloured notes and their labels.
        scale: Size of the music in per cent; at 100 a staff is 7.2 mm high.
    """
    text = musicxml(score, marks=marks)
    (content,) = sheet(text, title=score.title, composer=score.composer, to="pdf", scale=scale)
    return content
