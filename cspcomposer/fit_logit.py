"""Prices that make a master's choices likely: a conditional logit.

What breaks rule r a count of c_r times is chosen with a chance in proportion to exp(-sum b_r c_r),
the b_r being nats, never below 0: no fault earns anything (D. McFadden, "Conditional logit analysis
of qualitative choice behavior", 1974). Knows counts, and no music.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cspcomposer.fit_choices import Choice

Reals = NDArray[np.float64]
# In nats: the widest belief about a price before the music is seen, and the dearest price.
SPREAD, DEAREST = 2.0, 5.0
_STEPS, _TOLERANCE = 200, 1e-8


def fitted(
    choices: Sequence[Choice], *, fixed: Reals | None = None, spread: float = SPREAD
) -> Reals:
    """Return the price of each rule in nats, 0 to `DEAREST`.

    The sum of -ln of the chances of what was chosen, and a ridge towards 0, are minimised by
    Newton's method on the prices that are not held at an end of their range (D. Bertsekas,
    "Projected Newton methods", SIAM J. Control and Optimization 20, 1982).

    Args:
        choices: One at least.
        fixed: Prices that are known, NaN where they are not; shape (rules,). All are fitted if it
            is left out.
        spread: The standard deviation, in nats, of prices as the ridge expects them.

    Returns:
        Shape (rules,).
    """
    counts = np.concatenate([c.counts - c.counts[c.own] for c in choices]).astype(float)
    logs = np.log(np.concatenate([c.many for c in choices]))
    starts = np.cumsum([0, *(len(c.many) for c in choices[:-1])])
    sizes = [len(c.many) for c in choices]
    ridge = spread**-2

    def loss(prices: Reals) -> tuple[float, Reals]:
        """Return what is minimised, and each alternative's chance."""
        height = logs - counts @ prices
        top = np.repeat(np.maximum.reduceat(height, starts), sizes)
        mass = np.exp(height - top)
        total = np.repeat(np.add.reduceat(mass, starts), sizes)
        return float(
            (top + np.log(total))[starts].sum() + ridge * prices @ prices / 2
        ), mass / total

    unknown = np.isnan(fixed) if fixed is not None else np.ones(counts.shape[1], dtype=bool)
    prices = np.where(unknown, 0.0, fixed if fixed is not None else 0.0)
    value, chances = loss(prices)
    for _ in range(_STEPS):
        slope = ridge * prices - chances @ counts
        held = (prices <= 0) & (slope > 0) | (prices >= DEAREST) & (slope < 0)
        free = unknown & ~held
        if np.abs(slope[free]).max(initial=0.0) < _TOLERANCE * len(choices):
            break
        inside = counts[:, free]
        means = np.add.reduceat(inside * chances[:, None], starts, axis=0)
        bend = (inside * chances[:, None]).T @ inside - means.T @ means
        step = np.zeros_like(prices)
        step[free] = np.linalg.solve(bend + ridge * np.eye(len(bend)), slope[free])
        length = 1.0
        while length > _TOLERANCE:
            trial = np.where(unknown, np.clip(prices - length * step, 0.0, DEAREST), prices)
            lower, there = loss(trial)
            if lower < value:
                break
            length /= 2
        else:
            break
        prices, value, chances = trial, lower, there
    return prices


def place(choice: Choice, costs: NDArray[np.int64]) -> float:
    """Return the place of what was chosen among all, the cheapest first; ties share their mean.

    Args:
        choice: What could be chosen.
        costs: Of each rule, shape (rules,).
    """
    prices = choice.counts @ costs
    own = prices[choice.own]
    before, beside = choice.many[prices < own].sum(), choice.many[prices == own].sum()
    return 1 + float(before) + (float(beside) - 1) / 2


def surprise(choice: Choice, prices: Reals) -> float:
    """Return -ln of the chance of one alternative that breaks the rules as what was chosen does.

    Args:
        choice: What could be chosen.
        prices: Of each rule in nats, shape (rules,).
    """
    height = np.log(choice.many) - choice.counts @ prices
    top = height.max()
    total = top + np.log(np.exp(height - top).sum())
    return float(total + choice.counts[choice.own] @ prices)
