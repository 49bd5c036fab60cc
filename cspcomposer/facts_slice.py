"""A stretch of a piece as facts: what is told of its moments, and of no others.

Where the piece goes on before or after the stretch is told too, so that no rule takes a cut for a
beginning or an end. Cuts text by the times in it; knows no rule.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cspcomposer import rulebook
from cspcomposer.facts_times import TIMES
from cspcomposer.solver import Decision, Source

_FACT = re.compile(r"(\w+)\((.*)\)\.")


class Slices:
    """A piece's facts, to be cut by time.

    Attributes:
        whole: All of them.
        onsets: All times at which anything begins, in ticks.
    """

    def __init__(self, *texts: str) -> None:
        self.whole = "\n".join(texts)
        self._always: list[str] = []
        # By the later of its times, a fact's earlier one and its text.
        self._by: dict[int, list[tuple[int, str]]] = defaultdict(list)
        self._measures: list[tuple[int, int, str]] = []
        self._phrases: list[tuple[int, int, int, str]] = []
        for text in texts:
            for line in text.splitlines():
                self._take(line)
        self.onsets: Sequence[int] = sorted(
            time for time, several in self._by.items()
            if any(line.startswith("onset(") for _, line in several)
        )  # fmt: skip

    def _take(self, line: str) -> None:
        found = _FACT.match(line)
        said = found[2].split(",") if found else []
        name = found[1] if found else ""
        if name == "measure":
            self._measures.append((int(said[1]), int(said[1]) + int(said[2]), line))
        elif name == "phrase":
            first, arrival, last = map(int, said)
            self._phrases.append((first, arrival, last, line))
        elif name in TIMES:
            times = [int(said[place]) for place in TIMES[name]]
            self._by[times[-1]].append((times[0], line))
        else:
            self._always.append(line)

    def between(self, first: int, until: int) -> str:
        """Return the facts of the moments from one onset to before another time."""
        return "\n".join(self._between(first, until))

    def _between(self, first: int, until: int) -> Iterator[str]:
        yield from self._always
        for begin, end, line in self._measures:
            if begin < until and end > first:
                yield line
        # A phrase that ends behind the cut has no end yet, and no cadence is missed in it.
        unfinished = set()
        for begin, arrival, last, line in self._phrases:
            if last >= until:
                unfinished.add(arrival)
            elif last >= first and begin < until:
                yield line
        inside = [time for time in self.onsets if first <= time < until]
        for time in inside:
            for earlier, line in self._by[time]:
                cut = line.startswith("wanted_cadence(") and time in unfinished
                if earlier >= first and not cut:
                    yield line
        if inside[0] > self.onsets[0]:
            yield f"comes_after({inside[0]})."
        if inside[-1] < self.onsets[-1]:
            yield f"goes_on({inside[-1]})."


@dataclass(frozen=True)
class Part:
    """A part of a piece, in ticks.

    Attributes:
        begin: Its first onset.
        judged: From here on it is judged: of what is before, it is not told what led to it.
        end: Where it is over.
    """

    begin: int
    judged: int
    end: int


def told(slices: Slices, part: Part | None) -> list[Source]:
    """Return a piece's facts, or those of a part of it."""
    if part is None:
        return [Source("given", slices.whole)]
    context = [time for time in slices.onsets if part.begin <= time < part.judged]
    return [
        Source("given", slices.between(part.begin, part.end)),
        Source("settled", settled(context)),
        rulebook.policy("settled"),
    ]


def settled(times: Sequence[int]) -> str:
    """Return what says that some moments are judged no more."""
    return "\n".join(f"settled({time})." for time in times)


def only(chosen: Mapping[int, Sequence[Decision]]) -> str:
    """Return what leaves nothing open: at each slot, in ticks, one setting is offered.

    Args:
        chosen: By slot, the chord and the notes chosen there.
    """
    lines = [f"linked({slot},0,0)." for slot, _ in pairwise(sorted(chosen))]
    for slot, several in chosen.items():
        for decision in several:
            said = decision.atom.arguments
            if decision.lane == "harmony":
                lines.append(f'offered({slot},0,"{said[1]}").')
            else:
                lines.append(f"offered_pitch({slot},0,{said[0]},{said[2]}).")
    return "\n".join(lines)
