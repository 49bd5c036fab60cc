"""From a setting to a piece: a melody over its chords, other lines, an accompaniment, players.

The setting stays: its chords, and its bass where the texture has one. Which rhythms, notes and
textures are right is for the rule files; this module puts one stage behind the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from cspcomposer import accompany, arrange_players, arrange_rhythm, texture
from cspcomposer.arrange_work import LINE_RULES, Work, label
from cspcomposer.errors import Fault, NoSolution, OutOfTime
from cspcomposer.facts import Outline
from cspcomposer.pitch import OCTAVE
from cspcomposer.rhythm import Rhythm
from cspcomposer.score import Note, Score, Voice, note_at
from cspcomposer.search import Effort
from cspcomposer.solver import Solver
from cspcomposer.specfile import LoadedSpec
from cspcomposer.surface import Decorated
from cspcomposer.tune import Tune, tune

CONFLICTS_A_NOTE, CONFLICTS_A_SLOT = 120, 150
# Of the rules of form a melody heeds these, if it can sing what was planned.
_CLIMAX_RULES = ("climax_missed", "climax_overshot", "climax_rivalled")
_FILL_RULES = ("voices", "harmony", "texture")

_Found = TypeVar("_Found")


def arranged(
    solver: Solver,
    setting: Score,
    plan: Outline,
    loaded: LoadedSpec,
    *,
    own: Iterable[Path] = (),
    seed: int = 0,
    effort: Effort | None = None,
    tell: Callable[[str], None] | None = None,
) -> Decorated:
    """Return a setting as a piece for players: with an invented melody in a texture.

    Args:
        solver: Where to search; what it has grounded is lost.
        setting: Chords with one note to each; its lowest voice is the bass.
        plan: The outline that it fills.
        loaded: The specification; it names a texture.
        own: Rule files of the user's own.
        seed: The same seed gives the same piece.
        effort: How long to search; of its seconds each stage takes a share.
        tell: Called with which line is being invented.

    Raises:
        NoSolution: no melody, or no accompaniment, obeys the rules; says which.
    """
    assert loaded.spec.texture, "an arrangement needs a texture"
    outline = replace(plan, score=setting)
    work = Work(
        solver, loaded, tuple(own), outline, texture.texture(loaded.spec.texture), seed, effort
    )
    tell = tell or (lambda _: None)
    bass = _bass(work)
    (lead,) = work.texture.voices("melody")
    tell("inventing the melody over the chords")
    found = _line(work, lead, [bass])
    lines, costs = {lead: found.line}, [found.cost]
    counters = sorted(work.texture.voices("counter"), key=lambda n: n not in work.texture.anchored)
    for name in counters:
        tell(f"inventing another line: {label(name)}")
        other = _line(work, name, list(lines.values()), bass, complete=name == counters[-1])
        lines[name] = other.line
        costs.append(other.cost)
    voices = dict(lines)
    for name in work.textures():
        form = texture.texture(name)
        fills = form.voices("fill")
        if not fills and not form.voices("bass"):
            continue
        tell("filling in the accompaniment")
        filling = _filled(replace(work, texture=form), found.line, fills, bass)
        costs.append(filling.cost)
        chosen = {**filling.pitches, bass.name: {n.onset: n.pitch for n in bass.notes}}
        for voice, notes in texture.played(name, outline, chosen, work.spec.style).items():
            mine = tuple(n for n in notes if work.texture_at(n.onset) == name)
            before = voices[voice].notes if voice in voices else ()
            voices[voice] = Voice(voice, voice, "bass", tuple(sorted((*before, *mine))))
    cost = tuple(sum(each[-2:][place] for each in costs) for place in range(2))
    return Decorated(arrange_players.score(work, voices), "feasible", cost)


def _bass(work: Work) -> Voice:
    """Return the setting's bass, a note to each slot, under the name that the texture gives it."""
    names = work.texture.voices("bass")
    low, high = work.texture.compass.get(names[0] if names else "", (0, 400))
    lowest = work.outline.score.voices[-1]
    notes = []
    stops = [*work.outline.slots[1:], work.outline.score.end]
    for slot, stop in zip(work.outline.slots, stops, strict=True):
        sounding = note_at(lowest, slot)
        if sounding:
            pitch = sounding.pitch
            while pitch > high and pitch - OCTAVE >= low:
                pitch -= OCTAVE
            while pitch < low and pitch + OCTAVE <= high:
                pitch += OCTAVE
            notes.append(Note(slot, stop - slot, pitch))
    return Voice(names[0] if names else "bass", "Bass", "bass", tuple(notes))


