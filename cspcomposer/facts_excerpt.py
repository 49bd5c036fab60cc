"""Stretches of a long piece as facts: what is to be composed, and what stands around it.

What lies outside is left out. What is known already is told as known; what comes back of something
inside comes back inside.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest

from cspcomposer import facts
from cspcomposer import pitch as pitches
from cspcomposer.facts import Outline
from cspcomposer.facts_times import TIMES
from cspcomposer.solver import Answer, Decision, Term

# How many slots before and after what is composed are looked at.
CONTEXT = 3
# So many slots after what is composed something may be heard that hangs on it.
HEARD = 2
_ECHOES = {"echo_harmony": (0, 1), "echo_pitch": (1, 2)}
_STEPS = ("takes_up", "recalls")
_TIMES = {**TIMES, **_ECHOES}
_FACT = re.compile(r"(\w+)(?:\(((?:[^()]|\([^()]*\))*)\))?\.")
# A fact, its name, its arguments, the times among them.
_Line = tuple[str, str, list[str], list[int]]


@dataclass
class Known:
    """What has been composed so far.

    Attributes:
        harmony: By slot, in ticks, the numeral.
        inversion: By slot, the inversion.
        pitch: By voice and slot, the pitch.
    """

    harmony: dict[int, str] = field(default_factory=dict)
    inversion: dict[int, int] = field(default_factory=dict)
    pitch: dict[tuple[str, int], int] = field(default_factory=dict)

    def answer(self, cost: tuple[int, ...], seconds: float) -> Answer:
        """Return what is known as one answer."""
        atoms = [Term("harmony", (slot, name)) for slot, name in self.harmony.items()]
        atoms += [Term("inversion", (slot, value)) for slot, value in self.inversion.items()]
        atoms += [Term("pitch", (Term(v), t, p)) for (v, t), p in self.pitch.items()]
        return Answer(tuple(atoms), cost, seconds)

    def forget(self, slots: Collection[int]) -> None:
        """Forget what stands at some slots."""
        for slot in slots:
            self.harmony.pop(slot, None)
            self.inversion.pop(slot, None)
        for key in [key for key in self.pitch if key[1] in slots]:
            del self.pitch[key]


@dataclass(frozen=True)
class Excerpt:
    """Stretches that are looked at together.

    Attributes:
        core: The slots that are composed.
        shown: All slots that are looked at.
        beyond: Those at which nothing is heard that hangs on the core.
    """

    core: tuple[int, ...]
    shown: tuple[int, ...]
    beyond: frozenset[int]


class Told:
    """Facts by the times that they speak of."""

    def __init__(self, text: str) -> None:
        self._always: list[_Line] = []
        self._by: dict[int, list[_Line]] = {}
        self._models: dict[int, list[_Line]] = {}
        for found in _FACT.finditer(text):
            name, arguments = found[1], (found[2] or "").split(",")
            times = [int(arguments[n]) for n in _TIMES.get(name, ())]
            line = (found[0], name, arguments, times)
            if name in _STEPS:
                self._models.setdefault(times[2], []).append(line)
            if times and name != "phrase":
                self._by.setdefault(times[0], []).append(line)
            else:
                self._always.append(line)

    def near(self, times: Iterable[int]) -> Iterator[_Line]:
        """Yield the facts that speak of no time, or first of one of these."""
        yield from self._always
        for time in times:
            yield from self._by.get(time, ())

    def modelled(self, times: Iterable[int]) -> Iterator[_Line]:
        """Yield the facts by which some step is taken up that begins at one of these times."""
        for time in times:
            yield from self._models.get(time, ())

    def at(self, times: Collection[int]) -> str:
        """Return the facts that speak of no time, or of these alone."""
        lines = (line for line, _, _, all_of in self.near(times) if set(all_of) <= set(times))
        return "\n".join(lines)


class Piece:
    """A piece that is composed in stretches: its facts, and what comes back where.

    Attributes:
        slots: Its slots, in ticks.
        voices: The voices, the highest first.
        free: The slots at which a voice's note is chosen.
    """

    def __init__(self, outline: Outline) -> None:
        ticking = facts.clock(outline)
        self.outline, self.at = outline, ticking.ticks
        self.slots = tuple(map(ticking.ticks, outline.slots))
        self.voices = tuple(v.name for v in outline.score.voices)
        self.free = {
            (voice, ticking.ticks(t)) for voice, times in outline.free.items() for t in times
        }
        self._place = {slot: place for place, slot in enumerate(self.slots)}
        self._told = Told(facts.facts(outline))
        self._slot_of: dict[int, int] = {}
        self._onsets_of: dict[int, list[int]] = {slot: [] for slot in self.slots}
        slot = self.slots[0]
        for onset in sorted(map(ticking.ticks, facts.grid(outline))):
            slot = onset if onset in self._onsets_of else slot
            self._slot_of[onset] = slot
            self._onsets_of[slot].append(onset)
        self.harmony_of: dict[int, int] = {}
        self.pitch_of: dict[tuple[str, int], tuple[int, int]] = {}
        self._moved: set[int] = set()
        for echo in outline.echoes:
            time, of = ticking.ticks(echo.time), ticking.ticks(echo.of)
            if echo.what != "melody":
                self.harmony_of[time] = of
            for voice in () if echo.what == "harmony" else self.voices:
                if (voice, time) in self.free and (echo.what == "all" or voice == self.voices[0]):
                    self.pitch_of[voice, time] = (of, echo.up)
            if echo.up:
                self._moved.add(time)

    def echoed(self, slot: int) -> int | None:
        """Return the slot of which this one is a copy, chord and notes; None if it is not."""
        of = self.harmony_of.get(slot)
        voices = [v for v in self.voices if (v, slot) in self.free]
        if of is None or any(self.pitch_of.get((v, slot), (None,))[0] != of for v in voices):
            return None
        return of

    def own(self) -> list[int]:
        """Return the slots at which something is chosen."""
        return [slot for slot in self.slots if self.echoed(slot) is None]

    def _determined(self, slot: int, core: Collection[int], known: Known) -> bool:
        root = self.echoed(slot)
        here = slot if root is None else root
        return here in core or here in known.harmony

    def excerpt(self, core: Sequence[int], known: Known) -> Excerpt:
        """Return what must be looked at to compose some slots."""
        inside = set(core)
        copies = [s for s in self.slots if (r := self.echoed(s)) is not None and r in inside]
        runs = [*self._runs(inside), *self._runs(copies)]
        shown: set[int] = set()
        audible: set[int] = set()
        for first, last in runs:
            exact = self.slots[first] not in inside and self.slots[first] not in self._moved
            whole = last - first < 2 * CONTEXT + 2
            zones = [(first - CONTEXT, last + CONTEXT)]
            if exact and not whole:
                zones = [(first - CONTEXT, first + CONTEXT), (last - CONTEXT, last + CONTEXT)]
            for a, b in zones:
                shown |= self._stretch(a, b, first if b < last else last, inside, known)
            heard = range(first, last + 1) if not exact else range(first, first + HEARD)
            audible |= {*heard, *range(last + 1, last + 1 + HEARD)}
        kept = tuple(sorted(shown))
        beyond = frozenset(s for s in kept if self._place[s] not in audible)
        return Excerpt(tuple(core), kept, beyond)

    def all(self) -> Excerpt:
        """Return the whole piece as what stands: nothing of it is composed."""
        return Excerpt((), self.slots, frozenset())

    def _stretch(
        self, first: int, last: int, middle: int, core: Collection[int], known: Known
    ) -> set[int]:
        """Return the determined slots next to a place, as far as they go without a gap."""
        out = set()
        for step, end in ((-1, first - 1), (1, last + 1)):
            place = middle
            while place != end and 0 <= place < len(self.slots):
                slot = self.slots[place]
                if not self._determined(slot, core, known):
                    break
                out.add(slot)
                place += step
        return out

    def _runs(self, slots: Collection[int]) -> Iterator[tuple[int, int]]:
        places = sorted(self._place[slot] for slot in slots)
        begin = None
        for place, following in zip_longest(places, places[1:]):
            begin = place if begin is None else begin
            if following != place + 1:
                yield begin, place
                begin = None

    def facts(self, excerpt: Excerpt, known: Known) -> str:
        """Return an excerpt as facts."""
        shown, core = set(excerpt.shown), set(excerpt.core)

        def kept(name: str, arguments: Sequence[str], times: Sequence[int]) -> bool:
            if name in _ECHOES:
                return times[1] in core and times[0] in shown
            if name == "free":
                return times[0] in core and (arguments[0], times[0]) not in self.pitch_of
            inside = [self._slot_of.get(time) in shown for time in times]
            if name in _STEPS:
                return all(inside[:2])
            return any(inside) if name == "phrase" else all(inside)

        told = list(self._told.near(self._onsets(excerpt)))
        out = [line for line, name, arguments, times in told if kept(name, arguments, times)]
        models = {
            (times[2], times[3])
            for _, name, _, times in told
            if name in _STEPS and not {times[2], times[3]} <= shown
        }
        # What takes up a step from here stands elsewhere, if it stands already.
        for line, _, _, times in self._told.modelled(excerpt.core):
            if times[2] in core and times[3] in core and not {times[0], times[1]} <= shown:
                out.append(line)
                models.add((times[0], times[1]))
        steps = self._steps(models, known)
        return "\n".join([*out, *steps, *self._stands(excerpt, known)])

    def _steps(self, models: Iterable[tuple[int, int]], known: Known) -> Iterator[str]:
        """Yield the steps of the melody elsewhere that it takes up here, if they are known."""
        for first, second in sorted(models):
            places = []
            for slot in (first, second):
                of, up = self.pitch_of.get((self.voices[0], slot), (slot, 0))
                if (self.voices[0], of) in known.pitch:
                    letter, _, octave = pitches.parts(known.pitch[self.voices[0], of] + up)
                    places.append(7 * octave + pitches.LETTERS.index(letter))
            if len(places) == 2:
                yield f"known_step({first},{second},{places[1] - places[0]})."

    def _onsets(self, excerpt: Excerpt) -> list[int]:
        return [time for slot in excerpt.shown for time in self._onsets_of[slot]]

    def _stands(self, excerpt: Excerpt, known: Known) -> Iterator[str]:
        core, shown = set(excerpt.core), set(excerpt.shown)
        for slot in excerpt.shown:
            root = self.harmony_of.get(slot)
            name = known.harmony.get(slot if root is None else root)
            chosen = slot in core if root is None else root in core
            if not chosen and name is not None:
                yield f'known_harmony({slot},"{name}").'
            for voice in self.voices:
                if (voice, slot) not in self.free:
                    continue
                of, up = self.pitch_of.get((voice, slot), (slot, 0))
                if of not in core and (voice, of) in known.pitch:
                    yield f"known_pitch({voice},{slot},{known.pitch[voice, of] + up})."
        for slot in excerpt.shown:
            place = self._place[slot]
            if place and self.slots[place - 1] not in shown:
                yield f"resumes({slot})."
            if place + 1 < len(self.slots) and self.slots[place + 1] not in shown:
                yield f"breaks_off({self._onsets_of[slot][-1]})."
            if slot in excerpt.beyond:
                yield from (f"beyond({time})." for time in self._onsets_of[slot])

    def decisions(self, excerpt: Excerpt, answer: Answer) -> list[Decision]:
        """Return the choices that an answer made in an excerpt."""
        places = {slot: place for place, slot in enumerate(excerpt.core)}
        out = []
        for atom in answer.atoms:
            said = atom.arguments
            if atom.name == "harmony" and said[0] in places and said[0] not in self.harmony_of:
                out.append(Decision(atom, places[said[0]], "harmony"))
            elif atom.name == "pitch" and said[1] in places:
                voice = str(said[0])
                if (voice, said[1]) in self.free and (voice, said[1]) not in self.pitch_of:
                    out.append(Decision(atom, places[said[1]], voice))
        return out

    def learn(self, excerpt: Excerpt, answer: Answer, known: Known) -> None:
        """Note what an answer says of the slots that were composed, and of all copies of them."""
        core = set(excerpt.core)
        for atom in answer.atoms:
            said = atom.arguments
            if atom.name == "harmony" and said[0] in core:
                known.harmony[said[0]] = said[1]
            elif atom.name == "inversion" and said[0] in core:
                known.inversion[said[0]] = said[1]
            elif atom.name == "pitch" and said[1] in core and (str(said[0]), said[1]) in self.free:
                known.pitch[str(said[0]), said[1]] = said[2]

    def whole(self, known: Known) -> Known:
        """Return what is known, with all that comes back."""
        out = Known(dict(known.harmony), dict(known.inversion), dict(known.pitch))
        for slot in self.slots:
            root = self.echoed(slot)
            if root is None or root not in known.harmony:
                continue
            out.harmony[slot], out.inversion[slot] = known.harmony[root], known.inversion[root]
            for voice in self.voices:
                if (voice, slot) in self.pitch_of:
                    of, up = self.pitch_of[voice, slot]
                    out.pitch[voice, slot] = known.pitch[voice, of] + up
        return out

    def time(self, slot: int) -> Fraction:
        """Return a slot's time in quarter notes."""
        return self.outline.slots[self._place[slot]]
