"""How a metre divides a measure: its pulses, and where a note or a rest must be divided to be read.

Positions are quarter notes from where the full measure would begin, so that a pick-up ends at
the bar line like any other measure.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from cspcomposer.score import Measure

KINDS = {
    Fraction(8): "breve",
    Fraction(4): "whole",
    Fraction(2): "half",
    Fraction(1): "quarter",
    Fraction(1, 2): "eighth",
    Fraction(1, 4): "16th",
    Fraction(1, 8): "32nd",
    Fraction(1, 16): "64th",
    Fraction(1, 32): "128th",
    Fraction(1, 64): "256th",
}
Span = tuple[Fraction, Fraction]


def compound(measure: Measure) -> bool:
    """Return whether the pulses divide in three: 6/8, 9/8, 12/8, 6/4, 3/8."""
    return measure.beats % 3 == 0 and (measure.beats > 3 or measure.unit >= 8)


@lru_cache(maxsize=256)
def pulses(measure: Measure) -> tuple[Fraction, ...]:
    """Return the positions of the pulses, the end of the measure included.

    Eighths and shorter are felt in threes where the metre is compound, else in twos, the odd one
    with the last pair: 7/8 is 2 + 2 + 3.
    """
    unit = Fraction(4, measure.unit)
    group = 3 if compound(measure) else 2 if measure.unit >= 8 else 1
    starts = [unit * i for i in range(0, measure.beats, group)]
    if group == 2 and measure.beats % 2 and len(starts) > 1:
        starts.pop()
    return (*starts, measure.full)


def value(duration: Fraction, *, dots: int = 2) -> tuple[str, int] | None:
    """Return the name of a note value and its dots, or None where one sign cannot hold it.

    >>> value(Fraction(3, 2))
    ('quarter', 1)
    """
    for count in range(dots + 1):
        kind = KINDS.get(duration * 2**count / (2 ** (count + 1) - 1))
        if kind:
            return kind, count
    return None


def note_cuts(start: Fraction, end: Fraction, measure: Measure) -> list[Fraction]:
    """Return where a note must be divided by ties, in order; empty if one sign holds it."""
    if _readable(start, end, measure):
        return []
    cut = _best_cut(start, end, measure)
    return [*note_cuts(start, cut, measure), cut, *note_cuts(cut, end, measure)]


def grid_cuts(start: Fraction, end: Fraction) -> list[Fraction]:
    """Return where a value must be divided if only halves of halves count (within a tuplet)."""
    if value(end - start, dots=1):
        return []
    cut = _strongest(start, end)
    return [*grid_cuts(start, cut), cut, *grid_cuts(cut, end)]


def rest_spans(start: Fraction, end: Fraction, measure: Measure) -> list[Span]:
    """Return a silence as rests that show every pulse, and the middle of four pulses."""
    edges = pulses(measure)
    if _middle(edges) is not None:
        edges = edges[::2]
    if end > edges[-1]:  # a measure that is longer than its metre
        edges = (*edges, end)
    found: list[Span] = []
    for low, high in pairwise(edges):
        if start < high and end > low:
            found += _rests(max(start, low), min(end, high), low, high)
    return found


def _rests(start: Fraction, end: Fraction, low: Fraction, high: Fraction) -> list[Span]:
    size = high - low
    if (start, end) == (low, high) and value(size, dots=1):
        return [(start, end)]
    ternary = size.numerator % 3 == 0
    third = size / 3
    if ternary and start == low and end >= low + 2 * third:
        children = [(low, low + 2 * third), (low + 2 * third, high)]
    else:
        parts = 3 if ternary else 2
        children = [(low + size * i / parts, low + size * (i + 1) / parts) for i in range(parts)]
    return [
        span
        for lo, hi in children
        if start < hi and end > lo
        for span in _rests(max(start, lo), min(end, hi), lo, hi)
    ]


def _middle(edges: tuple[Fraction, ...]) -> Fraction | None:
    """Return the middle of a measure of four equal pulses, which a syncopation must not hide."""
    even = len(edges) == 5 and edges[1] * 4 == edges[4]
    return edges[2] if even else None


def _readable(start: Fraction, end: Fraction, measure: Measure) -> bool:
    edges = pulses(measure)
    if not value(end - start, dots=2 if start in edges and not compound(measure) else 1):
        return False
    crossed = [edge for edge in edges if start < edge < end]
    if not crossed:
        return True
    if compound(measure):
        return start in edges and end in edges
    if start in edges:
        return True
    if _middle(edges) in crossed:
        return False
    centred = len(crossed) == 1 and crossed[0] * 2 == start + end
    return end in edges or centred


def _best_cut(start: Fraction, end: Fraction, measure: Measure) -> Fraction:
    edges = pulses(measure)
    crossed = [edge for edge in edges if start < edge < end]
    if not crossed:
        low = max(edge for edge in edges if edge <= start)
        return low + _strongest(start - low, end - low)
    if start not in edges:
        return crossed[0]
    single = [e for e in crossed if value(e - start, dots=1) and value(end - e, dots=1)]
    middle = _middle(edges)
    if middle is not None and middle in single:
        return middle
    if single:
        return min(single, key=lambda e: abs(2 * e - start - end))
    return max((e for e in crossed if value(e - start, dots=1)), default=crossed[0])


def _strongest(start: Fraction, end: Fraction) -> Fraction:
    """Return the point between that lies on the coarsest grid of halves."""
    grid = Fraction(8)
    while True:
        point = (start // grid + 1) * grid
        if point < end:
            return point
        grid /= 2
