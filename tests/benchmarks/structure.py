"""The same figures for real pieces as `evaluate --structure` gives for composed ones.

`python tests/benchmarks/structure.py` prints a table. The pieces are in music21's corpus; which
bars are which section is known from the music, and written here.
"""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import combinations, pairwise
from statistics import fmean
from typing import NamedTuple

from cspcomposer.evaluate_likeness import Frame, likeness


class Piece(NamedTuple):
    """A piece of the corpus.

    Attributes:
        title: What it is called.
        file: Where it is.
        number: Which of several in the file it is, or None.
        sections: Label, first bar, and last bar, by the bars' numbers in the file.
    """

    title: str
    file: str
    number: int | None
    sections: list[tuple[str, int, int]]


PIECES = [
    Piece("Maple Leaf Rag (A B A C D)", "joplin/maple_leaf_rag", None,
          [("A", 1, 16), ("B", 18, 33), ("A", 35, 50), ("C", 51, 66), ("D", 68, 83)]),
    Piece("Jeanie (A A' B A')", "leadSheet/fosterBrownHair", None,
          [("A", 2, 9), ("A'", 10, 17), ("B", 18, 25), ("A'", 26, 33)]),
    Piece("O du lieber Augustin (A A' B A')", "essenFolksong/erk20", 356,
          [("A", 0, 3), ("A'", 4, 7), ("B", 8, 11), ("A'", 12, 15)]),
    Piece("Guter Mond (A A B A)", "essenFolksong/boehme10", 395,
          [("A", 1, 4), ("A", 5, 8), ("B", 9, 12), ("A", 13, 16)]),
    Piece("Hänschen klein (A A' B A' B A')", "essenFolksong/dva0", 191,
          [("A", 0, 3), ("A'", 4, 7), ("B", 8, 11), ("A'", 12, 15), ("B", 16, 19), ("A'", 20, 23)]),
    Piece("O Tannenbaum (A B A)", "essenFolksong/boehme20", 148,
          [("A", 1, 4), ("B", 5, 8), ("A", 9, 12)]),
    Piece("Morgen kommt der Weihnachtsmann (A B A')", "essenFolksong/boehme20", 149,
          [("A", 0, 3), ("B", 4, 7), ("A'", 8, 11)]),
    Piece("Winter ade (A B A')", "essenFolksong/boehme20", 135,
          [("A", 0, 3), ("B", 4, 7), ("A'", 8, 11)]),
]  # fmt: skip


def frames(piece: Piece) -> dict[int, list[Frame]]:
    """Return for each bar what sounds on its quarters: pitch classes, and the highest one's."""
    from music21 import corpus

    out: dict[int, list[Frame]] = defaultdict(list)
    chords = corpus.parse(piece.file, number=piece.number).chordify()
    for bar in chords.getElementsByClass("Measure"):
        length = bar.barDuration.quarterLength
        beat = 0.0
        while beat < length:
            sounding = [
                e for e in bar.notesAndRests if e.offset <= beat < e.offset + e.quarterLength
            ]
            pitches = [p for e in sounding if not e.isRest for p in e.pitches]
            top = max(pitches, key=lambda p: p.midi).pitchClass if pitches else None
            out[bar.number].append((frozenset(p.pitchClass for p in pitches), top))
            beat += 1.0
    return out


def chained(bars: dict[int, list[Frame]], seed: int) -> dict[int, list[Frame]]:
    """Return as many frames in which each follows the last as it does somewhere in the piece."""
    chance = random.Random(seed)
    line = [frame for number in sorted(bars) for frame in bars[number]]
    following: dict[Frame, list[Frame]] = defaultdict(list)
    for before, after in pairwise(line):
        following[before].append(after)
    frame = line[0]
    out: dict[int, list[Frame]] = {}
    for number in sorted(bars):
        out[number] = []
        for _ in bars[number]:
            out[number].append(frame)
            frame = chance.choice(following.get(frame) or line)
    return out


def row(name: str, bars: dict[int, list[Frame]], sections: list[tuple[str, int, int]]) -> str:
    """Return how alike the sections of a piece are that are to be, and those that are not."""
    alike: list[float] = []
    contrast: list[float] = []
    for (one, a, b), (other, c, d) in combinations(sections, 2):
        first = [frame for bar in range(a, b + 1) for frame in bars[bar]]
        second = [frame for bar in range(c, d + 1) for frame in bars[bar]]
        size = min(len(first), len(second))
        value = likeness(first[:size], second[:size])
        if value is not None:
            (alike if one.rstrip("'") == other.rstrip("'") else contrast).append(value)
    pairs = [(a, c) for a in alike for c in contrast]
    apart = fmean((a > c) + 0.5 * (a == c) for a, c in pairs)
    return f"| {name} | {fmean(alike):.2f} | {fmean(contrast):.2f} | {apart:.2f} |"


def main() -> None:
    """Print the table."""
    print("| piece | returns | contrasts | told apart |\n|---|--:|--:|--:|")
    for piece in PIECES:
        bars = frames(piece)
        print(row(piece.title, bars, piece.sections))
        print(row("its bigram chain", chained(bars, 1), piece.sections), flush=True)


if __name__ == "__main__":
    main()
