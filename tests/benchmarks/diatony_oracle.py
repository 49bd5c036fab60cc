"""The best setting of a Diatony progression by dynamic programming: an oracle for the rule files.

Reads the model once more, in semitones and without a rule file: a sweep from chord to chord over
all voicings. One rule looks at three chords: a sixth chord doubles its bass where bass and soprano
pass each other by step; so a state is a voicing and whether it was reached so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from diatony_problem import WAYS, Instance, Price
from numpy.typing import NDArray

TONICS = {"C": 0, "C#": 1, "E": 4, "Ab": 8, "Bb": 10}
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 11)}
DEGREES = ("i", "ii", "iii", "iv", "v", "vi", "vii")
FIGURES = {"": (0, False), "6": (1, False), "64": (2, False),
           "7": (0, True), "65": (1, True), "43": (2, True)}  # fmt: skip
# Bass, tenor, alto, soprano.
RANGES = ((40, 60), (48, 69), (55, 75), (60, 84))
BASS, SOPRANO, UPPER = 0, 3, (1, 2, 3)
# What each part of a price weighs: more than all that comes after it.
WEIGHTS = (1 << 40, 1 << 34, 1 << 28, 1 << 8, 1)
NEVER = 1 << 60
Numbers = NDArray[np.int64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True)
class Chord:
    """One chord of a progression.

    Attributes:
        degree: Of its root, from 0.
        inversion: 0, 1 or 2.
        seventh: Whether it has one.
        tones: The pitch classes of root, third, fifth and seventh.
        diminished: Whether it is a diminished triad.
    """

    degree: int
    inversion: int
    seventh: bool
    tones: tuple[int, ...]
    diminished: bool


def best(instance: Instance) -> Price:
    """Return what the best setting of a progression costs."""
    tonic, mode = TONICS[instance.key.split()[0]], instance.key.split()[1]
    chords = [_chord(text, tonic, mode) for text in instance.chords]
    notes, own = _voicings(chords, 0, tonic)
    # By whether the voicing was reached with bass and soprano passing each other.
    paths = [own, np.full_like(own, NEVER)]
    for i in range(len(chords) - 1):
        after, next_own = _voicings(chords, i + 1, tonic)
        moves = after[None, :, :] - notes[:, None, :]
        allowed = (np.abs(moves) <= 12).all(axis=2) & _free_of_parallels(notes, after, moves)
        allowed &= _led(chords, i, notes, after, moves, tonic, mode)
        way = np.array(WAYS)[np.minimum(np.abs(moves), 12)].sum(axis=2)
        step = WEIGHTS[3] * way + WEIGHTS[4] * (moves != 0).sum(axis=2)
        step = np.where(allowed, step, NEVER)
        passing = _within(moves[:, :, BASS], 1, 2) & _within(moves[:, :, SOPRANO], -2, -1)
        thirds = (notes % 12 == chords[i].tones[1]).sum(axis=1) == 2
        new = [np.full_like(next_own, NEVER), np.full_like(next_own, NEVER)]
        for reached in (False, True):
            total = np.minimum(paths[reached][:, None] + step, NEVER)
            if _doubles_freely(chords[i], tonic):
                total = np.where((passing & reached) == thirds[:, None], total, NEVER)
            for now in (False, True):
                kept = np.where(passing == now, total, NEVER).min(axis=0)
                new[now] = np.minimum(new[now], kept)
        paths = [np.minimum(path + next_own, NEVER) for path in new]
        notes = after
    return _price(int(min(path.min() for path in paths)))


def _chord(text: str, tonic: int, mode: str) -> Chord:
    found = re.fullmatch(r"([iIvV]+)(o?)(\d*)", text)
    assert found
    roman, diminished, figures = found.groups()
    degree, (inversion, seventh) = DEGREES.index(roman.lower()), FIGURES[figures]
    root = tonic + SCALES[mode][degree]
    heights = [0, 4 if roman.isupper() else 3, 6 if diminished else 7, *([10] if seventh else [])]
    tones = tuple((root + height) % 12 for height in heights)
    return Chord(degree, inversion, seventh, tones, bool(diminished))


def _voicings(chords: list[Chord], i: int, tonic: int) -> tuple[Numbers, Numbers]:
    """Return the voicings of a chord, and what each costs by itself."""
    chord = chords[i]
    sung = [[p for p in range(low, high + 1) if p % 12 in chord.tones] for low, high in RANGES]
    sung[BASS] = [p for p in sung[BASS] if p % 12 == chord.tones[chord.inversion]]
    notes, costs = [], []
    for bass, tenor, alto, soprano in product(*sung):
        if not bass <= tenor <= alto <= soprano or max(alto - tenor, soprano - alto) > 12:
            continue
        four = (bass, tenor, alto, soprano)
        counts = [sum(p % 12 == tone for p in four) for tone in chord.tones]
        if tenor - bass > 19 or not _doubled_well(chords, i, counts, tonic):
            continue
        full = len(set(four)) == 4
        on_four = chord.diminished and chord.inversion == 0 and full
        parts = (0 in counts, on_four, not full)
        notes.append(four)
        costs.append(sum(w * p for w, p in zip(WEIGHTS, parts, strict=False)))
    return np.array(notes, dtype=np.int64), np.array(costs, dtype=np.int64)


def _doubled_well(chords: list[Chord], i: int, counts: list[int], tonic: int) -> bool:
    """Return whether a voicing has each member of its chord as often as it should."""
    chord = chords[i]
    if chord.inversion == 2:
        return counts == ([1, 1, 1, 1] if chord.seventh else [1, 1, 2])
    if chord.inversion == 1:
        return min(counts) >= 1 and (_doubles_freely(chord, tonic) or counts[1] == 2)
    if chord.degree == 5 and i > 0 and chords[i - 1].degree == 4:
        return counts == [1, 2, 1]
    if chord.degree in (0, 4):
        return counts[0] >= 1 and counts[1] == 1 and counts[2] <= 1 and counts[3:] in ([], [1])
    return counts == [2, 1, 1]


def _doubles_freely(chord: Chord, tonic: int) -> bool:
    """Return whether it depends on the voices around whether a chord on its third doubles it."""
    tonal = {(tonic + height) % 12 for height in (0, 5, 7)}
    return chord.inversion == 1 and chord.degree != 6 and chord.tones[1] not in tonal


def _free_of_parallels(notes: Numbers, after: Numbers, moves: Numbers) -> Truths:
    out = np.ones(moves.shape[:2], dtype=bool)
    for v, w in combinations(range(4), 2):
        stay = (moves[:, :, v] == 0) & (moves[:, :, w] == 0)
        now, then = (notes[:, w] - notes[:, v]) % 12, (after[:, w] - after[:, v]) % 12
        for size in (0, 7):
            out &= ~((now == size)[:, None] & (then == size)[None, :] & ~stay)
    return out


def _led(
    chords: list[Chord], i: int, notes: Numbers, after: Numbers, moves: Numbers, tonic: int,
    mode: str,
) -> Truths:  # fmt: skip
    """Return which voicing may go to which, as far as the degrees of the chords say it."""
    now, then = chords[i], chords[i + 1]
    leading, fourth = ((notes % 12 == (tonic + height) % 12)[:, None, :] for height in (11, 5))
    out = np.ones(moves.shape[:2], dtype=bool)
    if now.degree in (4, 6) and then.degree == 0:
        third_in_bass = then.inversion == 1 and now.inversion == (1 if now.degree == 6 else 2)
        rises = third_in_bass and (now.degree == 6 or now.seventh)
        good = _within(moves, 1, 2) if rises else _within(moves, -2, -1)
        out &= (~fourth | good).all(axis=2) & (~leading | (moves == 1)).all(axis=2)
    roots = now.inversion == then.inversion == 0
    if roots and (now.degree, then.degree) == (4, 5):
        for v in UPPER if mode == "minor" else (SOPRANO,):
            out &= ~leading[:, :, v] | (moves[:, :, v] == 1)
            for w in {*UPPER} - {v}:
                out &= ~leading[:, :, v] | (moves[:, :, w] < 0)
    elif (now.degree, now.inversion, then.degree) == (0, 2, 4):
        for v in UPPER:
            root, third = ((notes[:, v] % 12 == tone)[:, None] for tone in now.tones[:2])
            out &= ~root | (moves[:, :, v] == -1)
            out &= ~third | _within(moves[:, :, v], -2, -1)
    elif (roots and abs(now.degree - then.degree) in (1, 6)) or (now.degree, then.degree) == (1, 4):
        for v in UPPER:
            out &= np.sign(moves[:, :, v]) == -np.sign(moves[:, :, BASS])
    delayed = i + 2 < len(chords) and chords[i + 2].degree == 4
    if (then.degree, then.inversion) == (0, 2) and delayed:
        for v in UPPER:
            root = (after[:, v] % 12 == then.tones[0])[None, :]
            out &= ~(root & (moves[:, :, v] > 0) & (moves[:, :, BASS] >= 0))
    return out


def _within(moves: Numbers, low: int, high: int) -> Truths:
    return (low <= moves) & (moves <= high)


def _price(cost: int) -> Price:
    parts = []
    for weight in WEIGHTS:
        part, cost = divmod(cost, weight)
        parts.append(part)
    return Price(*parts)
