"""The cheapest reading of a piece through the prices of `cspcomposer.analyse_tables`.

Exact dynamic programming over (key, numeral) at every onset. Knows no music theory.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from cspcomposer import pitch as pitches
from cspcomposer import solver
from cspcomposer.analyse_tables import CLASSES, FAR, WEIGHED, Costs, Prices, Tables, programs
from cspcomposer.facts import Clock, Outline, clock, facts, grid, phrases
from cspcomposer.score import Score, note_at

State = tuple[int, int]


def cheapest(
    outline: Outline, tables: Tables, only: tuple[int, str] | None
) -> tuple[tuple[Fraction, ...], list[State], list[int]]:
    """Return the onsets of a piece, key and numeral by number at each, and its accent.

    Args:
        outline: The piece, all of it given.
        tables: What everything costs.
        only: The one key to be heard, None for any.
    """
    score, times = outline.score, grid(outline)
    local, accents = _local(outline, times, tables)
    rests = [(end, last) for _, end, last in phrases(score, times)]
    signatures = [_signature(score, t) for t in times]
    for i, (time, sharps) in enumerate(zip(times, signatures, strict=True)):
        local[i] += tables.remote[sharps][:, None]
        if any(begin <= time <= end for begin, end in rests):
            local[i] += tables.closing
    local[-1] += tables.ending
    for i in (0, -1):
        local[i] += tables.home[signatures[i]][:, None]
    if only:
        local[:, [i for i, key in enumerate(tables.keys) if key != only]] += FAR
    breaths = {end for _, end in rests}
    changes = [tables.change[accent] for accent in accents]
    starts = [0 if before in breaths else tables.abrupt for before in times[:-1]]
    whole = np.minimum(local, FAR).astype(np.int16)
    return times, _path(whole, changes, [0, *starts], tables), accents


def _path(local: Costs, changes: list[int], starts: list[int], tables: Tables) -> list[State]:
    """Return the cheapest path, given what each state [T, K, N] costs by itself."""
    cost = local[0] + tables.enters
    before: list[Costs] = []
    for i in range(1, len(local)):
        cost = np.minimum(cost - cost.min(), FAR)
        before.append(cost)
        moved = (_heard(cost, tables)[:, :, None] + tables.progress).min(1)
        fresh = _anywhere(cost, tables).min(0) + (starts[i] + tables.anew)
        entered = np.minimum(moved, fresh[:, None]) + tables.enters + changes[i]
        cost = np.minimum(cost, entered) + local[i]
    path = [divmod(int(cost.argmin()), cost.shape[1])]
    for i in range(len(local) - 1, 0, -1):
        path.append(_came_from(before[i - 1], path[-1], changes[i], starts[i], tables))
    return path[::-1]


def _heard(cost: Costs, tables: Tables) -> Costs:
    """Return what it costs to have heard the chord before, in its key or turned into another's."""
    source, targets, groups, price = tables.pivots
    out = cost.ravel().copy()
    turned = np.minimum.reduceat(out[source] + price, groups)
    out[targets] = np.minimum(out[targets], turned)
    return out.reshape(cost.shape)


def _anywhere(cost: Costs, tables: Tables) -> Costs:
    """Return [from, to] what it costs to leave any chord of one key for another."""
    out: Costs = cost.min(1)[:, None] + tables.modulation
    return out


def _came_from(cost: Costs, state: State, change: int, start: int, tables: Tables) -> State:
    """Return the state before, as the step forward found it."""
    key, numeral = state
    heard = _heard(cost, tables)
    moved = heard[key] + tables.progress[key, :, numeral]
    anywhere = _anywhere(cost, tables)[:, key]
    enters = int(tables.enters[state]) + change
    options = (
        int(cost[state]), int(moved.min()) + enters,
        int(anywhere.min()) + start + tables.anew + enters,
    )  # fmt: skip
    best = options.index(min(options))
    if best == 0:
        return state
    if best == 2:
        key = int(anywhere.argmin())
        return key, int(cost[key].argmin())
    last = int(moved.argmin())
    if heard[key, last] == cost[key, last]:
        return key, last
    source, targets, groups, price = tables.pivots
    group = int(np.searchsorted(targets, key * cost.shape[1] + last))
    inside = slice(groups[group], groups[group + 1] if group + 1 < len(groups) else None)
    turned = cost.ravel()[source[inside]] + price[inside]
    place = int(source[inside][turned.argmin()])
    return place // cost.shape[1], place % cost.shape[1]


def _local(
    outline: Outline, times: tuple[Fraction, ...], tables: Tables
) -> tuple[Prices, list[int]]:
    """Return what each chord costs at each onset [T, K, N], and the accents."""
    score, ticking = outline.score, clock(outline)
    weights, lengths, accents = _weighed(outline, ticking)
    seen = np.zeros((len(times), 3 * CLASSES), np.float32)
    foreign, silent, bass = seen.reshape(len(times), 3, CLASSES).swapaxes(0, 1)
    for i, time in enumerate(times):
        tick = ticking.ticks(time)
        silent[i] = lengths[tick] / 10
        sounding = [(v.name, note_at(v, time)) for v in score.voices]
        for voice, note in sounding:
            if note:
                klass = pitches.class_of(note.pitch)
                foreign[i, klass] += weights[voice, tick]
                silent[i, klass] = 0
        low = next((n for _, n in reversed(sounding) if n), None)
        if low:
            bass[i, pitches.class_of(low.pitch)] = lengths[tick] / 10
    local: Prices = seen @ tables.fits
    local += foreign.sum(1)[:, None]
    return (
        local.reshape(len(times), *tables.shape),
        [accents.get(ticking.ticks(time), 0) for time in times],
    )


def _weighed(
    outline: Outline, ticking: Clock
) -> tuple[dict[tuple[str, int], int], dict[int, int], dict[int, int]]:
    sources = [*programs()[1], solver.Source("score", facts(outline))]
    weights: dict[tuple[str, int], int] = {}
    lengths: dict[int, int] = {}
    accents: dict[int, int] = {}
    for atom in solver.consequences(sources, show=WEIGHED)[0]:
        if atom.name == "weight":
            voice, tick, weight = atom.arguments
            weights[voice.name, tick] = weight
        else:
            (lengths if atom.name == "length" else accents)[atom.arguments[0]] = atom.arguments[1]
    return weights, lengths, accents


def _signature(score: Score, time: Fraction) -> int:
    sharps = [s.fifths for s in score.signatures if s.onset <= time]
    return max(-7, min(7, sharps[-1] if sharps else score.signatures[0].fifths))
