"""Where a voice divides its beats in thirds, fifths, sevenths: the brackets a reader needs.

Knows positions only, no pitches; see `cspcomposer.render.metre` for what a position is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm

from cspcomposer.errors import BadScore
from cspcomposer.render.metre import Span, pulses
from cspcomposer.score import Measure

SMALLEST = Fraction(1, 64)


@dataclass(frozen=True)
class Tuplet:
    """A span in which `actual` notes stand for `normal` ones."""

    start: Fraction
    end: Fraction
    actual: int
    normal: int

    def written(self, position: Fraction) -> Fraction:
        """Return a position within it in written note values, counted from its beginning."""
        return (position - self.start) * self.actual / self.normal

    def sounding(self, written: Fraction) -> Fraction:
        """Return the position that a count of written note values stands for."""
        return self.start + written * self.normal / self.actual


def find_tuplets(notes: Sequence[Span], measure: Measure) -> list[Tuplet]:
    """Return the tuplets that the notes of one voice need in one measure, in order.

    The smallest span of pulses, or of halves and thirds of a pulse, is taken that holds every
    boundary which no plain note value reaches, and whose ends no such note crosses.

    Raises:
        BadScore: a note begins or ends where no tuplet of up to 15 notes can place it.
    """
    edges = {edge for span in notes for edge in span}
    odd = [span for span in notes if not (_plain(span[0]) and _plain(span[1]))]
    found: list[Tuplet] = []
    for edge in sorted(edges):
        if _plain(edge) or any(t.start < edge < t.end for t in found):
            continue
        options = [
            (low, high, actual)
            for low, high in _spans(measure)
            if low < edge < high
            and not any(t.start < high and low < t.end for t in found)
            and (actual := _division(edges, low, high))
        ]
        if not options:
            raise BadScore(
                f"bar {measure.number}: a note begins or ends {edge} quarter notes into the bar,"
                " which cannot be written; expected halves, thirds, fifths or sevenths of a beat"
            )
        low, high, actual = min(options, key=lambda o: (_crossed(o, odd), o[1] - o[0], o[0]))
        found.append(Tuplet(low, high, actual, _normal(actual, high - low)))
    return sorted(found, key=lambda t: t.start)


def _plain(position: Fraction) -> bool:
    """Return whether halving alone reaches a position."""
    return position.denominator & (position.denominator - 1) == 0


def _crossed(option: tuple[Fraction, Fraction, int], odd: Iterable[Span]) -> bool:
    low, high, _ = option
    return any(start < low < end or start < high < end for start, end in odd)


def _spans(measure: Measure) -> Iterator[Span]:
    """Yield each span that a bracket may cover."""
    edges = pulses(measure)
    for count in (1, 2, 4):
        for low, high in zip(edges, edges[count:], strict=False):
            yield low, high
    for low, high in pairwise(edges):
        yield from _parts(low, high)


def _parts(low: Fraction, high: Fraction) -> Iterator[Span]:
    size = high - low
    if size <= Fraction(1, 8):
        return
    count = 3 if size.numerator % 3 == 0 else 2
    for i in range(count):
        part = low + size * i / count, low + size * (i + 1) / count
        yield part
        yield from _parts(*part)


def _division(edges: Iterable[Fraction], low: Fraction, high: Fraction) -> int:
    """Return in how many parts, an odd number up to 15, a span must be cut; 0 if it cannot."""
    actual = 1
    for edge in edges:
        if low < edge < high:
            denominator = ((edge - low) / (high - low)).denominator
            actual = lcm(actual, denominator // (denominator & -denominator))
    if not 1 < actual <= 15:
        return 0
    tuplet = Tuplet(low, high, actual, _normal(actual, high - low))
    written = (tuplet.written(edge) for edge in edges if low < edge < high)
    return actual if all((w / SMALLEST).denominator == 1 for w in written) else 0


def _normal(actual: int, size: Fraction) -> int:
    """Return how many plain notes the tuplet's notes replace: 2 for 3, 4 for 5 and 7."""
    normal = size.numerator & -size.numerator
    normal = size.numerator // normal
    while normal * 2 < actual:
        normal *= 2
    return normal
