"""What of a piece stands note for note in other music: tunes, and all voices together.

A tune is compared by its steps and note values, all voices by what sounds on each beat, both at
any pitch. Voices that were given are not asked about.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from rich.console import Console

from cspcomposer import pitch as pitches
from cspcomposer import study
from cspcomposer.errors import CSPComposerError
from cspcomposer.score import Score, Voice, notes_at
from cspcomposer.spread import spread

# So many notes of a tune, or beats of all voices, one after the other.
SIZES = (4, 6, 8, 12)
MOST = 32
TUNE, VOICES = "tune", "voices"
TICKS = 5040


@dataclass(frozen=True)
class Line:
    """Something that can be copied: one thing after the other, and the bar where each stands.

    Attributes:
        first: What each thing is by itself, where a passage begins with it.
        items: What each is after the one before it; neither hangs on the pitch.
        bars: The bar of each.
        kind: "tune" or "voices".
    """

    first: tuple[Hashable, ...]
    items: tuple[Hashable, ...]
    bars: tuple[int, ...]
    kind: str


@dataclass(frozen=True)
class Copied:
    """What of some music stands elsewhere.

    Attributes:
        shares: For each size, the share of passages of that size that stand elsewhere.
        longest: The size of the longest such passage; 0 if there is none of the smallest.
        bar: Where it begins.
        source: Where it is from: a score and a bar.
    """

    shares: Mapping[int, float]
    longest: int
    bar: int
    source: str


class Corpus:
    """Music that may have been copied from, to look passages up in."""

    def __init__(self, lines: Mapping[str, Sequence[Line]]) -> None:
        self._known: dict[str, list[dict[int, tuple[str, int]]]] = {
            kind: [{} for _ in range(MOST + 1)] for kind in (TUNE, VOICES)
        }
        for name, several in lines.items():
            for line in several:
                for size in range(SIZES[0], MOST + 1):
                    known = self._known[line.kind][size]
                    for bar, passage in _passages(line, size):
                        known.setdefault(passage, (name, bar))

    def copied(self, line: Line) -> Copied:
        """Return what of a line stands in this music."""
        shares: dict[int, float] = {}
        longest, bar, source = 0, 0, ""
        for size in range(SIZES[0], MOST + 1):
            known = self._known[line.kind][size]
            passages = list(_passages(line, size))
            found = [(at, known[p]) for at, p in passages if p in known]
            if size in SIZES and passages:
                shares[size] = len(found) / len(passages)
            if found:
                longest, bar = size, found[0][0]
                source = f"{study.short(found[0][1][0])}, bar {found[0][1][1]}"
            elif size >= SIZES[-1]:
                break
        return Copied(shares, longest, bar, source)


def lines(score: Score, given: Collection[str] = ()) -> list[Line]:
    """Return what of a piece could be copied: its highest voice, and all of them together.

    Args:
        score: The piece.
        given: The voices that were not composed.
    """
    out = []
    top = score.voices[0]
    if top.name not in given and len(top.notes) > SIZES[0]:
        out.append(_tune(score, top))
    if not set(given) >= {voice.name for voice in score.voices} and len(score.voices) > 1:
        out.append(_together(score))
    return out


def _tune(score: Score, voice: Voice) -> Line:
    notes = voice.notes
    lengths = tuple(int(TICKS * note.duration) for note in notes)
    steps = [b.pitch - a.pitch for a, b in pairwise(notes)]
    items = ((0, 0), *zip(steps, lengths[1:], strict=True))
    return Line(lengths, items, _bars(score, [n.onset for n in notes]), TUNE)


def _together(score: Score) -> Line:
    times = [Fraction(i) for i in range(int(score.end))]
    columns = zip(*(notes_at(voice, times) for voice in score.voices), strict=True)
    sounding = [[pitches.midi(n.pitch) if n else None for n in column] for column in columns]
    lowest = [next((p for p in reversed(column) if p is not None), None) for column in sounding]
    first: list[Hashable] = [
        tuple(None if p is None else p - (low or 0) for p in column)
        for column, low in zip(sounding, lowest, strict=True)
    ]
    moves = [None if a is None or b is None else b - a for a, b in pairwise(lowest)]
    return Line(
        tuple(first), tuple(zip([None, *moves], first, strict=True)), _bars(score, times), VOICES
    )


def _bars(score: Score, times: Sequence[Fraction]) -> tuple[int, ...]:
    starts = [measure.onset for measure in score.measures]
    return tuple(score.measures[max(0, bisect_right(starts, t) - 1)].number for t in times)


def _passages(line: Line, size: int) -> Iterator[tuple[int, int]]:
    """Yield the passages of a size, each with its bar, as numbers; chords that wait are none."""
    for start in range(len(line.items) - size + 1):
        passage = (line.first[start], line.items[start + 1 : start + size])
        if len(set(passage[1])) > 1:
            yield line.bars[start], hash(passage)


def corpus(
    names: Sequence[str], *, jobs: int, console: Console | None
) -> dict[str, tuple[Line, ...]]:
    """Return what could be copied from some scores, by their names.

    Args:
        names: As `study.named` gives them; scores that cannot be read are left out.
        jobs: How many processes read at a time.
        console: Where a progress bar is drawn, if it is a terminal.
    """
    found = spread(_opened, names, label="Reading what may be copied", jobs=jobs, console=console)
    return {name: several for name, several in zip(names, found, strict=True) if several}


def _opened(names: list[str]) -> list[tuple[Line, ...]]:
    out: list[tuple[Line, ...]] = []
    for name in names:
        try:
            out.append(tuple(lines(study.opened(name))))
        except CSPComposerError:
            out.append(())
    return out
