"""The score as pictures."""

from __future__ import annotations

from collections.abc import Sequence

from cspcomposer.render.marks import Mark
from cspcomposer.render.musicxml import musicxml
from cspcomposer.render.sheet import sheet
from cspcomposer.render.svg import SCALE
from cspcomposer.score import Score


def png(
    score: Score, *, marks: Sequence[Mark] = (), ppi: float = 200, scale: int = SCALE
) -> list[bytes]:
    """Return the bytes of a PNG file for each page, A4.

    Args:
        score: What to draw.
        marks: Coloured notes and their labels.
        ppi: Pixels in an inch.
        scale: Size of the music in per cent; at 100 a staff is 7.2 mm high.
    """
    text = musicxml(score, marks=marks)
    return sheet(text, title=score.title, composer=score.composer, to="png", ppi=ppi, scale=scale)
