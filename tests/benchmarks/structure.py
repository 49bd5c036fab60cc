"""The same figures for real pieces as `evaluate --structure` gives for composed ones.

`python tests/benchmarks/structure.py` prints a table. The pieces are in music21's corpus; which
bars are which section is known from the music, and written here.
"""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import combinations, pairwise
from statistics import fmean

from cspcomposer.evaluate_structure import Frame, likeness

# Of each piece: sections as label, first bar, and last bar, by the bars' numbers in the file.
PIECES = {
    "joplin/maple_leaf_rag": [
        ("A", 1, 16), ("B", 18, 33), ("A", 35, 50), ("C", 51, 66), ("D", 68, 83),
    ],
    "leadSheet/fosterBrownHair": [("A", 2, 9), ("A'", 10, 17), ("B", 18, 25), ("A'", 26, 33)],
}  # fmt: skip


def frames(name: str) -> dict[int, list[Frame]]:
    """Return for each bar what sounds on its quarters: pitch classes, and the highest one's."""
    from music21 import corpus

    out: dict[int, list[Frame]] = defaultdict(list)
    chords = corpus.parse(name).chordify()
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
    for name, sections in PIECES.items():
        bars = frames(name)
        print(row(name, bars, sections))
        print(row("its bigram chain", chained(bars, 1), sections), flush=True)


if __name__ == "__main__":
    main()
