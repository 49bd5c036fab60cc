"""A few neighbouring moments of a piece as facts, alike wherever they are alike.

Times are told from an origin in the window, bars from its first one, so that the same few moments
of another piece are the same text. What is given is not told: which note a voice strikes is open,
and looked up afterwards. Times and bars are numbers so large that nothing else is as large.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cspcomposer import facts
from cspcomposer.facts import Outline
from cspcomposer.facts_times import TIMES

# Times are at least this, and bars are a little less.
ORIGIN = 1_000_000
EARLIEST = 900_000
_BARS = 800_000
_NEVER = 90_000
MARGIN = 1
_FACT = re.compile(r"(\w+)\((.*)\)\.")
_WHOLE = re.compile(r"-?\d+")
# What is told as it stands, the times shifted; of what is told otherwise see `Moments.window`.
_SHIFTED = {
    "onset", "key", "next", "slot", "next_slot", "attack", "leads", "wanted_cadence",
    "given_harmony", "given_inversion",
}  # fmt: skip
_OTHERWISE = {"measure", "phrase", "given", "free", "held", "excused"}
Variable = tuple[str, int]
Arguments = Sequence[int | str]


@dataclass(frozen=True)
class Window:
    """Some neighbouring slots.

    Attributes:
        facts: By predicate, what is told of them and of their neighbours, as text.
        slots: The slots' times in the window.
        places: By onset in the window, which slot it belongs to, counted from the first of them.
        chords: By slot in the window, the numerals that are possible.
        struck: What is open there: voice and onset; True if what is struck is given.
    """

    facts: Mapping[str, str]
    slots: tuple[int, ...]
    places: Mapping[int, int]
    chords: Mapping[int, tuple[str, ...]]
    struck: Mapping[Variable, bool]


class Moments:
    """A piece, to be looked at through windows.

    Attributes:
        slots: Its slots, in ticks.
        given: The pitch that is given for a voice at an onset.
        free: The slots at which a voice is free.
        voices: Their names, the highest first.
        chords: By slot, the numerals that are possible.
    """

    def __init__(self, plan: Outline, chords: Mapping[int, Iterable[str]]) -> None:
        self.chords = {slot: tuple(sorted(names)) for slot, names in chords.items()}
        self._by: dict[str, list[list[int | str]]] = defaultdict(list)
        for name, arguments in parsed(facts.facts(plan)):
            self._by[name].append(arguments)
        self._timed = {name: _timed(name, self._by[name]) for name in _SHIFTED & self._by.keys()}
        self.slots: tuple[int, ...] = tuple(_numbers(self._by["slot"]))
        self._onsets = _numbers(self._by["onset"])
        self.voices = tuple(str(a[0]) for a in self._by["voice"])
        self.free = {(str(v), int(t)) for v, t in self._by["free"]}
        self.given = {(str(v), int(t)): int(p) for v, t, p in self._by["given"]}
        held = {(str(v), int(t)) for v, t in self._by["held"]}
        attacks = {(str(v), int(t)) for v, t in self._by["attack"]}
        self._struck: dict[Variable, int] = {}
        for voice in self.voices:
            last: int | None = None
            for onset in self._onsets:
                here = (voice, onset)
                if here in self.free or (here in self.given and here in attacks):
                    last = onset
                elif here not in held and here not in self.given:
                    last = None
                if last is not None:
                    self._struck[here] = last

    def window(self, first: int, count: int) -> Window:
        """Return the view of `count` slots from the slot number `first` on."""
        last = first + count + MARGIN
        start = self.slots[max(0, first - MARGIN)]
        end = self.slots[last] if last < len(self.slots) else self._onsets[-1] + 1
        begin, until = bisect_left(self._onsets, start), bisect_left(self._onsets, end)
        onsets = self._onsets[begin:until]
        within = set(onsets)
        shift = ORIGIN - self.slots[first]
        told: dict[str, list[Arguments]] = defaultdict(list)
        for name, several in self._by.items():
            if name == "next":
                # Where it goes on is told in any case.
                around = self._onsets[max(0, begin - 1) : until]
                told[name] += _shifted(name, self._timed[name], around, shift)
            elif name in _SHIFTED:
                moved = _shifted(name, self._timed[name], onsets, shift)
                last = onsets[-1] + shift
                told[name] += [a for a in moved if max(_times(name, a)) <= last]
            elif name not in _OTHERWISE:
                told[name] += several
        told["measure"] += self._measures(start, end, shift)
        told["phrase"] += self._phrases(onsets, shift)
        struck: dict[Variable, bool] = {}
        for onset in onsets:
            for voice in self.voices:
                since = self._struck.get((voice, onset))
                if since is None:
                    continue
                here = (voice, onset + shift)
                if since == onset or onset == onsets[0]:
                    told["struck"].append(here)
                    struck[here] = (voice, since) not in self.free
                else:
                    told["kept"].append(here)
                if (voice, onset) in self.free:
                    told["free"].append(here)
        inside = [slot for slot in self.slots if slot in within]
        chords = {slot + shift: self.chords[slot] for slot in inside}
        told["possible"] += [(t, f'"{name}"') for t, names in chords.items() for name in names]
        return Window(
            {name: _text(name, several) for name, several in told.items()},
            tuple(self.slots[i] + shift for i in range(first, min(first + count, len(self.slots)))),
            {t + shift: bisect_right(self.slots, t) - 1 - first for t in onsets},
            chords,
            struck,
        )

    def pitch(self, first: int, here: Variable) -> int:
        """Return the pitch that is given for an open place in the window at a slot."""
        time = here[1] - ORIGIN + self.slots[first]
        return self.given[here[0], time]

    def _measures(self, start: int, end: int, shift: int) -> list[Arguments]:
        found = [
            (int(b), int(t), int(length), n, d)
            for b, t, length, n, d in self._by["measure"]
            if int(t) + int(length) > start and int(t) < end
        ]
        return [(_BARS + b - found[0][0], t + shift, length, n, d) for b, t, length, n, d in found]

    def _phrases(self, onsets: Sequence[int], shift: int) -> list[Arguments]:
        """Return the phrases; what of them lies outside is before or after everything."""
        out: list[Arguments] = []
        for first, arrival, last in (map(int, a) for a in self._by["phrase"]):
            if last >= onsets[0] and first <= onsets[-1]:
                times = [max(first, onsets[0]), arrival, last]
                late = [t + shift if t <= onsets[-1] else ORIGIN + _NEVER for t in times]
                out.append([t if t >= onsets[0] + shift else ORIGIN - _NEVER for t in late])
        return out


def parsed(text: str) -> list[tuple[str, list[int | str]]]:
    """Return facts as names and arguments; none of these may have commas in it."""
    out = []
    for line in text.splitlines():
        found = _FACT.match(line)
        if found:
            said = [int(a) if _WHOLE.fullmatch(a) else a for a in found[2].split(",")]
            out.append((found[1], said))
    return out


def _numbers(several: Iterable[Arguments]) -> list[int]:
    return [int(a[0]) for a in several]


def _times(name: str, arguments: Arguments) -> list[int]:
    return [int(arguments[place]) for place in TIMES[name]]


def _timed(name: str, several: Iterable[Arguments]) -> dict[int, list[Arguments]]:
    """Return facts by the first of their times."""
    out: dict[int, list[Arguments]] = defaultdict(list)
    for arguments in several:
        out[_times(name, arguments)[0]].append(arguments)
    return out


def _shifted(
    name: str, timed: Mapping[int, Sequence[Arguments]], onsets: Sequence[int], shift: int
) -> list[Arguments]:
    """Return the facts that begin at some onsets, their times shifted."""
    out: list[Arguments] = []
    for arguments in (a for onset in onsets for a in timed.get(onset, ())):
        moved = list(arguments)
        for place in TIMES[name]:
            moved[place] = int(moved[place]) + shift
        out.append(moved)
    return out


def _text(name: str, several: Iterable[Arguments]) -> str:
    return "\n".join(sorted(f"{name}({','.join(map(str, a))})." for a in several))
