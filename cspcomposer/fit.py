"""The weights of a style's soft rules, learnt from music: what makes the masters' choices likely.

A sample of beats is compared with what the rules would have allowed there (`fit_choices`); the
weights follow (`fit_logit`) and become a style file (`fit_style`). Knows no rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from cspcomposer import fit_choices, fit_logit, rulebook
from cspcomposer.analyse import analysed_all
from cspcomposer.errors import BadInput, CSPComposerError, Fault
from cspcomposer.fit_choices import Choice, Counts
from cspcomposer.solver import shared
from cspcomposer.spread import spread
from cspcomposer.study import named, opened, short

# How many beats are tried, from how many pieces at most; each fifth piece is held out.
BEATS, PIECES, FOLDS = 400, 100, 5
# A rule is fitted where alternatives differ in it at so many beats, and at this share of all.
FEWEST, SHARE = 5, 0.05
_TOGETHER = 4
# A strong fault goes before any number of mild ones.
_FIRST = 10**6
Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class Weight:
    """What came out for one rule.

    Attributes:
        rule: The rule's id.
        severity: "strong" or "mild".
        before: Its weight in the style, in tenths of a nat.
        cost: Its weight now; the same if it is not fitted.
        fitted: Whether there were beats enough to tell.
        here: How often in 100 beats it is broken, where it could be kept.
        elsewhere: How often the alternatives break it, on average.
    """

    rule: str
    severity: str
    before: int
    cost: int
    fitted: bool
    here: float
    elsewhere: float


@dataclass(frozen=True)
class Merit:
    """How well weights tell what was written from what was not.

    Attributes:
        place: The mean place of what was written, the cheapest first; ties share theirs.
        first: How often it is the first.
        five: How often it is among five.
        nats: The mean of -ln of its chance, strong rules taken at the dearest weight.
    """

    place: float
    first: float
    five: float
    nats: float


@dataclass(frozen=True)
class Fit:
    """What a fit found.

    Attributes:
        sources: What was asked for.
        style: The style whose rules were weighed.
        pieces: How many pieces were looked at.
        tried: How many beats of them.
        beats: At how many what was written is among what may be; these taught the weights.
        weights: In the order of the rules' names.
        held_out: Whether what follows was measured on pieces that taught nothing.
        measured: On how many beats.
        alternatives: How many alternatives there are, in the median.
        before: The worth of the style's own weights.
        after: The worth of the fitted ones.
        failures: Pieces that could not be read, with the reason.
    """

    sources: tuple[str, ...]
    style: str
    pieces: int
    tried: int
    beats: int
    weights: tuple[Weight, ...]
    held_out: bool
    measured: int
    alternatives: int
    before: Merit
    after: Merit
    failures: tuple[tuple[str, str], ...]

    @property
    def rules(self) -> frozenset[str]:
        """The rules that were looked at."""
        return frozenset(w.rule for w in self.weights)


@dataclass(frozen=True)
class _Piece:
    name: str
    choices: tuple[Choice | None, ...]
    failure: str = ""


def fit(
    sources: Sequence[str | Path],
    *,
    style: str = "chorale",
    beats: int = BEATS,
    seed: int = 0,
    jobs: int = 2,
    console: Console | None = None,
) -> Fit:
    """Return weights of a style's soft rules that make what stands in some music likely.

    Args:
        sources: "bach" (the chorales of music21's corpus), score files, folders of score files.
        style: Name of a style.
        beats: How many beats to look at, over all pieces.
        seed: Picks pieces, beats and alternatives.
        jobs: How many processes list alternatives at a time.
        console: Where a progress bar is drawn, if it is a terminal.

    Raises:
        BadInput: a source that is not there, or none with a beat that can be used.
        BadRules: there is no such style.
    """
    names = named(sources)
    words = fit_choices.soft_rules(style)
    if not words:
        raise BadInput(Fault(f"style {style} has no strong or mild rule that could be weighed."))
    chance = np.random.default_rng(seed)
    picked = sorted(chance.permutation(len(names))[:PIECES])
    items = [(names[i], (seed, i)) for i in picked]
    work = partial(_listed, style=style, rules=tuple(words), beats=-(-beats // len(items)))
    pieces = spread(
        work, items, label="Listing alternatives", jobs=jobs, console=console, together=_TOGETHER
    )
    good = [p for p in pieces if any(p.choices)]
    if not good:
        faults = [Fault(f"{p.name}: {p.failure}") for p in pieces if p.failure]
        raise BadInput(*(faults or [Fault("at no beat did the hard rules allow what is written.")]))
    held = good[FOLDS - 1 :: FOLDS]
    taught = [c for i, p in enumerate(good, 1) if i % FOLDS for c in p.choices if c]
    asked = [c for p in held for c in p.choices if c] or taught
    weights = rulebook.weights(style)
    before = np.array([weights[rule] for rule in words])
    after, informed = _weighed(taught, before)
    strong = np.array([word == "strong" for word in words.values()])
    return Fit(
        tuple(map(str, sources)), style, len(good), sum(len(p.choices) for p in pieces),
        len(taught), tuple(_told(words, before, after, informed, taught)), bool(held), len(asked),
        round(float(np.median([c.many.sum() for c in asked]))),
        _merit(asked, before, strong), _merit(asked, after, strong),
        tuple((p.name, p.failure) for p in pieces if p.failure),
    )  # fmt: skip


def _listed(
    items: Sequence[tuple[str, tuple[int, int]]], *, style: str, rules: Sequence[str], beats: int
) -> list[_Piece]:
    out = []
    for name, seed in items:
        try:
            score = opened(name)
            if not any(v.notes for v in score.voices):
                raise BadInput("there are no notes in it.")
            found = fit_choices.choices(
                shared(), analysed_all([score])[0], beats=beats, rules=rules, style=style,
                chance=np.random.default_rng(seed),
            )  # fmt: skip
            out.append(_Piece(short(name), tuple(found)))
        except CSPComposerError as error:
            out.append(_Piece(short(name), (), str(error)))
    return out


def _weighed(choices: Sequence[Choice], before: Counts) -> tuple[Counts, Marks]:
    """Return the weight of each rule, and whether it was fitted."""
    differing = np.sum([c.counts.max(axis=0) > 0 for c in choices], axis=0)
    informed = differing >= max(FEWEST, SHARE * len(choices))
    nats = fit_logit.fitted(choices, fixed=np.where(informed, np.nan, before / 10))
    return np.where(informed, np.round(10 * nats).astype(int), before), informed


def _told(
    words: dict[str, str],
    before: Counts,
    after: Counts,
    informed: Marks,
    choices: Sequence[Choice],
) -> list[Weight]:
    here = 100 * np.mean([c.counts[c.own] for c in choices], axis=0)
    elsewhere = 100 * np.mean([c.many @ c.counts / c.many.sum() for c in choices], axis=0)
    return [
        Weight(rule, word, int(before[i]), int(after[i]), bool(informed[i]),
               float(here[i]), float(elsewhere[i]))
        for i, (rule, word) in enumerate(words.items())
    ]  # fmt: skip


def _merit(choices: Sequence[Choice], costs: Counts, strong: Marks) -> Merit:
    places = np.array([fit_logit.place(c, np.where(strong, _FIRST, costs)) for c in choices])
    dear = np.where(strong, 10 * fit_logit.DEAREST, costs) / 10
    return Merit(
        float(places.mean()), float((places <= 1).mean()), float((places <= 5).mean()),
        float(np.mean([fit_logit.surprise(c, dear) for c in choices])),
    )  # fmt: skip
