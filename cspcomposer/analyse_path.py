"""The cheapest reading of a piece through the prices of `cspcomposer.analyse_tables`.

Exact dynamic programming over (key, numeral) at every onset. Knows no music theory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from cspcomposer import pitch as pitches
from cspcomposer import rulebook_pieces
from cspcomposer.analyse_tables import CLASSES, FAR, WEIGHED, Costs, Prices, Tables, programs
from cspcomposer.facts import Outline, clock, facts, grid, phrases
from cspcomposer.score import Score, notes_at

State = tuple[int, int]


@dataclass(frozen=True)
class Weighing:
    """How heavy the moments of a piece are.

    Attributes:
        weights: What it costs to hear a voice at a tick as foreign to the chord.
        lengths: Of each tick, until the next.
        accents: Of each onset, in order.
    """

    weights: dict[tuple[str, int], int]
    lengths: dict[int, int]
    accents: list[int]


def weighed(outlines: Sequence[Outline]) -> list[Weighing]:
    """Return how heavy the moments of pieces are."""
    out = []
    texts = list(map(facts, outlines))
    found = rulebook_pieces.consequences(programs()[1], texts, show=WEIGHED)
    for outline, atoms in zip(outlines, found, strict=True):
        said: dict[str, dict[Any, int]] = {name: {} for name in WEIGHED}
        for atom in atoms:
            *where, much = atom.arguments
            said[atom.name][(where[0].name, where[1]) if len(where) > 1 else where[0]] = much
        ticks = map(clock(outline).ticks, grid(outline))
        accents = [said["accent"].get(tick, 0) for tick in ticks]
        out.append(Weighing(said["weight"], said["length"], accents))
    return out


def cheapest(
    outline: Outline, weighing: Weighing, tables: Tables, only: tuple[int, str] | None
) -> tuple[tuple[Fraction, ...], list[State]]:
    """Return the onsets of a piece, and key and numeral by number at each.

    Args:
        outline: The piece, all of it given.
        weighing: Of this piece.
        tables: What everything costs.
        only: The one key to be heard, None for any.
    """
    score, times = outline.score, grid(outline)
    local = _local(outline, times, weighing, tables)
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
    changes = [tables.change[accent] for accent in weighing.accents]
    starts = [0 if before in breaths else tables.abrupt for before in times[:-1]]
    whole = np.minimum(local, FAR).astype(np.int16)
    return times, _path(whole, changes, [0, *starts], tables)


def _path(local: Costs, changes: list[int], starts: list[int], tables: Tables) -> list[State]:
    """Return the cheapest path, given what each state [T, K, N] costs by itself."""
    cost = local[0] + tables.enters
    before: list[tuple[Costs, Costs]] = []
    room = np.empty_like(tables.progress)
    for i in range(1, len(local)):
        cost = np.minimum(cost - cost.min(), FAR)
        heard = _heard(cost, tables)
        before.append((cost, heard))
        moved = np.add(heard.T[:, :, None], tables.progress, out=room).min(0)
        fresh = _anywhere(cost, tables).min(0) + (starts[i] + tables.anew)
        entered = np.minimum(moved, fresh[:, None]) + tables.enters + changes[i]
        cost = np.minimum(cost, entered) + local[i]
    path = [divmod(int(cost.argmin()), cost.shape[1])]
    for i in range(len(local) - 1, 0, -1):
        path.append(_came_from(*before[i - 1], path[-1], changes[i], starts[i], tables))
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


def _came_from(
    cost: Costs, heard: Costs, state: State, change: int, start: int, tables: Tables
) -> State:
    """Return the state before, as the step forward found it."""
    key, numeral = state
    moved = heard[key] + tables.progress[:, key, numeral]
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
    outline: Outline, times: tuple[Fraction, ...], weighing: Weighing, tables: Tables
) -> Prices:
    """Return what each chord costs at each onset [T, K, N]."""
    ticks = list(map(clock(outline).ticks, times))
    seen = np.zeros((len(times), 3 * CLASSES), np.float32)
    foreign, silent, bass = seen.reshape(len(times), 3, CLASSES).swapaxes(0, 1)
    lengths = np.array([weighing.lengths[tick] for tick in ticks], np.float32) / 10
    silent[:] = lengths[:, None]
    lowest = [0] * len(times)
    for voice in outline.score.voices:
        for i, note in enumerate(notes_at(voice, times)):
            if note:
                klass = pitches.class_of(note.pitch)
                foreign[i, klass] += weighing.weights[voice.name, ticks[i]]
                silent[i, klass] = 0
                lowest[i] = klass
    heard = [i for i, klass in enumerate(lowest) if klass]
    bass[heard, [lowest[i] for i in heard]] = lengths[heard]
    local: Prices = seen @ tables.fits
    local += foreign.sum(1)[:, None]
    return local.reshape(len(times), *tables.shape)


def _signature(score: Score, time: Fraction) -> int:
    sharps = [s.fifths for s in score.signatures if s.onset <= time]
    return max(-7, min(7, sharps[-1] if sharps else score.signatures[0].fifths))