def _line(
    work: Work,
    name: str,
    others: Sequence[Voice],
    bass: Voice | None = None,
    *,
    complete: bool = False,
) -> Tune:
    """Return an invented line: its rhythm first, then its notes.

    Args:
        work: What all stages need.
        name: The line's.
        others: Those that are finished; for the first one the setting's bass.
        bass: The setting's bass, which a line may be anchored to.
        complete: Whether no other voice comes after it.
    """
    voice = Voice(name, label(name), "treble", ())
    if bass:
        names = [n for p in work.texture.players for staff in p.staves for n in staff]
        others = sorted([voice, *others], key=lambda v: names.index(v.name))
    moves = arrange_rhythm.invented(work, voice, others if bass else ())
    compass = texture.compass(work.texture, name, work.spec.instruments)
    wishes = ["complete"] if complete else []
    if bass is None:
        wishes += _wishes(work)
    anchors = bass.notes if bass and name in work.texture.anchored else ()
    climax = _CLIMAX_RULES if bass is None and _climbs(work, compass) else ()

    def sung(policy: str) -> Tune | None:
        rules = work.rules(["melody"], LINE_RULES, ("", "melody"), policy, single=climax)
        return tune(
            work.solver, rules, work.outline, voice, moves.notes, others,
            report=work.report(), wishes=wishes, places=_places(work, moves), anchors=anchors,
            ground=bass, compass=compass, seed=work.seed,
            effort=work.share(CONFLICTS_A_NOTE * len(moves.notes), 0.5),
        )  # fmt: skip

    if found := _kept(sung):
        return found
    raise NoSolution(
        Fault(
            f"there is no solution: no {label(name).lower()} obeys the rules over these chords.",
            work.loaded.path,
            hint="Allow other figures of rhythm, a wider compass, or another seed.",
        )
    )


def _climbs(work: Work, compass: tuple[int, int]) -> bool:
    """Return whether the melody is to be highest where, and as high as, the plan has it."""
    plan = work.outline.plan
    if plan is None or plan.climax is None or work.spec.contour is not None:
        return False
    return compass[0] <= plan.climax.pitch <= compass[1]


def _wishes(work: Work) -> list[str]:
    """Return what is wished of the melody's contour."""
    drawn = work.spec.contour
    out = [f"contour({drawn})"] if isinstance(drawn, str) else []
    if drawn and not isinstance(drawn, str):
        out += [f"own_point({round(x)},{round(height)})" for x, height in drawn]
    return out


def _places(work: Work, moves: Rhythm) -> list[int]:
    """Return for each note of a line its bar, or the bar that its own is made from."""
    models = dict(moves.kin)
    order: dict[int, int] = {}
    out = []
    for onset, _ in moves.notes:
        bar = next(m.number for m in reversed(work.outline.score.measures) if m.onset <= onset)
        bar = models.get(bar, bar)
        out.append(order.setdefault(bar, len(order)))
    return out


def _filled(work: Work, melody: Voice, fills: Sequence[str], bass: Voice) -> accompany.Filling:
    def played(policy: str) -> accompany.Filling | None:
        rules = work.rules(["accompaniment", "voices", "given"], _FILL_RULES, ("",), policy)
        return accompany.filled(
            work.solver, rules, work.outline, melody, fills, bass,
            compass=work.texture.compass, seed=work.seed,
            effort=work.share(CONFLICTS_A_SLOT * len(work.outline.slots), 0.2),
        )  # fmt: skip

    if found := _kept(played):
        return found
    raise NoSolution(
        Fault(
            "there is no solution: no accompaniment fits under this melody.",
            work.loaded.path, hint="Try another seed, or another texture.",
        )
    )  # fmt: skip


def _kept(searched: Callable[[str], _Found | None]) -> _Found | None:
    """Return what a search finds under a policy: hard rules are kept.

    Where that cannot be, or no way is found in time, they are broken as seldom as possible.
    """
    with contextlib.suppress(OutOfTime):
        if found := searched("enforce"):
            return found
    return searched("prefer")
