"""Keys and Roman numerals of a score that does not state them: the cheapest reading of the whole.

What is weighed, and how much, is said in `asp_rules/analysis`; here these prices become matrices
and the best path through them is found exactly. Knows no music theory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cspcomposer import pitch as pitches
from cspcomposer import rulebook, solver
from cspcomposer.errors import BadInput, Fault
from cspcomposer.facts import Clock, Outline, clock, facts, grid
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Chord, Key, Measure, Note, Score, note_at

Costs = NDArray[np.int32]
_FAR = 10**7
_CLASSES = 41
_TABLES = {
    "candidate": 3, "spelled": 5, "position": 2, "absence": 2, "standing": 2, "rarity": 3,
    "progression": 4, "closing": 3, "ending": 3, "change": 2, "modulation": 5, "abrupt": 1,
    "anew": 1, "remote": 4, "home": 4,
}  # fmt: skip
_WEIGHTS = {"weight": 3, "length": 2, "accent": 2}
_FIGURES = {3: ("", "6", "6/4"), 4: ("7", "6/5", "4/3", "4/2")}


@dataclass(frozen=True)
class _Tables:
    """What a reading costs, whatever the piece. K keys, N places for numerals, 40 pitch classes.

    Attributes:
        keys: Tonic and mode of each key.
        numerals: Those of each mode, by name.
        classes: For each mode's numerals and each tonic the class of each member.
        inside: [class, K, N] 1 where the class belongs to the chord.
        absent: [class, K, N] what it costs for a quarter that the class is not heard.
        below: [class, K, N] what it costs to have the class in the bass.
        rarity: [K, N]; very dear where there is no such numeral.
        closing: [K, N] at the end of a phrase; `ending` at the end of the piece.
        progress: [K, N, N] from one numeral to the next.
        modulation: [K, K].
        pivots: Two states with the same chord in different keys: from, to, price; sorted by to.
        change: By accent.
        remote: [K] by signature; `home` the same for the first and last chord.
    """

    keys: tuple[tuple[int, str], ...]
    numerals: dict[str, tuple[str, ...]]
    members: dict[tuple[int, str, str], dict[int, str]]
    position: dict[str, int]
    inside: Costs
    absent: Costs
    below: Costs
    rarity: Costs
    closing: Costs
    ending: Costs
    progress: Costs
    modulation: Costs
    pivots: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], Costs]
    change: dict[int, int]
    remote: dict[int, Costs]
    home: dict[int, Costs]
    abrupt: int
    anew: int


def analysed(
    score: Score, *, key: str | None = None, numerals: Sequence[tuple[Fraction, str, str]] = ()
) -> Score:
    """Return the score with keys and chords; those that it has already are kept.

    Args:
        score: Any score with at least one note.
        key: "G major", "e minor": only numerals of this key are looked for.
        numerals: Chords that are known, from a time on: time, key ("G major"), numeral.

    Raises:
        BadInput: no such key, or a numeral that the key does not have.
    """
    if numerals:
        return _stated(score, numerals)
    if score.chords and score.keys:
        return score
    if not any(v.notes for v in score.voices):
        return replace(score, keys=(parse_key(key or "C major"),))
    only = parse_key(key) if key else None
    tables = _tables()
    outline = Outline(replace(score, keys=(Key(Fraction(0), 3, "major"),), chords=()), ())
    times, path = _path(outline, tables, only)
    return _written(score, times, path, tables)


def parse_key(text: str) -> Key:
    """Return the key of that name, from the beginning on.

    Raises:
        BadInput: not such a name.

    >>> str(parse_key("f# minor"))
    'F# minor'
    """
    words = text.split()
    try:
        name, mode = words if len(words) == 2 else (text, "")
        if not mode:
            mode = "minor" if name[:1].islower() else "major"
        if mode.lower() not in ("major", "minor"):
            raise ValueError
        return Key(Fraction(0), pitches.parse_class(name[:1].upper() + name[1:]), mode.lower())
    except ValueError:
        hint = "Write such as 'G major' or 'F# minor'."
        raise BadInput(Fault(f"'{text}' is no key.", key="key", hint=hint)) from None


def figured(numeral: str, inversion: int) -> str:
    """Return a numeral with the figures of its inversion.

    >>> figured("V7/V", 1), figured("ii/o7", 1), figured("viio7", 0), figured("I", 2)
    ('V6/5/V', 'iiø6/5', 'viio7', 'I6/4')
    """
    head, of = numeral.replace("/o", "ø"), ""
    if "/" in head:
        head, of = head.split("/", 1)
        of = f"/{of}"
    seventh = head.endswith("7")
    figures = _FIGURES[4 if seventh else 3]
    return head.removesuffix("7") + figures[min(inversion, len(figures) - 1)] + of


@cache
def _programs() -> tuple[list[solver.Source], list[solver.Source]]:
    """Return the texts that state the tables, and those that weigh the notes of a piece."""
    home = rulebook.folder()
    paths = [*rulebook.theory(), *sorted((home / "analysis").glob("*.lp"))]
    sources = [solver.Source(str(p), rulebook.base_part(p)) for p in paths]
    both = [sliced(sources, list(names.items())) for names in (_TABLES, _WEIGHTS)]
    return both[0], both[1]


@cache
def _tables() -> _Tables:
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _TABLES}
    for atom in solver.consequences(_programs()[0], show=list(_TABLES))[0]:
        found[atom.name].append(
            tuple(a if isinstance(a, int | str) else a.name for a in atom.arguments)
        )
    keys = tuple(sorted((k, mode) for k, mode, _ in found["candidate"]))
    modes = sorted({mode for _, mode in keys})
    members: dict[tuple[int, str, str], dict[int, str]] = {}
    for k, mode, name, member, klass in found["spelled"]:
        members.setdefault((k, mode, name), {})[klass] = member
    numerals = {m: tuple(sorted({n for mode, n, _ in found["rarity"] if mode == m})) for m in modes}
    width = max(map(len, numerals.values()))
    shape = (len(keys), width)
    index = {key: i for i, key in enumerate(keys)}
    place = {(m, n): i for m in modes for i, n in enumerate(numerals[m])}
    absence, standing = dict(found["absence"]), dict(found["standing"])
    inside, absent, below = (np.zeros((_CLASSES, *shape), np.int32) for _ in range(3))
    for (k, mode, name), tones in members.items():
        if (mode, name) not in place:
            continue
        state = (index[k, mode], place[mode, name])
        for klass, member in tones.items():
            inside[(klass, *state)] = 1
            absent[(klass, *state)] = absence[member]
            below[(klass, *state)] = standing[member]

    def by_numeral(name: str, missing: int) -> Costs:
        out = np.full(shape, missing, np.int32)
        for mode, numeral, cost in found[name]:
            for i, key in enumerate(keys):
                if key[1] == mode and (mode, numeral) in place:
                    out[i, place[mode, numeral]] = cost
        return out

    progress = np.full((len(keys), width, width), _FAR, np.int32)
    for mode, a, b, cost in found["progression"]:
        if (mode, a) not in place or (mode, b) not in place:
            continue
        for i, key in enumerate(keys):
            if key[1] == mode:
                at = (i, place[mode, a], place[mode, b])
                progress[at] = min(progress[at], cost)
    modulation = np.zeros((len(keys), len(keys)), np.int32)
    for k, m, k2, m2, cost in found["modulation"]:
        modulation[index[k, m], index[k2, m2]] = cost

    def by_signature(name: str) -> dict[int, Costs]:
        out: dict[int, Costs] = {}
        for sharps, k, mode, cost in found[name]:
            out.setdefault(sharps, np.zeros(len(keys), np.int32))[index[k, mode]] = cost
        return out

    return _Tables(
        keys=keys, numerals=numerals, members=members, position=dict(found["position"]),
        inside=inside, absent=absent, below=below, rarity=by_numeral("rarity", _FAR),
        closing=by_numeral("closing", 0), ending=by_numeral("ending", 0), progress=progress,
        modulation=modulation, pivots=_pivots(members, index, place, modulation, width),
        change=dict(found["change"]), remote=by_signature("remote"), home=by_signature("home"),
        abrupt=found["abrupt"][0][0], anew=found["anew"][0][0],
    )  # fmt: skip


def _pivots(
    members: dict[tuple[int, str, str], dict[int, str]], index: dict[tuple[int, str], int],
    place: dict[tuple[str, str], int], modulation: Costs, width: int,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], Costs]:  # fmt: skip
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
    return source.astype(np.intp), targets.astype(np.intp), starts, price.astype(np.int32)


def _path(
    outline: Outline, tables: _Tables, only: Key | None
) -> tuple[tuple[Fraction, ...], list[tuple[int, int]]]:
    """Return the onsets of a piece, and key and numeral by number at each, at the least cost."""
    score, times = outline.score, grid(outline)
    local, accents = _emissions(outline, times, tables)
    breaths = _breaths(score, times)
    signatures = [_signature(score, t) for t in times]
    for i, sharps in enumerate(signatures):
        local[i] += tables.remote[sharps][:, None]
    last = times[-1]
    for i, t in enumerate(times):
        if any(begin <= t <= end for begin, end in breaths):
            local[i] += tables.closing
    local[-1] += tables.ending
    for i in (0, -1):
        local[i] += tables.home[signatures[i]][:, None]
    if only:
        away = [i for i, k in enumerate(tables.keys) if k != (only.tonic, only.mode)]
        local[:, away] += _FAR
    ends = {end for _, end in breaths if end != last}
    K, N = tables.rarity.shape
    source, targets, starts, price = tables.pivots
    row = np.arange(K * N, dtype=np.intp)
    back = np.zeros((len(times), K * N), np.intp)
    cost = local[0].ravel()
    keys = np.arange(K)
    for i in range(1, len(times)):
        # The chord before, heard in its own key or as a chord of another one.
        heard, origin = cost.copy(), row.copy()
        if not only:
            over = cost[source] + price
            lowest = np.minimum.reduceat(over, starts)
            better = lowest < heard[targets]
            for j in np.flatnonzero(better):
                stop = starts[j + 1] if j + 1 < len(starts) else len(over)
                origin[targets[j]] = source[starts[j] + over[starts[j] : stop].argmin()]
            heard[targets] = np.minimum(heard[targets], lowest)
        change = tables.change[accents[i]]
        table = heard.reshape(K, N, 1) + tables.progress
        best = table.argmin(1)
        moved = table.min(1) + change
        came = origin[(keys[:, None] * N + best).ravel()]
        # A fresh start in another key, or after a breath.
        low = cost.reshape(K, N)
        base = low.min(1)[:, None] + tables.modulation
        fresh = base.min(0)[:, None] + (0 if times[i - 1] in ends else tables.abrupt)
        fresh = np.broadcast_to(fresh + tables.anew + change, (K, N)).ravel()
        leader = base.argmin(0)
        fresh_from = np.repeat(leader * N + low.argmin(1)[leader], N)
        options = np.stack([cost, moved.ravel(), fresh])
        which = options.argmin(0)
        back[i] = np.choose(which, [row, came, fresh_from])
        cost = options.min(0) + local[i].ravel()
    state = int(cost.argmin())
    states = [state]
    for i in range(len(times) - 1, 0, -1):
        state = int(back[i, state])
        states.append(state)
    return times, [divmod(s, N) for s in reversed(states)]


def _emissions(
    outline: Outline, times: tuple[Fraction, ...], tables: _Tables
) -> tuple[Costs, list[int]]:
    """Return what each chord costs at each onset [T, K, N], and the accents."""
    score, ticking = outline.score, clock(outline)
    weights, lengths, accents = _weighed(outline, ticking)
    foreign, silent, bass = (np.zeros((len(times), _CLASSES), np.int32) for _ in range(3))
    tenths = np.zeros(len(times), np.int32)
    for i, time in enumerate(times):
        tick = ticking.ticks(time)
        silent[i] = tenths[i] = lengths[tick]
        sounding = [(v.name, note_at(v, time)) for v in score.voices]
        for voice, note in sounding:
            if note:
                klass = pitches.class_of(note.pitch)
                foreign[i, klass] += weights[voice, tick]
                silent[i, klass] = 0
        low = next((n for _, n in reversed(sounding) if n), None)
        if low:
            bass[i, pitches.class_of(low.pitch)] = lengths[tick]
    flat = (_CLASSES, -1)
    local = foreign.sum(1)[:, None] - foreign @ tables.inside.reshape(flat)
    local = local + (silent @ tables.absent.reshape(flat) + bass @ tables.below.reshape(flat)) // 10
    local = local + np.minimum(tables.rarity.ravel()[None] * tenths[:, None] // 10, _FAR)
    local = np.where(tables.rarity.ravel() >= _FAR, _FAR, local)
    return (
        local.reshape(len(times), *tables.rarity.shape).astype(np.int32),
        [accents.get(ticking.ticks(t), 0) for t in times],
    )


def _weighed(
    outline: Outline, ticking: Clock
) -> tuple[dict[tuple[str, int], int], dict[int, int], dict[int, int]]:
    sources = [*_programs()[1], solver.Source("score", facts(outline))]
    weights: dict[tuple[str, int], int] = {}
    lengths: dict[int, int] = {}
    accents: dict[int, int] = {}
    for atom in solver.consequences(sources, show=list(_WEIGHTS))[0]:
        if atom.name == "weight":
            voice, tick, weight = atom.arguments
            weights[voice.name, tick] = weight
        else:
            (lengths if atom.name == "length" else accents)[atom.arguments[0]] = atom.arguments[1]
    return weights, lengths, accents


def _breaths(score: Score, times: tuple[Fraction, ...]) -> list[tuple[Fraction, Fraction]]:
    """Return for each phrase the onset of its last melody note, and its last onset."""
    from cspcomposer.facts import phrases

    return [(end, last) for _, end, last in phrases(score, times)]


def _signature(score: Score, time: Fraction) -> int:
    sharps = [s.fifths for s in score.signatures if s.onset <= time]
    return max(-7, min(7, sharps[-1] if sharps else score.signatures[0].fifths))


def _written(
    score: Score, times: tuple[Fraction, ...], path: list[tuple[int, int]], tables: _Tables
) -> Score:
    """Return the score with the keys and chords of a path."""
    keys: list[Key] = []
    chords: list[Chord] = []
    bass = score.voices[-1]
    struck = {n.onset for n in bass.notes}
    before: tuple[int, int] | None = None
    for i, (time, state) in enumerate(zip(times, path, strict=True)):
        tonic, mode = tables.keys[state[0]]
        numeral = tables.numerals[mode][state[1]]
        tones = tables.members[tonic, mode, numeral]
        if not keys or (keys[-1].tonic, keys[-1].mode) != (tonic, mode):
            keys.append(Key(time if keys else Fraction(0), tonic, mode))
        inversion = _inversion(bass, time, tones, tables.position)
        if state != before:
            later = (
                _inversion(bass, t, tones, tables.position)
                for t, s in zip(times[i:], path[i:], strict=True) if s == state
            )  # fmt: skip
            found = (
                inversion if inversion is not None else next((x for x in later if x is not None), 0)
            )
        elif inversion is not None and time in struck and inversion != chords[-1].inversion:
            found = inversion
        else:
            continue
        chords.append(Chord(time, numeral, found, figured(numeral, found)))
        before = state
    return replace(score, keys=tuple(keys), chords=tuple(chords))


def _inversion(
    bass: Any, time: Fraction, tones: dict[int, str], position: dict[str, int]
) -> int | None:
    note: Note | None = note_at(bass, time)
    member = tones.get(pitches.class_of(note.pitch)) if note else None
    return position[member] if member else None


def _stated(score: Score, numerals: Sequence[tuple[Fraction, str, str]]) -> Score:
    tables = _tables()
    keys: list[Key] = []
    chords: list[Chord] = []
    for time, name, numeral in sorted(numerals):
        key = parse_key(name)
        tones = tables.members.get((key.tonic, key.mode, numeral))
        if tones is None:
            raise BadInput(Fault(f"{key} has no numeral {numeral}.", hint="`chords` lists them."))
        if not keys or (keys[-1].tonic, keys[-1].mode) != (key.tonic, key.mode):
            keys.append(replace(key, onset=time if keys else Fraction(0)))
        inversion = _inversion(score.voices[-1], time, tones, tables.position) or 0
        chords.append(Chord(time, numeral, inversion, figured(numeral, inversion)))
    return replace(score, keys=tuple(keys), chords=tuple(chords))


__all__ = ["Measure", "analysed", "figured", "parse_key"]
