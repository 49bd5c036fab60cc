"""How far pieces are apart: in what share of their places they sound different notes.

A place is one eighth of one voice. Pieces are taken to one tonic first, so that a transposed copy
is a copy; voices that were given are left out. Only pieces of one length are compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cspcomposer import pitch as pitches
from cspcomposer.score import Score, notes_at

STEP = Fraction(1, 2)
SILENT = 0
# A piece in G has a copy in F sharp a semitone below it, or eleven above.
OCTAVES = (-12, 0, 12)
Sound = NDArray[np.uint8]
_ROWS = 256


@dataclass(frozen=True)
class Likeness:
    """What of a piece is compared.

    Attributes:
        kind: Only pieces of one kind are: the voices and the length.
        sound: [voices * eighths] the pitch above the tonic in semitones, from 12 on; 0 is silence.
    """

    kind: tuple[str, ...]
    sound: Sound


class Near(NamedTuple):
    """Two pieces that are near each other, and the share of places in which they differ."""

    one: str
    other: str
    distance: float


def _distance(pair: Near) -> float:
    return pair.distance


def likeness(score: Score, given: Collection[str] = ()) -> Likeness:
    """Return what of a piece is compared.

    Args:
        score: The piece.
        given: The voices that were not composed.
    """
    tonic = pitches.midi(160 + score.keys[0].tonic) % 12 if score.keys else 0
    shift = tonic if tonic <= 6 else tonic - 12
    times = [STEP * i for i in range(int(score.end / STEP))]
    free = [voice for voice in score.voices if voice.name not in given]
    rows = [
        [pitches.midi(n.pitch) - shift + 12 if n else SILENT for n in notes_at(voice, times)]
        for voice in free
    ]
    sound = np.array(rows, np.uint8).reshape(-1)
    return Likeness((*(v.name for v in free), str(len(times))), sound)


class Gallery:
    """Pieces seen so far, to hold further ones against."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, ...], list[str]] = {}
        self._sounds: dict[tuple[str, ...], Sound] = {}

    def add(self, name: str, seen: Likeness) -> None:
        """Hang a piece up."""
        names = self._names.setdefault(seen.kind, [])
        sounds = self._sounds.get(seen.kind)
        if sounds is None or len(names) == len(sounds):
            more = np.zeros((max(_ROWS, len(names)), len(seen.sound)), np.uint8)
            sounds = more if sounds is None else np.concatenate([sounds, more])
            self._sounds[seen.kind] = sounds
        sounds[len(names)] = seen.sound
        names.append(name)

    def nearest(self, name: str, seen: Likeness) -> Near | None:
        """Return the nearest of the pieces before; None if there is none of its kind."""
        found = self._distances(seen, 0)
        if not len(found):
            return None
        place = int(found.argmin())
        return Near(name, self._names[seen.kind][place], float(found[place]))

    def pairs(self, below: float, most: int) -> tuple[list[Near], int]:
        """Return so many pairs that are nearer than a distance, nearest first; and how many are."""
        best: list[Near] = []
        count = 0
        for names, place, near, apart in self._rows(below):
            count += len(near)
            nearest = np.argsort(apart, kind="stable")[:most]
            best += [Near(names[place], names[int(near[i])], float(apart[i])) for i in nearest]
            best = sorted(best, key=_distance)[:most]
        return best, count

    def groups(self, below: float) -> Iterator[list[str]]:
        """Yield pieces that belong together: each is nearer than a distance to another of them."""
        heads = {kind: np.arange(len(names)) for kind, names in self._names.items()}
        for kind, known in heads.items():
            for _, place, near, _ in self._rows(below, kind):
                joined = np.unique(known[[place, *near]])
                if len(joined) > 1:
                    known[np.isin(known, joined)] = joined[0]
            for head in np.unique(known):
                yield [self._names[kind][int(i)] for i in np.flatnonzero(known == head)]

    def _rows(
        self, below: float, only: tuple[str, ...] | None = None
    ) -> Iterator[tuple[Sequence[str], int, NDArray[np.intp], NDArray[np.float64]]]:
        """Yield names, the place of one that is near to later ones, their places and distances."""
        for kind, names in self._names.items():
            for place in range(len(names) - 1) if only in (None, kind) else ():
                found = self._distances(Likeness(kind, self._sounds[kind][place]), place + 1)
                near = np.flatnonzero(found < below)
                if len(near):
                    yield names, place, near + place + 1, found[near]

    def _distances(self, seen: Likeness, first: int) -> NDArray[np.float64]:
        """Return how far a piece is from each one of its kind, from a place on."""
        names: Sequence[str] = self._names.get(seen.kind, ())
        if not names or not len(seen.sound):
            return np.zeros(0)
        others = self._sounds[seen.kind][first : len(names)]
        apart = np.full(len(others), 1.0)
        for octave in OCTAVES:
            mine = np.where(seen.sound == SILENT, SILENT, seen.sound + np.int16(octave))
            apart = np.minimum(apart, (others != mine.astype(np.uint8)).mean(axis=1))
        return apart
