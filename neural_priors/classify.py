"""Bach's or not: how surely a simple classifier tells, and by what. Knows no network.

What it sees are traits, rates of what occurs in a setting; it is logistic regression, which needs
scikit-learn. Half of its answers are right where nothing can be told apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_priors import codes
from neural_priors.frames import VOICES, Row, chord_names

Traits = Mapping[str, float]
# Of each piece the tune and the traits.
Body = Sequence[tuple[str, Traits]]
FOLDS, FEWEST, SEED, DRAWS, HALVINGS, TOLD = 10, 4, 1, 1000, 20, 3
# How strongly large weights are held down: there are as many traits as pieces.
_L2 = 0.1
# A trait counts that at least so many of the pieces have.
_SHARE = 0.05
FAULT = "fault: "
_SIZES = ("unison", "second", "third", "fourth", "fifth", "sixth", "seventh", "octave",
          "wider leap")  # fmt: skip
_TRIADS: dict[tuple[int, ...], str] = {
    (0, 4, 7): "major",
    (0, 3, 7): "minor",
    (0, 3, 6): "diminished",
    (0, 4, 8): "augmented",
}
_ROOTS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")


@dataclass(frozen=True)
class Told:
    """How well two bodies of settings of the same tunes are told apart.

    Attributes:
        size: How many pieces each body has.
        area: The area under the ROC curve: of one piece of each body, how often that of the second
            is taken for it; a half by guessing.
        low: Had other tunes been drawn, the area would in 95 of 100 cases be more than this,
        high: and less than this.
        traits: What weighs most: its name, its mean in the first body and in the second.
    """

    size: int
    area: float
    low: float
    high: float
    traits: tuple[tuple[str, float, float], ...]


def installed() -> bool:
    """Return whether scikit-learn is there."""
    return find_spec("sklearn") is not None


def traits(pitches: Row, harmony: Row, soft: Mapping[str, int], beats: float) -> dict[str, float]:
    """Return the rates of what occurs in a piece.

    Args:
        pitches: [4, F] as `frames.Frames` has them.
        harmony: [2, F] root and triad of each column.
        soft: Faults against soft rules, by rule.
        beats: Quarter notes.

    Returns:
        By name: melodic intervals in 100 of their voice, spacings in 100 of their pair of voices,
        chords in 100 columns, moves of the lower voices and faults in 100 quarter notes.
    """
    out: dict[str, float] = {}
    moves = 0
    for name, row in list(zip(VOICES, pitches.tolist(), strict=True))[1:]:
        steps = [b - a for a, b in pairwise(row) if a >= 0 and b >= 0]
        moves += sum(step != 0 for step in steps)
        out |= _rates(Counter(f"{name} {_step(step)}" for step in steps))
    for (upper, high), (lower, low) in pairwise(zip(VOICES, pitches.tolist(), strict=True)):
        gaps = [a - b for a, b in zip(high, low, strict=True) if a >= 0 and b >= 0]
        out |= _rates(Counter(f"{upper} and {lower} {_gap(gap)}" for gap in gaps))
    chords = [(root, triad) for root, triad in harmony.T.tolist() if root >= 0]
    out |= _rates(Counter(_chord(*chord) for chord in chords))
    out["moves of alto, tenor and bass"] = 100 * moves / beats
    return out | {f"{FAULT}{rule.replace('_', ' ')}": 100 * n / beats for rule, n in soft.items()}


def _rates(found: Counter[str]) -> dict[str, float]:
    return {name: 100 * n / found.total() for name, n in found.items()}


def _step(semitones: int) -> str:
    if not semitones:
        return "repeats its note"
    return f"{'rises' if semitones > 0 else 'falls'} {_size(semitones)}"


def _gap(semitones: int) -> str:
    if semitones < 0:
        return "crossed"
    if semitones > 12:
        return "a ninth to a twelfth apart" if semitones <= 19 else "more than a twelfth apart"
    return f"{_size(semitones)} apart"


def _size(semitones: int) -> str:
    size = _SIZES[codes.span(-abs(semitones))]
    return f"{'an' if size == 'octave' else 'a'} {size}"


def _chord(root: int, triad: int) -> str:
    tones = tuple(sorted(above for above, _ in chord_names().qualities[triad]))
    return f"{_ROOTS[root]} {_TRIADS.get(tones, tones)} in C major or A minor"


def on_beats(body: Body) -> Body:
    """Return a body without faults against rules, in which ornaments between the beats count."""
    return [
        (tune, {name: n for name, n in piece.items() if not name.startswith(FAULT)})
        for tune, piece in body
    ]


def told_apart(one: Body, other: Body) -> Told | None:
    """Return how well one body is told from another of its size; None for fewer than four tunes.

    Settings of one tune, whichever body they are of, are examined together.
    """
    if not _enough(one, other):
        return None
    size = len(one)
    names, table = _table(one, other)
    right = _right(table, [tune for tune, _ in (*one, *other)])
    chance = np.random.default_rng(SEED)
    drawn = [right[np.ix_(k, k)].mean() for k in chance.integers(size, size=(DRAWS, size))]
    low, high = np.quantile(drawn, (0.025, 0.975))
    weights = _model().fit(table, np.repeat([0, 1], size))[-1].coef_[0]
    first, second = table[:size].mean(0), table[size:].mean(0)
    most = np.argsort(-np.abs(weights))[:TOLD]
    said = tuple((names[i], float(first[i]), float(second[i])) for i in most)
    return Told(size, float(right.mean()), float(low), float(high), said)


def halved(body: Body, *, times: int = HALVINGS) -> Told | None:
    """Return how well random halves of one body are told apart: what guessing looks like.

    Area is the mean of some halvings, and 95 of 100 of them are between low and high.
    """
    chance = np.random.default_rng(SEED)
    half = len(body) // 2
    areas = []
    for order in (chance.permutation(len(body)) for _ in range(times)):
        one, other = ([body[i] for i in some] for some in (order[:half], order[half : 2 * half]))
        if not _enough(one, other):
            return None
        right = _right(_table(one, other)[1], [tune for tune, _ in (*one, *other)])
        areas.append(right.mean())
    low, high = np.quantile(areas, (0.025, 0.975))
    return Told(half, float(np.mean(areas)), float(low), float(high), ())


def _enough(one: Body, other: Body) -> bool:
    assert len(one) == len(other)
    return min(len({tune for tune, _ in body}) for body in (one, other)) >= FEWEST


def _table(one: Body, other: Body) -> tuple[list[str], NDArray[np.float64]]:
    """Return the names of the traits that are not rare, and [pieces of both, traits]."""
    pieces = [piece for _, piece in (*one, *other)]
    names = sorted({name for piece in pieces for name in piece})
    table = np.array([[piece.get(name, 0.0) for name in names] for piece in pieces])
    common = (table != 0).mean(0) >= _SHARE
    return [name for name, kept in zip(names, common, strict=True) if kept], table[:, common]


def _right(table: NDArray[np.float64], tunes: Sequence[str]) -> NDArray[np.float64]:
    """Return [one, other]: 1 where the second's piece is the surer to be one of the second's.

    A half where both are alike. No piece is judged by a model that was taught its tune.
    """
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    size = len(table) // 2
    # As many of both bodies in a fold as can be: what a lesson lacks is else guessed less often.
    folds = StratifiedGroupKFold(min(FOLDS, size, len(set(tunes))), shuffle=True, random_state=SEED)
    sure = cross_val_predict(
        _model(), table, np.repeat([0, 1], size), groups=tunes, cv=folds,
        method="decision_function",
    )  # fmt: skip
    one, other = sure[:size, None], sure[None, size:]
    return np.where(other > one, 1.0, np.where(other == one, 0.5, 0.0))


def _model() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=_L2, max_iter=2000))
