"""What a plan asks of the notes, as facts: functions, turns, ideas, the climax, what comes back."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

from cspcomposer.plan import Echo, Idea, Plan, Region

Ticks = Callable[[Fraction], int]
# How the melody's steps follow those of an earlier idea; other ways are for the surface.
_STEPS = {
    "repetition": 1, "ornament": 1, "rhythmic_variation": 1, "transposition": 1, "sequence": 1,
    "fragment": 1, "inversion": -1, "retrograde": -1, "augmentation": 1, "diminution": 1,
}  # fmt: skip
# What stands for as long as a region lasts.
_SCHEME = frozenset({"ground", "fourth", "fifth", "applied"})
_FACTORS = {"augmentation": Fraction(2), "diminution": Fraction(1, 2)}


def asked(
    plan: Plan,
    echoes: Sequence[Echo],
    slots: Sequence[Fraction],
    arrivals: Sequence[Fraction],
    free: Mapping[str, frozenset[Fraction]],
    early: Fraction,
    at: Ticks,
) -> Iterator[str]:
    """Yield what a plan asks of the chords, with one note to each, and of the melody.

    Args:
        plan: The plan.
        echoes: Which slots come back.
        slots: Where the harmony may change.
        arrivals: Where phrases come to rest.
        free: For each voice, the highest first, the slots at which its note is chosen.
        early: How long before their bar line phrases begin.
        at: Returns a time in ticks.
    """
    voices = list(free)
    again = {echo.time for echo in echoes if echo.what != "melody"}
    for echo in echoes:
        if echo.what != "melody":
            yield f"echo_harmony({at(echo.time)},{at(echo.of)})"
        for voice in () if echo.what == "harmony" else voices:
            if echo.time in free[voice] and (echo.what == "all" or voice == voices[0]):
                yield f"echo_pitch({voice},{at(echo.time)},{at(echo.of)},{echo.up})"
    for change in plan.modulations:
        begin = change.time - early if change.how == "direct" else change.time
        yield f"key_turns({at(_slot(slots, begin))},{change.how})"
    for phrase, tree in zip(plan.phrases, plan.harmony, strict=True):
        ends = [t for t in arrivals if phrase.begin <= t < phrase.end]
        leaves = list(tree.leaves())
        if phrase.cadence == "any":
            # Nothing is asked of its close: each of its regions begins where it stands.
            yield from _regions(leaves, slots, again, at)
            continue
        for leaf in leaves:
            begin = max([leaf.begin, *ends]) if leaf is leaves[-1] else leaf.begin
            slot = _slot(slots, begin)
            if leaf.function == "applied":
                # It leads on: what counts is the chord right before the next region.
                slot = slots[bisect_left(slots, leaf.end) - 1]
            if leaf is leaves[-1] and phrase.cadence in ("perfect", "imperfect"):
                before = slots[bisect_left(slots, slot) - 1]
                if before not in again and before >= phrase.begin:
                    yield f"wanted_function({at(before)},dominant)"
            if slot not in again:
                yield f"wanted_function({at(slot)},{leaf.function})"
    repeated = {echo.time for echo in echoes if echo.what != "harmony"}
    yield from _taken_up(plan, slots, repeated, early, arrivals, at)
    yield from _recalled(plan, slots, repeated, early, arrivals, at)


def surface(
    echoes: Sequence[Echo],
    slots: Sequence[Fraction],
    adornable: Mapping[str, frozenset[Fraction]],
    further: Sequence[Fraction],
    at: Ticks,
) -> Iterator[str]:
    """Yield where the surface of a setting comes back.

    What is struck between two slots does if both of them do, and what comes late if the slot before
    it does. Two neighbours may come from one place by different ways: half of a section from
    the one that it returns, the other half from one that this returns itself.
    """
    back = {e.time: e for e in echoes if e.what == "all" and e.surface}

    def origin(slot: Fraction) -> tuple[Fraction, int]:
        return (back[slot].of, back[slot].up) if slot in back else (slot, 0)

    for first, second in pairwise(slots):
        if first not in back or second not in back:
            continue
        one, two = origin(first), origin(second)
        shifts = {first - one[0]: one[1], second - two[0]: two[1]}
        for shift, up in shifts.items():
            before, after = origin(first - shift), origin(second - shift)
            if (before[0], before[1] + up) == one and (after[0], after[1] + up) == two:
                break
        else:
            continue
        middles = further[bisect_left(further, first) : bisect_left(further, second)]
        for voice in adornable:
            for time in [*middles, second]:
                yield f"echo_surface({voice},{at(time)},{at(time - shift)},{up})"


def climax(plan: Plan, times: Sequence[Fraction], at: Ticks) -> Iterator[str]:
    """Yield where the melody is highest, among some onsets."""
    top = plan.climax
    if top is None:
        return
    yield f"peak({top.pitch})"
    inside = [at(t) for t in times if top.begin <= t < top.end]
    yield from (f"in_climax({tick})" for tick in inside)
    if inside:
        yield f"climax_starts({inside[0]})"


def _slot(slots: Sequence[Fraction], time: Fraction) -> Fraction:
    """Return the first slot from a time on."""
    place = min(bisect_left(slots, time), len(slots) - 1)
    return slots[place]


def _before_the_close(
    slots: Sequence[Fraction], arrivals: Sequence[Fraction], begin: Fraction
) -> Fraction:
    """Return the slot two steps before the phrase that begins somewhere comes to rest."""
    arrival = next(t for t in arrivals if t >= begin)
    return slots[max(0, slots.index(_slot(slots, arrival)) - 2)]


def _regions(
    leaves: Sequence[Region], slots: Sequence[Fraction], again: set[Fraction], at: Ticks
) -> Iterator[str]:
    """Yield for each slot of a phrase that closes in no way of its own what function it has."""
    for leaf in leaves:
        for slot in slots[bisect_left(slots, leaf.begin) : bisect_left(slots, leaf.end)]:
            if slot not in again and (leaf.function in _SCHEME or slot == _slot(slots, leaf.begin)):
                yield f"wanted_function({at(slot)},{leaf.function})"


def _taken_up(
    plan: Plan, slots: Sequence[Fraction], repeated: set[Fraction], early: Fraction,
    arrivals: Sequence[Fraction], at: Ticks,
) -> Iterator[str]:  # fmt: skip
    """Yield which steps of the melody follow which earlier ones.

    Where a section says that it returns so, they are those of a return; the last two steps before
    a phrase comes to rest are left to its cadence.
    """
    ideas = {idea.name: idea for idea in plan.ideas}
    for idea in plan.ideas:
        if idea.how not in _STEPS or not idea.of:
            continue
        asked = any(idea.how in s.changes for s in plan.sections_at(idea.begin))
        name = "recalls" if asked else "takes_up"
        last = _before_the_close(slots, arrivals, idea.begin) if asked else idea.end
        for first, second, before, after in _answered(idea, ideas[idea.of], slots, early):
            if second not in repeated and second <= last:
                yield (
                    f"{name}({at(first)},{at(second)},{at(before)},{at(after)},{_STEPS[idea.how]})"
                )


def _answered(
    idea: Idea, model: Idea, slots: Sequence[Fraction], early: Fraction
) -> Iterator[tuple[Fraction, Fraction, Fraction, Fraction]]:
    """Yield the steps of an idea between slots, each with that of its model that it answers."""
    begin, start = max(idea.begin, early), max(model.begin, early)
    mine = [t for t in slots if begin <= t < idea.end]
    theirs = [t for t in slots if start <= t < model.end]
    if idea.how == "retrograde":
        for (first, second), (after, before) in zip(
            pairwise(mine), pairwise(reversed(theirs)), strict=False
        ):
            yield first, second, before, after
        return
    factor = _FACTORS.get(idea.how, Fraction(1))
    inside, known = set(mine), set(theirs)
    if factor > 1:
        for before, after in pairwise(theirs):
            first, second = (begin + factor * (t - start) for t in (before, after))
            if {first, second} <= inside:
                yield first, second, before, after
        return
    for first, second in pairwise(mine):
        before, after = (start + (t - begin) / factor for t in (first, second))
        if {before, after} <= known:
            yield first, second, before, after


def _recalled(
    plan: Plan, slots: Sequence[Fraction], repeated: set[Fraction], early: Fraction,
    arrivals: Sequence[Fraction], at: Ticks,
) -> Iterator[str]:  # fmt: skip
    """Yield which steps of the melody are those of a theme that comes back in the other mode.

    The last two before a phrase comes to rest are left to its cadence, which the other mode may
    ask for in another way.
    """
    known = set(slots)
    for phrase in plan.phrases:
        section = plan.section(phrase.section)
        if not section.like or not section.key or "melody" in section.changes:
            continue
        model = plan.section(section.like)
        if model.key is None or model.key.mode == section.key.mode:
            continue
        begin = max(section.begin, early)
        shift = begin - max(model.begin, early)
        end = section.end
        if "ending" in section.changes:
            end = begin + (section.end - begin) / 2
        last = _before_the_close(slots, arrivals, begin)
        for first, second in pairwise(t for t in slots if begin <= t < end):
            if second > last:
                break
            if {first - shift, second - shift} <= known and second not in repeated:
                yield (
                    f"recalls({at(first)},{at(second)},{at(first - shift)},{at(second - shift)},1)"
                )
