"""What the small network prefers, as costs and facts. Knows its numbers, and no music theory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from cspcomposer import facts
from cspcomposer import pitch as pitches
from cspcomposer.analyse_tables import spelled
from cspcomposer.candidates import Costs
from cspcomposer.facts import Outline, key_at
from cspcomposer.priors import MOST
from cspcomposer.score import Key
from neural_priors import codes, infer
from neural_priors.frames import VOICES, frames, named

# The likeliest harmony is blander than Bach's: what is usual counts less (J. Li and others, NAACL
# 2016), and so does staying on a chord. Both were chosen on the validation pieces.
FRESH, RESTLESS = 0.3, 0.5
_NATS = 10
_OCTAVES = range(1, 8)
_WIDEST = 9

# What the network knows under a wider name.
_GOALS = {"perfect": "authentic", "imperfect": "authentic"}

Suit = NDArray[np.float32]


class Networks:
    """A network for each key of a piece that has several: each slot is looked at in its own."""

    folders: tuple[str, ...] = ("",)

    def __init__(self, plan: Outline, weight: float) -> None:
        at = facts.clock(plan).ticks
        named = {
            at(slot): replace(facts.key_at(plan.score.keys, slot), onset=plan.slots[0])
            for slot in plan.slots
        }
        networks = {key: Network(plan, weight, key=key) for key in dict.fromkeys(named.values())}
        self._of = {slot: networks[key] for slot, key in named.items()}
        self.facts = next(iter(networks.values())).facts

    def harmony(self, slot: int, numeral: str) -> int:
        """Return what a chord costs by itself."""
        return self._of[slot].harmony(slot, numeral)

    def moves(
        self, slots: tuple[int, int], before: Sequence[str], after: Sequence[str]
    ) -> Costs | None:
        """Return what each chord costs after each other."""
        return self._of[slots[1]].moves(slots, before, after)

    def notes(self, slots: Mapping[int, Sequence[str]]) -> str:
        """Return facts that charge free voices for notes, given the chords looked at."""
        return "\n".join(
            network.notes({s: names for s, names in slots.items() if self._of[s] is network})
            for network in dict.fromkeys(self._of.values())
        )


class Network:
    """A network that has seen a piece's outline."""

    folders: tuple[str, ...] = ("",)

    def __init__(
        self, plan: Outline, weight: float, *, split: str = infer.SHIPPED, key: Key | None = None
    ) -> None:
        self._plan, self._weight = plan, weight
        self._clock = facts.clock(plan)
        score = plan.score
        goals = {t: _GOALS.get(kind, kind) for t, kind in plan.cadences if kind != "any"}
        self._seen = frames(score, key or score.keys[-1], goals=goals, open_at=plan.free)
        suits = infer.suits(self._seen, split=split)
        self._suits = replace(
            suits,
            chords=suits.chords - FRESH * suits.usual,
            follows=suits.follows - RESTLESS * np.eye(len(suits.usual), dtype=np.float32),
        )
        self._spelled = spelled({(key.tonic, key.mode) for key in score.keys})
        self._names = named(self._spelled, *infer.chords_of("factors", split=split))
        self._keys = {self._clock.ticks(slot): key_at(score.keys, slot) for slot in plan.slots}
        self._shares = dict(self._overlaps())
        self.facts = "\n".join(self._intervals())

    def harmony(self, slot: int, numeral: str) -> int:
        """Return what a chord costs by itself."""
        suit = self._chords(slot)
        code = self._code(slot, numeral)
        return MOST if code is None else self._cost(suit.max() - suit[code])

    def moves(
        self, slots: tuple[int, int], before: Sequence[str], after: Sequence[str]
    ) -> Costs | None:
        """Return what each chord costs after each other."""
        rows = self._codes(slots[0], before)
        columns = self._codes(slots[1], after)
        follows = self._suits.follows
        worst = follows.min()
        known = (rows >= 0)[:, None] & (columns >= 0)
        suit = np.where(known, follows[np.ix_(rows, columns)], worst)
        cost = np.rint(_NATS * self._weight * (suit.max(initial=worst) - suit))
        # One chord keeps one name.
        other = np.array(before)[:, None] != np.array(after)
        cost[(rows[:, None] == columns) & other] = MOST
        out: Costs = np.minimum(MOST, cost).astype(np.int64)
        return out

    def notes(self, slots: Mapping[int, Sequence[str]]) -> str:
        """Return facts that charge free voices for notes, given the chords looked at."""
        return "\n".join(
            fact
            for voice in self._plan.score.voices
            if voice.name in VOICES
            for slot in facts.free_slots(self._plan, voice.name)
            if slot in slots
            for fact in self._voice(voice.name, slot, slots[slot])
        )

    def _voice(self, name: str, slot: int, numerals: Sequence[str]) -> Iterator[str]:
        voice = VOICES.index(name)
        shares = self._shares[slot]
        member = sum(share * self._suits.members[i, voice] for i, share in shares)
        for place, suit in enumerate(member):
            cost = self._cost(member.max() - suit)
            yield f"preferred_member({name},{slot},{self._names.members[place]},{cost})."
        height = sum(share * self._suits.heights[voice][i] for i, share in shares)
        tonic, mode = self._key(slot)
        classes = {c for n in numerals for c in self._spelled.get((tonic, mode, n), ())}
        suits = {}
        for klass in sorted(classes):
            for octave in _OCTAVES:
                pitch = pitches.OCTAVE * octave + klass
                place = pitches.midi(pitch) + self._seen.shift - codes.LOWEST[voice]
                if 0 <= place < codes.HEIGHTS[voice]:
                    suits[pitch] = height[place]
        best = max(suits.values(), default=0.0)
        for pitch, suit in suits.items():
            yield f"preferred_pitch({name},{slot},{pitch},{self._cost(best - suit)})."

    def _intervals(self) -> Iterator[str]:
        for voice, steps in zip(VOICES, self._suits.steps, strict=True):
            groups = len(steps) // 2
            for span in range(1, _WIDEST + 1):
                for direction in (-1, 0, 1) if span == 1 else (-1, 1):
                    # An augmented unison counts as the second that it sounds like.
                    group = max(span - 1, abs(direction))
                    place = group if direction <= 0 else group + groups
                    cost = self._cost(steps.max() - steps[place])
                    yield f"preferred_interval({voice},{direction},{span},{cost})."

    def _chords(self, slot: int) -> Suit:
        shares = self._shares[slot]
        held = max(0.0, sum(share for _, share in shares) - 1)
        out: Suit = sum(share * self._suits.chords[i] for i, share in shares)
        return out + held * np.diag(self._suits.follows)

    def _code(self, slot: int, numeral: str) -> int | None:
        found = self._names.chords.get((*self._key(slot), numeral))
        if found is None:
            return None
        return (found[0] + self._seen.shift) % 12 * len(self._names.qualities) + found[1]

    def _codes(self, slot: int, numerals: Sequence[str]) -> NDArray[np.int64]:
        """Return the chords' numbers; -1 for one that there is not."""
        codes = (self._code(slot, numeral) for numeral in numerals)
        return np.array([-1 if code is None else code for code in codes], np.int64)

    def _key(self, slot: int) -> tuple[int, str]:
        key = self._keys[slot]
        return key.tonic, key.mode

    def _overlaps(self) -> Iterator[tuple[int, list[tuple[int, float]]]]:
        """Yield for each slot the columns that it lies in, and how much of each it takes."""
        times, end = self._seen.times, self._plan.score.end
        ends = [*times[1:], end]
        slots = self._plan.slots
        for slot, until in zip(slots, [*slots[1:], end], strict=True):
            shares = []
            for column in range(bisect_right(ends, slot), bisect_left(times, until)):
                begin, stop = times[column], ends[column]
                common = min(until, stop) - max(slot, begin)
                shares.append((column, float(Fraction(common) / (stop - begin))))
            # What a pick-up has before the first column is judged by that column.
            yield self._clock.ticks(slot), shares or [(0, 1.0)]

    def _cost(self, nats: float) -> int:
        return min(MOST, round(_NATS * self._weight * float(nats)))
