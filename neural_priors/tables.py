"""The baseline: counts that back off (I. Witten and T. Bell, 1991), voice after voice.

Bass, tenor and alto of a column given the soprano and the column before, as the scorer takes them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from neural_priors.codes import HEIGHTS, OPEN, SILENT, Coded, Codes, coded
from neural_priors.frames import SIGNS
from neural_priors.prepare import Split, part

_ORDER = (3, 2, 1)
Context = tuple[int, ...]


class Backoff:
    """How often what followed which context, shorter contexts filling in for rare ones."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seen: dict[Context, Counter[int]] = defaultdict(Counter)

    def add(self, context: Context, value: int) -> None:
        """Count once."""
        for length in range(len(context) + 1):
            self._seen[context[:length]][value] += 1

    def chances(self, context: Context) -> NDArray[np.float64]:
        """Return [size] probabilities."""
        out = np.full(self._size, 1 / self._size)
        for length in range(len(context) + 1):
            found = self._seen.get(context[:length])
            if not found:
                break
            counts = np.zeros(self._size)
            counts[list(found)] = list(found.values())
            out = (counts + len(found) * out) / (counts.sum() + len(found))
        return out


class Tables:
    """Counted voices."""

    def __init__(self, pieces: Iterable[Coded]) -> None:
        self._voice = {v: Backoff(HEIGHTS[v] + 1) for v in _ORDER}
        for piece in pieces:
            notes = _notes(piece.voices)
            for column in range(notes.shape[1]):
                for voice, context in _contexts(notes, piece.signs, column):
                    self._voice[voice].add(context, int(notes[voice, column]))

    def surprise(self, piece: Coded) -> NDArray[np.float64]:
        """Return [3]: nats for bass, tenor and alto over all columns."""
        notes = _notes(piece.voices)
        out = np.zeros(3)
        for column in range(notes.shape[1]):
            for place, (voice, context) in enumerate(_contexts(notes, piece.signs, column)):
                chance = self._voice[voice].chances(context)[notes[voice, column]]
                out[place] -= math.log(chance)
        return out

    def voicings(self, piece: Coded, column: int) -> NDArray[np.float64]:
        """Return [bass, tenor, alto] ln p of each voicing of a column."""
        notes = _notes(piece.voices).copy()
        out = np.zeros([HEIGHTS[v] + 1 for v in _ORDER])
        contexts = dict(_contexts(notes, piece.signs, column))
        out += np.log(self._voice[3].chances(contexts[3]))[:, None, None]
        for bass in range(out.shape[0]):
            notes[3, column] = bass
            second = dict(_contexts(notes, piece.signs, column))[2]
            out[bass] += np.log(self._voice[2].chances(second))[:, None]
            for tenor in range(out.shape[1]):
                notes[2, column] = tenor
                third = dict(_contexts(notes, piece.signs, column))[1]
                out[bass, tenor] += np.log(self._voice[1].chances(third))
        return out

    def sample(self, piece: Coded, chance: np.random.Generator) -> Codes:
        """Return [4, F]: a piece drawn under its soprano; never silent where that sings."""
        notes = _notes(piece.voices).copy()
        notes[1:] = np.array(SILENT)[1:, None]
        for column in range(notes.shape[1]):
            for voice in _ORDER:
                context = dict(_contexts(notes, piece.signs, column))[voice]
                chances = self._voice[voice].chances(context)
                if notes[0, column] < SILENT[0]:
                    chances[SILENT[voice]] = 0
                notes[voice, column] = chance.choice(len(chances), p=chances / chances.sum())
        return notes


@cache
def counted(split: Split) -> Tables:
    """Return the tables that the training pieces of a split make."""
    return Tables(coded(piece.frames) for piece in part(split, "train"))


def _notes(voices: Codes) -> Codes:
    out: Codes = np.minimum(voices, np.array(SILENT)[:, None])
    return out


def _contexts(notes: Codes, signs: Codes, column: int) -> Iterator[tuple[int, Context]]:
    """Yield for bass, tenor and alto what each is counted by, the weightiest first."""
    here = notes[:, column].tolist()
    past = notes[:, column - 1].tolist() if column else list(OPEN)
    last = int(signs[list(SIGNS).index("last"), column])
    yield 3, (here[0], past[3], past[0], last)
    yield 2, (here[3], past[2], here[0])
    yield 1, (here[3], here[2], here[0], past[1])
