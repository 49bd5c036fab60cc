"""What a body of music likes: counts of its harmonies, written as the facts of a prior.

Costs are tenths of a nat, ``round(10 * -ln p)``, at most 50, with every count smoothed. Counts
beats; which chords there are, and how they group, the rules say.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from cspcomposer import pitch as pitches
from cspcomposer import rulebook, solver
from cspcomposer.facts import key_at
from cspcomposer.score import Score, note_at, pulses

CLAMP = 50
HEADER = """%*
# Habits of {whose}

Counted over {count} pieces, where chords change, with estimated keys and numerals. Costs are tenths
of a nat. This file is written by
`{command}`.
*%

"""
SMOOTHING = 0.5
WIDEST = 9
_QUESTION = "key(0,3,major). key(1,3,minor)."


def counted(scores: Iterable[Score]) -> str:
    """Return the habits of analysed scores as facts.

    Args:
        scores: With keys and chords.
    """
    groups = _groups()
    moves: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    colours: dict[str, Counter[str]] = defaultdict(Counter)
    inversions: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    intervals: dict[str, Counter[int]] = defaultdict(Counter)
    for score in scores:
        for voice, span in _intervals(score):
            intervals[voice][span] += 1
        before: tuple[str, str] | None = None
        last: tuple[str, str, int] | None = None
        for beat in _beats(score):
            mode, numeral, inversion = beat
            # A chord that only stays is no habit of going anywhere.
            if beat == last:
                continue
            last = beat
            group = groups[mode].get(numeral)
            if group is None:
                before = None
                continue
            colours[mode][numeral] += 1
            inversions[mode][numeral, inversion] += 1
            if before and before[0] == mode:
                moves[mode][before[1], group] += 1
            before = mode, group
    lines = [
        line
        for mode in sorted(groups)
        for line in _written(mode, groups[mode], moves[mode], colours[mode], inversions[mode])
    ]
    for voice, spans in sorted(intervals.items()):
        total = sum(spans.values()) + SMOOTHING * WIDEST
        for span in range(1, WIDEST + 1):
            cost = _cost(spans[span] + SMOOTHING, total)
            lines.append(f"habit_interval({voice},{span},{cost}).")
    return "\n".join(lines)


def _intervals(score: Score) -> Iterator[tuple[str, int]]:
    """Yield voice and span in letters of each move from beat to beat within a phrase."""
    times = list(pulses(score))
    for voice in score.voices:
        for first, second in pairwise(times):
            a, b = note_at(voice, first), note_at(voice, second)
            if a and b and not any(first <= end < second for end in score.phrase_ends):
                yield voice.name, min(WIDEST, abs(_place(a.pitch) - _place(b.pitch)) + 1)


def _place(pitch: int) -> int:
    letter, _, octave = pitches.parts(pitch)
    return 7 * octave + pitches.LETTERS.index(letter)


def _beats(score: Score) -> Iterator[tuple[str, str, int]]:
    """Yield mode, numeral and inversion of the chord at every beat."""
    starts = [chord.onset for chord in score.chords]
    for time in pulses(score):
        place = bisect_right(starts, time) - 1
        if place >= 0:
            chord = score.chords[place]
            yield key_at(score.keys, time).mode, chord.numeral, chord.inversion


def _groups() -> dict[str, dict[str, str]]:
    """Return for each mode the group of each numeral."""
    texts = [solver.Source(str(p), rulebook.base_part(p)) for p in rulebook.theory()]
    atoms, _ = solver.consequences(
        [*texts, solver.Source("modes", _QUESTION)], show={"group_of": 3}
    )
    out: dict[str, dict[str, str]] = defaultdict(dict)
    for atom in atoms:
        mode, numeral, group = atom.arguments
        out[str(mode)][numeral] = group
    return out


def _cost(count: float, total: float) -> int:
    return min(CLAMP, round(-10 * math.log(count / total)))


def _written(
    mode: str,
    groups: Mapping[str, str],
    moves: Counter[tuple[str, str]],
    colours: Counter[str],
    inversions: Counter[tuple[str, int]],
) -> Iterator[str]:
    names = sorted(set(groups.values()))
    sizes: Any = Counter()
    for numeral, count in colours.items():
        sizes[groups[numeral]] += count
    everything = sum(sizes.values())
    # A move is smoothed with how common its goal is at all.
    share = {g: (sizes[g] + SMOOTHING) / (everything + SMOOTHING * len(names)) for g in names}
    for first in names:
        total = sum(moves[first, g] for g in names)
        for second in names:
            cost = _cost(moves[first, second] + 5 * share[second], total + 5)
            yield f'habit_move({mode},"{first}","{second}",{cost}).'
    for numeral, group in sorted(groups.items()):
        members = [n for n, g in groups.items() if g == group]
        shares = sum(colours[n] for n in members) + SMOOTHING * len(members)
        cost = _cost(colours[numeral] + SMOOTHING, shares)
        yield f'habit_colour({mode},"{numeral}",{cost}).'
        for inversion in range(4):
            # Rare chords borrow from how often the inversion occurs in their group.
            near = sum(inversions[n, inversion] for n in members)
            alike = sum(inversions[n, i] for n in members for i in range(4))
            rate = (near + SMOOTHING) / (alike + 4 * SMOOTHING)
            cost = _cost(inversions[numeral, inversion] + 3 * rate, colours[numeral] + 3)
            yield f'habit_inversion({mode},"{numeral}",{inversion},{cost}).'
