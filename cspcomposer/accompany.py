"""The accompaniment of a melody: for each chord the notes that fill it, chosen by the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from cspcomposer import ended, facts, facts_lines, priors
from cspcomposer.facts import Outline
from cspcomposer.score import Chord, Voice
from cspcomposer.search import Effort, search
from cspcomposer.solver import Solver, Source

SHOWN = {"pitch": 3}
# What a filling voice pays for moving by so many letters, up or down.
_STRIDES = {1: 0, 2: 1, 3: 3, 4: 6, 5: 10, 6: 15, 7: 22, 8: 22, 9: 40}


@dataclass(frozen=True)
class Filling:
    """The notes of an accompaniment, one for each voice and slot.

    Attributes:
        pitches: By voice and slot.
        cost: Strong faults, then mild ones and preferences.
    """

    pitches: Mapping[str, Mapping[Fraction, int]]
    cost: tuple[int, ...]


def filled(
    solver: Solver,
    rules: Sequence[Source],
    outline: Outline,
    melody: Voice,
    fills: Sequence[str],
    bass: Voice,
    *,
    compass: Mapping[str, tuple[int, int]],
    effort: Effort,
    seed: int = 0,
) -> Filling | None:
    """Return the best notes between a melody and a bass, or None where there are none.

    Args:
        solver: Where to search; what it has grounded is lost.
        rules: The program: theory, choice, rules, policy, the texture.
        outline: The setting, its chords known.
        melody: The finished melody.
        fills: The voices that fill, from the top.
        bass: The finished bass, a note to each slot.
        compass: From where to where each voice goes.
        seed: The same seed gives the same accompaniment.
        effort: How long to search.

    Raises:
        OutOfTime: none was found, and it is not known whether there is one.
    """
    voices = (melody, *(Voice(name, name, "bass", ()) for name in fills), bass)
    score = replace(outline.score, voices=voices)
    laid = replace(
        outline, score=score, free=dict.fromkeys(fills, frozenset(outline.slots)), numerals=(),
        figures=(), cadences=(), compass=dict(compass), further=(), excused=(),
    )  # fmt: skip
    ticking = facts.clock(laid)
    chords = list(zip(outline.slots, _in_force(score.chords, outline.slots), strict=True))
    considered = [f'considered({ticking.ticks(s)},"{c.numeral}").' for s, c in chords]
    taste = [
        f"preferred_interval({name},{way},{letters},{price})."
        for name in fills
        for letters, price in _STRIDES.items()
        for way in ((0,) if letters == 1 else (1, -1))
        if price
    ]
    echoes = [f"{echo}." for echo in facts_lines.echoes(laid)]
    noise = priors.Noise(seed, temperature=0.1)
    texts = [
        Source("given", facts.facts(laid)),
        Source("prior", "\n".join([*considered, *taste, *echoes])),
        Source("chance", "\n".join(
            noise.places(name, map(ticking.ticks, outline.slots)) for name in fills
        )),
    ]  # fmt: skip
    best, _ = ended.best(
        search(
            solver,
            [*rules, *texts],
            show=SHOWN,
            decisions=partial(facts.decisions, laid),
            effort=effort,
            seed=seed,
        ),
        "accompaniment",
    )
    if best is None:
        return None
    found: dict[str, dict[Fraction, int]] = {name: {} for name in fills}
    slots = set(outline.slots)
    for atom in best.atoms:
        name, time = str(atom.arguments[0]), ticking.time(atom.arguments[1])
        if name in found and time in slots:
            found[name][time] = atom.arguments[2]
    return Filling(found, best.cost)


def _in_force(chords: Sequence[Chord], slots: Sequence[Fraction]) -> list[Chord]:
    return [[c for c in chords if c.onset <= slot][-1] for slot in slots]
