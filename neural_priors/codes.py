"""How columns become the numbers that a network takes; teacher and user both know it from here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neural_priors.frames import SIGNS, UNKNOWN, VOICES, ChordNames, Frames, Row

Codes = NDArray[np.int64]
LOWEST = (57, 50, 44, 33)
HIGHEST = (84, 77, 72, 67)
# How many heights each voice has; then come the codes of silence and of what is not given.
HEIGHTS = tuple(high - low + 1 for low, high in zip(LOWEST, HIGHEST, strict=True))
SILENT = HEIGHTS
OPEN = tuple(n + 1 for n in HEIGHTS)
SIZES = (*SIGNS.values(), 2)
# Groups of melodic intervals by their letters: the same note, seconds, ... octaves, more; by
# semitones, a tritone counting as a fifth. Then the same upward.
_SPANS = (0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6, 7, 8)
SPANS = 17


@dataclass(frozen=True)
class Coded:
    """One piece.

    Attributes:
        voices: [4, F].
        later: [F].
        signs: [len(SIZES), F]; the last row says whether the soprano strikes a note.
    """

    voices: Codes
    later: Codes
    signs: Codes


def coded(frames: Frames) -> Coded:
    """Return the numbers for a score's columns."""
    voices = np.stack([_heights(frames.pitches[v], v) for v in range(len(VOICES))])
    signs = np.concatenate([frames.signs, frames.struck[:1]]).astype(np.int64)
    return Coded(voices, _heights(frames.later, 0), signs)


def _heights(row: Row, voice: int) -> Codes:
    out = np.clip(row.astype(np.int64), LOWEST[voice], HIGHEST[voice]) - LOWEST[voice]
    out[row < 0] = SILENT[voice]
    out[row == UNKNOWN] = OPEN[voice]
    return out


def chord_codes(chords: Row, names: ChordNames) -> Codes:
    """Return [F]: root and quality as one number; one more than the last where unknown."""
    wide = chords.astype(np.int64)
    size = len(names.qualities)
    return np.where(wide[0] >= 0, wide[0] * size + wide[1], 12 * size)


def span(semitones: int) -> int:
    """Return the group of a melodic interval; upward ones follow those downward."""
    group = _SPANS[min(abs(semitones), len(_SPANS) - 1)]
    return group if semitones <= 0 else group + len(set(_SPANS)) - 1


def spans(voice: int) -> Codes:
    """Return [H, H]: the group of the interval from each height of a voice to each other."""
    size = HEIGHTS[voice]
    return np.array([[span(b - a) for b in range(size)] for a in range(size)])


def member_codes(voice: int, names: ChordNames) -> Codes:
    """Return [chords + 1, H]: which member each height is; -1 not known, one too many for none."""
    size = len(names.qualities)
    out = np.full((12 * size + 1, HEIGHTS[voice]), len(names.members), np.int64)
    for chord in range(12 * size):
        root, quality = divmod(chord, size)
        above = dict(names.qualities[quality])
        for height in range(HEIGHTS[voice]):
            out[chord, height] = above.get((LOWEST[voice] + height - root) % 12, len(names.members))
    out[-1] = -1
    return out


def known(names: ChordNames) -> NDArray[np.bool_]:
    """Return [2, chords]: which chords C major and A minor have."""
    out = np.zeros((2, 12 * len(names.qualities)), np.bool_)
    for (tonic, mode, _), (root, quality) in names.chords.items():
        if (tonic, mode) in ((3, "major"), (32, "minor")):
            out[int(mode == "minor"), root * len(names.qualities) + quality] = True
    return out
