"""In what two answers to one specification differ: counted on their scores, stated as facts.

What is compared is what was chosen: by notes, what each free voice sounds where the harmony may
change; by harmony, the numeral there; by rhythm, where each voice strikes a note.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from cspcomposer import rulebook
from cspcomposer.facts import Clock, Outline, clock, grid, phrases
from cspcomposer.metre import Metre
from cspcomposer.score import Score, note_at
from cspcomposer.solver import Source, Term
from cspcomposer.spec import By

# Less than all of it, so that a phrase with little room does not keep the others from differing.
SHARE = Fraction(3, 4)
Further = Callable[[Outline], Sequence[Source]]
Choices = Mapping[tuple[str, Fraction], int | str]


def nothing(_: Outline) -> Sequence[Source]:
    """Return no further texts: an answer that need not differ from any."""
    return ()


def apart(
    scores: Sequence[Score], plan: Outline, by: By, distance: int, *, spread: bool
) -> Further:
    """Return what keeps the next answer apart from earlier ones, whatever it is searched in.

    Args:
        scores: The earlier answers.
        plan: The outline that they fill.
        by: What differs.
        distance: In how many places at least.
        spread: Whether each phrase differs too, in most of its share at least.
    """
    policy = rulebook.policy("apart")
    stretches = [(Fraction(0), plan.score.end, distance)]
    stretches += _shares(plan, by, distance) if spread else []

    def further(outline: Outline) -> Sequence[Source]:
        ticking = clock(outline)
        lines = [
            f"apart({by},{ticking.ticks(begin)},{ticking.ticks(end)},{least})."
            for begin, end, least in stretches
        ]
        for number, score in enumerate(scores, 1):
            lines.append(f"earlier({number}).")
            lines += _facts(number, choices(score, plan, by), by, ticking)
        return policy, Source("earlier", "\n".join(lines))

    return further


def resumed(score: Score, plan: Outline) -> Further:
    """Return what lets a search begin with the notes and chords of a piece.

    Args:
        score: The piece.
        plan: The outline that it fills; only what is open there is said.
    """
    stood: list[tuple[Choices, By]] = [
        (choices(score, plan, by), by) for by in ("notes", "harmony")
    ]

    def further(outline: Outline) -> Sequence[Source]:
        ticking = clock(outline)
        lines = [line for chosen, by in stood for line in _facts(0, chosen, by, ticking)]
        return [_resumed(lines)]

    return further


def begun(chosen: Sequence[Term]) -> Source:
    """Return what lets a search begin with some choices, atoms of `harmony` and `pitch`."""
    return _resumed(f"was_{Term(atom.name, (0, *atom.arguments))}." for atom in chosen)


def _resumed(lines: Iterable[str]) -> Source:
    return Source("resumed", "\n".join(["resumed(0).", *lines]))


def _shares(plan: Outline, by: By, distance: int) -> list[tuple[Fraction, Fraction, int]]:
    """Return for each phrase where it begins and ends, and most of its share of a distance."""
    room = places(plan, by)
    inside = [
        (begin, last, sum(begin <= time <= last for time in room))
        for begin, _, last in phrases(plan.score, grid(plan))
    ]
    share = SHARE * distance / max(1, len(room))
    return [(begin, last, int(share * own)) for begin, last, own in inside if share * own >= 1]


def choices(score: Score, plan: Outline, by: By) -> Choices:
    """Return what an answer chose, by voice and time; chords belong to the voice "harmony"."""
    if by == "rhythm":
        return {(v.name, n.onset): 1 for v in score.voices for n in v.notes}
    if by == "harmony":
        starts = [chord.onset for chord in score.chords]
        at = {slot: bisect_right(starts, slot) - 1 for slot in plan.slots}
        return {("harmony", s): score.chords[i].numeral for s, i in at.items() if i >= 0}
    return {
        (voice.name, slot): note.pitch
        for voice in score.voices
        for slot in sorted(plan.free.get(voice.name, ()))
        if (note := note_at(voice, slot))
    }


def distance(one: Score, other: Score, plan: Outline, by: By) -> int:
    """Return in how many places two answers differ."""
    first, second = choices(one, plan, by), choices(other, plan, by)
    return sum(first.get(place) != second.get(place) for place in {*first, *second})


def places(plan: Outline, by: By) -> list[Fraction]:
    """Return when answers could differ: as often as voices, or the harmony, could then."""
    if by == "harmony":
        return sorted(set(plan.slots) - {slot for slot, _, _ in plan.numerals})
    free = [slots for slots in plan.free.values() if slots]
    notes = [slot for slots in free for slot in slots]
    if by == "notes":
        return notes
    # A note may come late, and one may be struck in the middle of each beat.
    return notes + len(free) * list(_beats(plan.score))


def _beats(score: Score) -> Iterator[Fraction]:
    for bar in score.measures:
        pulse = Metre(bar.beats, bar.unit).pulse
        yield from (bar.onset + beat * pulse for beat in range(int(bar.length / pulse)))


def _facts(number: int, chosen: Choices, by: By, ticking: Clock) -> Iterator[str]:
    for (voice, time), value in chosen.items():
        at = ticking.ticks(time)
        match by:
            case "notes":
                yield f"was_pitch({number},{voice},{at},{value})."
            case "harmony":
                yield f'was_harmony({number},{at},"{value}").'
            case "rhythm":
                yield f"was_attack({number},{voice},{at})."
