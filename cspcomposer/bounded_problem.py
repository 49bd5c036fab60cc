"""What is to be composed, as tables and sweeps are told it; and what they found, told to clingo.

Knows no rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cspcomposer import candidates, facts, rulebook, solver
from cspcomposer.bounds_three import Bounds
from cspcomposer.candidates import Options, Taste
from cspcomposer.facts import Outline
from cspcomposer.facts_window import ORIGIN, Moments, parsed
from cspcomposer.lattice import NEVER, Lattice, Tariff
from cspcomposer.rulebook_slice import sliced
from cspcomposer.solver import Source
from cspcomposer.tables import Fault

# What a strong fault costs beside mild ones.
STRONG = 1_000_000
_SINGS = {"singable": 3}


@dataclass(frozen=True)
class Problem:
    """What is to be composed, and what it costs.

    Attributes:
        plan: The outline.
        given: It as facts.
        options: The chords there are.
        taste: What a prior and chance charge for them.
        charged: Facts of the prior and of chance that charge for notes.
        program: Returns the texts of a task: what is chosen, and the policy.
        rules: The texts by which settings are chosen.
        bounding: Those by which they are bounded.
        severities: By rule.
        weights: By mild rule, if it is not 10.
    """

    plan: Outline
    given: str
    options: Options
    taste: Taste
    charged: str
    program: Callable[..., list[Source]]
    rules: Sequence[Source]
    bounding: Sequence[Source]
    severities: Mapping[str, str]
    weights: Mapping[str, int]


class Settings:
    """The settings that are near the best, as facts.

    Attributes:
        found: The bounds.
    """

    def __init__(
        self,
        problem: Problem,
        moments: Moments,
        lattice: Lattice,
        found: Bounds,
        pitches: Mapping[str, Sequence[int]],
    ) -> None:
        self._problem, self._moments, self._lattice = problem, moments, lattice
        self._pitches, self.found = pitches, found

    def sources(self, margin: int, *, spared: bool = True) -> list[Source]:
        """Return the piece, and the settings within a margin of the least cost.

        Args:
            margin: By how much settings may be dearer.
            spared: Whether all together may be no dearer either, rules that tables do not look at
                included.
        """
        offered: list[set[int]] = [set() for _ in self._moments.slots]
        lines = []
        for number, near in enumerate(self.found.near(margin)):
            slot = self._moments.slots[number]
            rows, columns = (places[near].tolist() for places in self.found.edges[number])
            offered[number].update(rows)
            offered[number + 1].update(columns)
            lines += [f"linked({slot},{i},{j})." for i, j in zip(rows, columns, strict=True)]
            if not number:
                begun = zip(rows, columns, self.found.beyond[0][near].tolist(), strict=True)
                lines += [f"begun({i},{j},{dearer})." for i, j, dearer in begun if dearer]
        kept: dict[int, dict[str, int]] = {}
        for number, places in enumerate(offered):
            slot = self._moments.slots[number]
            names = kept.setdefault(slot, {})
            for place in sorted(places):
                chord, notes = self._setting(number, place)
                names[chord] = 0
                lines.append(f'offered({slot},{place},"{chord}").')
                lines += [f"offered_pitch({slot},{place},{v},{p})." for v, p in notes]
        for number, i, j, k, dearer in self.found.rising(margin):
            lines.append(f"rising({self._moments.slots[number]},{i},{j},{k},{dearer}).")
        lines += [f"told({rule},{time})." for rule, time in sorted(self._lattice.looked_at)]
        chords = candidates.stated(kept, self._problem.options, self._problem.taste)
        return [
            Source("given", self._problem.given),
            Source("prior", f"{self._problem.charged}\n{chords}"),
            Source("settings", "\n".join(lines)),
            *([rulebook.policy("spare"), Source("spare", f"spare({margin}).")] if spared else []),
        ]

    def _setting(self, number: int, place: int) -> tuple[str, list[tuple[str, int]]]:
        slot = self._lattice.slots[number]
        chord, *notes = slot.states[self.found.states[number][place]].tolist()
        sung = zip(slot.voices, notes, strict=True)
        return (
            self._moments.chords[self._moments.slots[number]][chord],
            [(voice, self._pitches[voice][note]) for voice, note in sung],
        )


def pitches_of(problem: Problem, moments: Moments) -> dict[str, list[int]]:
    """Return what each voice may sing anywhere, and what it is given."""
    texts = sliced(problem.program(["moment"], "enforce"), list(_SINGS.items()))
    seen: set[str] = set()
    out: dict[str, set[int]] = {voice: set() for voice in moments.voices}
    for number in range(len(moments.slots)):
        window = moments.window(number, 1)
        here = window.slots[0]
        key = [f for f in window.facts["key"].splitlines() if f.startswith(f"key({here},")]
        if key[0] in seen:
            continue
        seen.add(key[0])
        told = [*key, window.facts["voice"], window.facts.get("own_compass", ""), f"slot({here})."]
        told += [f'possible({here},"{chord}").' for chord in window.chords[here]]
        told += [f"free({voice},{here})." for voice in moments.voices]
        for atom in solver.consequences([*texts, Source("key", "\n".join(told))], show=_SINGS)[0]:
            out[str(atom.arguments[0])].add(atom.arguments[2])
    for (voice, _), pitch in moments.given.items():
        out[voice].add(pitch)
    return {voice: sorted(pitches) for voice, pitches in out.items()}


def tariff(problem: Problem, moments: Moments) -> Tariff:
    """Return the prices of faults and of what preferences charge for."""
    by_severity = {"hard": NEVER, "strong": STRONG}
    prices = {
        rule: by_severity.get(word, problem.weights.get(rule, 10) if word == "mild" else 0)
        for rule, word in problem.severities.items()
    }
    ticks = facts.clock(problem.plan).ticks
    excused = {(rule, ticks(moment)) for rule, moment, _ in problem.plan.excused}
    charged: dict[tuple[str, tuple[Any, ...]], int] = {}
    for name, arguments in parsed(problem.charged):
        charged[name, tuple(arguments[:-1])] = int(arguments[-1])
    for (slot, chord), cost in problem.taste.chords.items():
        charged["preferred_harmony", (slot, chord)] = cost
    for before, after in pairwise(moments.slots):
        rows, columns = moments.chords[before], moments.chords[after]
        costs = problem.taste.moves((before, after), rows, columns)
        if costs is not None:
            for row, several in zip(rows, costs.tolist(), strict=True):
                for column, cost in zip(columns, several, strict=True):
                    charged["preferred_move", (after, row, column)] = cost

    def fault(first: int, found: Fault) -> int:
        moment = moments.slots[first] + found.time - ORIGIN
        return 0 if (found.rule, moment) in excused else prices.get(found.rule, 0)

    return Tariff(fault, lambda name, said: charged.get((name, said), 0))
