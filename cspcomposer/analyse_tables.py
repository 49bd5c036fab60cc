"""The prices of an analysis as matrices: which chord holds which notes, and what each step costs.

Everything is read from `asp_rules/analysis` and the theory, once in a process. Knows no music
theory: a chord is a column of pitch classes, a key a block of columns.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cspcomposer import rulebook, solver
from cspcomposer.rulebook_slice import sliced

Prices = NDArray[np.float32]
Costs = NDArray[np.int16]
Places = NDArray[np.intp]
Spelled = dict[tuple[int, str, str], dict[int, str]]

FAR = 12000  # Two of them still fit into 16 bits.
CLASSES = 41
_STATED = {
    "candidate": 3, "spelled": 5, "position": 2, "absence": 2, "standing": 2, "rarity": 3,
    "progression": 4, "closing": 3, "ending": 3, "change": 2, "modulation": 5, "abrupt": 1,
    "anew": 1, "refigured": 1, "remote": 4, "home": 4,
}  # fmt: skip
WEIGHED = {"weight": 3, "length": 2, "accent": 2}


@dataclass(frozen=True)
class Tables:
    """What a reading costs, whatever the piece. K keys, N places for numerals, 40 pitch classes.

    Attributes:
        keys: Tonic and mode of each key.
        numerals: Those of each mode, by name.
        classes: For each mode's numerals and each tonic the class of each member.
        shape: K, N.
        fits: [3 * class, K * N] what it saves to sound a class that belongs to the chord; what it
            costs for a quarter note not to hear a class; to have it in the bass.
        enters: [K, N] when the chord is new; very dear where there is no such numeral.
        closing: [K, N] at the end of a phrase; `ending` at the end of the piece.
        progress: [N, K, N] from one numeral in a key to the next.
        modulation: [K, K].
        pivots: Pairs of states with the same chord in two keys, in groups with one target: the
            states from, the targets, where each group begins, the prices.
        change: By accent; `refigured` are those at which a new inversion counts.
        remote: [K] by signature; `home` the same for the first and last chord.
    """

    keys: tuple[tuple[int, str], ...]
    numerals: dict[str, tuple[str, ...]]
    members: Spelled
    position: dict[str, int]
    shape: tuple[int, int]
    fits: Prices
    enters: Costs
    closing: Prices
    ending: Prices
    progress: Costs
    modulation: Costs
    pivots: tuple[Places, Places, Places, Costs]
    change: dict[int, int]
    remote: dict[int, Prices]
    home: dict[int, Prices]
    abrupt: int
    anew: int
    refigured: frozenset[int]


def spelled(keys: Collection[tuple[int, str]]) -> Spelled:
    """Return for the numerals of some keys (tonic, mode) the member on each pitch class."""
    theory = [solver.Source(str(p), rulebook.base_part(p)) for p in rulebook.theory()]
    given = "\n".join(f"key(0,{tonic},{mode})." for tonic, mode in sorted(keys))
    sources = [*sliced(theory, [("spelled", 5)]), solver.Source("given", given)]
    out: Spelled = {}
    for atom in solver.consequences(sources, show={"spelled": 5})[0]:
        tonic, mode, name, member, klass = atom.arguments
        out.setdefault((tonic, mode.name, name), {})[klass] = member.name
    return out


@cache
def programs() -> tuple[list[solver.Source], list[solver.Source]]:
    """Return the texts that state the tables, and those that weigh the notes of a piece."""
    home = rulebook.folder()
    paths = [*rulebook.theory(), *sorted((home / "analysis").glob("*.lp"))]
    sources = [solver.Source(str(p), rulebook.base_part(p)) for p in paths]
    both = [sliced(sources, list(names.items())) for names in (_STATED, WEIGHED)]
    return both[0], both[1]


@cache
def tables() -> Tables:
    """Return the prices."""
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _STATED}
    for atom in solver.consequences(programs()[0], show=_STATED)[0]:
        found[atom.name].append(
            tuple(a if isinstance(a, int | str) else a.name for a in atom.arguments)
        )
    keys = tuple(sorted((k, mode) for k, mode, _ in found["candidate"]))
    modes = sorted({mode for _, mode in keys})
    members: Spelled = {}
    for k, mode, name, member, klass in found["spelled"]:
        members.setdefault((k, mode, name), {})[klass] = member
    numerals = {m: tuple(sorted({n for mode, n, _ in found["rarity"] if mode == m})) for m in modes}
    width = max(map(len, numerals.values()))
    shape = (len(keys), width)
    index = {key: i for i, key in enumerate(keys)}
    place = {(m, n): i for m in modes for i, n in enumerate(numerals[m])}
    absence, standing = dict(found["absence"]), dict(found["standing"])
    fits = np.zeros((3 * CLASSES, *shape), np.float32)
    inside, absent, below = fits.reshape(3, CLASSES, *shape)
    for (k, mode, name), tones in members.items():
        if (mode, name) not in place:
            continue
        state = (index[k, mode], place[mode, name])
        for klass, member in tones.items():
            inside[(klass, *state)] = -1
            absent[(klass, *state)] = absence[member]
            below[(klass, *state)] = standing[member]

    def by_numeral(name: str, missing: int) -> Prices:
        out = np.full(shape, missing, np.float32)
        for mode, numeral, cost in found[name]:
            for i, key in enumerate(keys):
                if key[1] == mode and (mode, numeral) in place:
                    out[i, place[mode, numeral]] = cost
        return out

    progress = np.full((width, len(keys), width), FAR, np.int16)
    for mode, a, b, cost in found["progression"]:
        if (mode, a) not in place or (mode, b) not in place:
            continue
        for i, key in enumerate(keys):
            if key[1] == mode:
                at = (place[mode, a], i, place[mode, b])
                progress[at] = min(progress[at], cost)
    modulation = np.zeros((len(keys), len(keys)), np.int16)
    for k, m, k2, m2, cost in found["modulation"]:
        modulation[index[k, m], index[k2, m2]] = cost

    def by_signature(name: str) -> dict[int, Prices]:
        out: dict[int, Prices] = {}
        for sharps, k, mode, cost in found[name]:
            out.setdefault(sharps, np.zeros(len(keys), np.float32))[index[k, mode]] = cost
        return out

    enters = by_numeral("rarity", FAR).astype(np.int16)
    return Tables(
        keys=keys, numerals=numerals, members=members, position=dict(found["position"]),
        shape=shape, fits=fits.reshape(len(fits), -1),
        enters=enters,
        closing=by_numeral("closing", 0), ending=by_numeral("ending", 0), progress=progress,
        modulation=modulation, pivots=_pivots(members, index, place, modulation, width),
        change=dict(found["change"]), remote=by_signature("remote"), home=by_signature("home"),
        abrupt=found["abrupt"][0][0], anew=found["anew"][0][0],
        refigured=frozenset(accent for (accent,) in found["refigured"]),
    )  # fmt: skip


def _pivots(
    members: Spelled, index: dict[tuple[int, str], int],
    place: dict[tuple[str, str], int], modulation: Costs, width: int,
) -> tuple[Places, Places, Places, Costs]:  # fmt: skip
    """Return which states sound alike in two keys: from, to, where each "to" begins, price."""
    alike: dict[tuple[tuple[int, str], ...], list[tuple[int, int]]] = {}
    for (k, mode, name), tones in members.items():
        if (mode, name) not in place:
            continue
        state = (index[k, mode], place[mode, name])
        alike.setdefault(tuple(sorted(tones.items())), []).append(state)
    pairs = sorted(
        (b[0] * width + b[1], a[0] * width + a[1], int(modulation[a[0], b[0]]))
        for group in alike.values() for a in group for b in group if a[0] != b[0]
    )  # fmt: skip
    to, source, price = np.array(pairs).T
    targets, starts = np.unique(to, return_index=True)
    return source.astype(np.intp), targets.astype(np.intp), starts, price.astype(np.int16)
