"""From a setting to a piece: a melody over its chords, other lines, an accompaniment, players.

The setting stays: its chords, and its bass where the texture has one. Which rhythms, notes and
textures are right is for the rule files; this module puts one stage behind the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

from cspcomposer import accompany, rulebook, solver, texture
from cspcomposer import pitch as pitches
from cspcomposer.candidates_cells import cells, figures
from cspcomposer.errors import BadSpec, Fault, NoSolution
from cspcomposer.facts import Outline
from cspcomposer.facts_lines import Bar
from cspcomposer.metre import Metre
from cspcomposer.plan import Plan
from cspcomposer.rhythm import Rhythm, rhythm
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import (
    Measure,
    Note,
    Part,
    Score,
    Symbol,
    Voice,
    note_at,
)
from cspcomposer.search import Effort
from cspcomposer.solver import Solver, Source
from cspcomposer.spec import Spec
from cspcomposer.specfile import LoadedSpec
from cspcomposer.surface import Decorated
from cspcomposer.texture import Player, Texture
from cspcomposer.tune import Tune, tune

MOST_NOTES = 8
CONFLICTS_A_BAR, CONFLICTS_A_NOTE, CONFLICTS_A_SLOT = 600, 120, 150
LEAST = 1.0
# A staff for the left hand is read in the treble clef from about this height on, in semitones.
LOW = 64
_LINE_RULES = ("melody", "tune", "dissonance", "voices", "harmony")
# Of the rules of form a melody knows these, if it can sing what was planned.
_CLIMAX_RULES = ("climax_missed", "climax_overshot", "climax_rivalled")
# Hard rules are kept; where that cannot be, they are broken as seldom as possible.
_POLICIES = ("enforce", "prefer")
_FILL_RULES = ("voices", "harmony", "texture")


@dataclass(frozen=True)
class _Work:
    """What all stages need."""

    solver: Solver
    loaded: LoadedSpec
    own: tuple[Path, ...]
    outline: Outline
    texture: Texture
    seed: int
    effort: Effort | None = None

    def share(self, conflicts: int, part: float) -> Effort:
        """Return the effort of one stage: so many conflicts, or its part of the seconds."""
        seconds = self.effort.seconds if self.effort else None
        return Effort(conflicts, None if seconds is None else max(LEAST, part * seconds))

    @property
    def spec(self) -> Spec:
        return self.loaded.spec


def know(loaded: LoadedSpec) -> None:
    """Refuse a texture, an instrument or a figure of rhythm that does not exist.

    Raises:
        BadSpec: there is none of that name.
    """
    spec, faults = loaded.spec, []
    known = sorted({f for _, f in figures().strokes})
    for place, name in enumerate(spec.rhythm.figures, 1):
        if name not in known:
            hint = rulebook.near(name, known)
            faults.append(loaded.fault(f"rhythm.figures.{place}", f"no figure '{name}'.", hint))
    if spec.texture is None:
        for field in ("instruments", "contour", "rhythm"):
            if field in spec.model_fields_set:
                said = f"{field} belongs to an invented melody, and there is no texture."
                faults.append(loaded.fault(field, said, "Add a texture, such as texture: song."))
    elif spec.texture not in texture.textures():
        hint = rulebook.near(spec.texture, texture.textures())
        faults.append(loaded.fault("texture", f"there is no texture '{spec.texture}'.", hint))
    else:
        for letter, section in spec.sections.items():
            if section.texture and section.texture not in texture.textures():
                hint = rulebook.near(section.texture, texture.textures())
                said = f"there is no texture '{section.texture}'."
                faults.append(loaded.fault(f"sections.{letter}.texture", said, hint))
        form = texture.texture(spec.texture)
        names = sorted({p.name for p in form.players} | set(form.roles))
        for part, name in spec.instruments.items():
            if part not in names:
                said = f"the texture {spec.texture} has no part or voice '{part}'."
                faults.append(loaded.fault(f"instruments.{part}", said, rulebook.near(part, names)))
            if name not in texture.instruments():
                hint = rulebook.near(name, sorted(texture.instruments()))
                said = f"there is no instrument '{name}'."
                faults.append(loaded.fault(f"instruments.{part}", said, hint))
    if faults:
        raise BadSpec(*faults)


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
    work = _Work(
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
        tell(f"inventing another line: {_label(name)}")
        other = _line(work, name, list(lines.values()), bass, complete=name == counters[-1])
        lines[name] = other.line
        costs.append(other.cost)
    voices = dict(lines)
    for name in _textures(work):
        form = texture.texture(name)
        fills = form.voices("fill")
        if not fills and not form.voices("bass"):
            continue
        tell("filling in the accompaniment")
        filling = _filled(replace(work, texture=form), found.line, fills, bass)
        costs.append(filling.cost)
        chosen = {**filling.pitches, bass.name: {n.onset: n.pitch for n in bass.notes}}
        for voice, notes in texture.played(name, outline, chosen, work.spec.style).items():
            mine = tuple(n for n in notes if _texture_at(work, n.onset) == name)
            before = voices[voice].notes if voice in voices else ()
            voices[voice] = Voice(voice, voice, "bass", tuple(sorted((*before, *mine))))
    cost = tuple(sum(each[-2:][place] for each in costs) for place in range(2))
    return Decorated(_score(work, voices), "feasible", cost)


def _textures(work: _Work) -> list[str]:
    """Return the textures of the piece, its own first."""
    own, plan = work.texture.name, work.outline.plan
    named = [s.texture for s in plan.sections if s.texture] if plan else []
    return list(dict.fromkeys([own, *named]))


def _texture_at(work: _Work, time: Fraction) -> str:
    plan = work.outline.plan
    return (plan.texture_at(time) if plan else "") or work.texture.name


def unjudged(name: str) -> dict[str, str]:
    """Return the rules that say nothing of a texture, switched off, for the last check."""
    home = rulebook.folder() / "choose" / "accompaniment.lp"
    texts = [
        Source(str(p), rulebook.base_part(p)) for p in (rulebook.folder() / "vocabulary.lp", home)
    ]
    kept = sliced([*texts, texture.source(name)], [("unjudged", 1)])
    atoms, _ = solver.consequences(kept, show={"unjudged": 1})
    return {str(a.arguments[0]): "off" for a in atoms}


def _bass(work: _Work) -> Voice:
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
            while pitch > high and pitch - 40 >= low:
                pitch -= 40
            while pitch < low and pitch + 40 <= high:
                pitch += 40
            notes.append(Note(slot, stop - slot, pitch))
    return Voice(names[0] if names else "bass", "Bass", "bass", tuple(notes))


def _line(
    work: _Work,
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
    voice = Voice(name, _label(name), "treble", ())
    if bass:
        names = [n for p in work.texture.players for staff in p.staves for n in staff]
        others = sorted([voice, *others], key=lambda v: names.index(v.name))
    moves = _rhythm(work, voice, others if bass else ())
    compass = texture.compass(work.texture, name, work.spec.instruments)
    wishes = ["complete"] if complete else []
    if bass is None:
        wishes += _wishes(work)
    anchors = bass.notes if bass and name in work.texture.anchored else ()
    stages = (*_LINE_RULES, *(_CLIMAX_RULES if bass is None and _climbs(work, compass) else ()))
    for policy in _POLICIES:
        rules = _rules(work, ["melody"], stages, ("", "melody"), policy)
        found = tune(
            work.solver, rules, work.outline, voice, moves.notes, others,
            report=_report(work), wishes=wishes, places=_places(work, moves), anchors=anchors,
            compass=compass, seed=work.seed,
            effort=work.share(CONFLICTS_A_NOTE * len(moves.notes), 0.5),
        )  # fmt: skip
        if found:
            return found
    raise NoSolution(
        Fault(
            f"there is no solution: no {_label(name).lower()} obeys the rules over these chords.",
            work.loaded.path,
            hint="Allow other figures of rhythm, a wider compass, or another seed.",
        )
    )


def _climbs(work: _Work, compass: tuple[int, int]) -> bool:
    """Return whether the melody is to be highest where, and as high as, the plan has it."""
    plan = work.outline.plan
    if plan is None or plan.climax is None or work.spec.contour is not None:
        return False
    return compass[0] <= plan.climax.pitch <= compass[1]


def _rhythm(work: _Work, voice: Voice, others: Sequence[Voice]) -> Rhythm:
    spec = work.spec
    allowed = set(spec.rhythm.figures) or _figures(spec.style)
    bars = []
    plan = work.outline.plan
    breathing = _breathing(work.outline.score)
    opening = work.outline.score.measures[0]
    early = opening.length if opening.number == 0 else Fraction(0)
    inside = _inside(work.outline.score)
    halved = [i for i in plan.ideas if i.how == "diminution"] if plan else []
    for measure in work.outline.score.measures:
        metre = Metre(measure.beats, measure.unit)
        quick = any(i.begin < measure.onset + measure.length and measure.onset < i.end
                    for i in halved)  # fmt: skip
        offered = cells(
            metre, measure.length, allowed=allowed | figures().quick if quick else allowed,
            most=MOST_NOTES, rests=int(measure.number in breathing),
            syncopations=spec.rhythm.syncopation, bound=measure.number in inside,
            upbeat=early or _upbeat(plan, measure),
        )  # fmt: skip
        bars.append(Bar(measure, offered))
    rules = sliced(
        [
            *_program(work, ["rhythm"], ("rhythm", "texture"), ("",)),
            texture.source(work.texture.name),
        ],
        [("takes", 3), ("moves_like", 2), ("violation", 3)],
    )
    wishes = [
        f"own_density({measure.number},{round(100 * density)})"
        for measure, density in _curve(spec.rhythm.density, work.outline.score.measures)
    ]
    found = rhythm(
        work.solver,
        rules,
        work.outline,
        voice,
        bars,
        others=others,
        wishes=wishes,
        seed=work.seed,
        effort=work.share(CONFLICTS_A_BAR * len(bars), 0.2),
    )
    if found is None:
        empty = [bar.measure.number for bar in bars if not bar.cells]
        where = f" in bar {empty[0]}" if empty else ""
        raise NoSolution(
            work.loaded.fault(
                "rhythm", f"there is no solution: no rhythm fits{where}.",
                "Allow more figures, such as plain and held.",
            )
        )  # fmt: skip
    return found


def _breathing(score: Score) -> set[int]:
    """Return the bars in which a phrase comes to rest before another one begins."""
    ends = [max(m.number for m in score.measures if m.onset <= end) for end in score.phrase_ends]
    return {number for number in ends if number < score.measures[-1].number}


def _upbeat(plan: Plan | None, measure: Measure) -> Fraction:
    """Return how much of a bar's end leads into the next phrase by plan."""
    return plan.upbeat_to(measure.onset + measure.length) if plan else Fraction(0)


def _inside(score: Score) -> set[int]:
    """Return the bars with which no phrase begins or arrives: a note may be held into them."""
    ends = {max(m.number for m in score.measures if m.onset <= end) for end in score.phrase_ends}
    return {
        m.number
        for m in score.measures
        if m.number > 1 and m.number - 1 not in ends and m.onset not in score.phrase_ends
    }


def _curve(density: Sequence[float], measures: Sequence[Measure]) -> list[tuple[Measure, float]]:
    """Spread some densities over the bars as a curve."""
    if not density:
        return []
    last = max(len(measures) - 1, 1)
    out = []
    for place, measure in enumerate(measures):
        where = place / last * (len(density) - 1)
        low = min(int(where), len(density) - 1)
        high = min(low + 1, len(density) - 1)
        out.append((measure, density[low] + (where - low) * (density[high] - density[low])))
    return out


def _figures(style: str) -> frozenset[str]:
    """Return the figures of rhythm that a style moves in."""
    path = rulebook.style_file(style)
    atoms, _ = solver.consequences(
        [Source(str(path), rulebook.base_part(path))], show={"moves_in": 1}
    )
    return frozenset(str(a.arguments[0]) for a in atoms) or figures().usual


def _wishes(work: _Work) -> list[str]:
    """Return what is wished of the melody's contour."""
    drawn = work.spec.contour
    out = [f"contour({drawn})"] if isinstance(drawn, str) else []
    if drawn and not isinstance(drawn, str):
        out += [f"own_point({round(x)},{round(height)})" for x, height in drawn]
    return out


def _places(work: _Work, moves: Rhythm) -> list[int]:
    """Return for each note of a line its bar, or the bar that its own is made from."""
    models = dict(moves.kin)
    order: dict[int, int] = {}
    out = []
    for onset, _ in moves.notes:
        bar = next(m.number for m in reversed(work.outline.score.measures) if m.onset <= onset)
        bar = models.get(bar, bar)
        out.append(order.setdefault(bar, len(order)))
    return out


def _filled(work: _Work, melody: Voice, fills: Sequence[str], bass: Voice) -> accompany.Filling:
    for policy in _POLICIES:
        rules = _rules(work, ["accompaniment", "voices", "given"], _FILL_RULES, ("",), policy)
        found = accompany.filled(
            work.solver, rules, work.outline, melody, fills, bass,
            compass=work.texture.compass, seed=work.seed,
            effort=work.share(CONFLICTS_A_SLOT * len(work.outline.slots), 0.2),
        )  # fmt: skip
        if found:
            return found
    raise NoSolution(
        Fault(
            "there is no solution: no accompaniment fits under this melody.",
            work.loaded.path, hint="Try another seed, or another texture.",
        )
    )  # fmt: skip


def _rules(
    work: _Work, choose: Sequence[str], stages: Sequence[str], likes: Sequence[str], policy: str
) -> list[Source]:
    texts = _program(work, choose, stages, likes, policy)
    return sliced([*texts, texture.source(work.texture.name)], [("pitch", 3), ("violation", 3)])


def _program(
    work: _Work,
    choose: Sequence[str],
    stages: Sequence[str],
    likes: Sequence[str],
    policy: str = "enforce",
) -> list[Source]:
    """Return theory, choices, policy, and the rules of some stages and of the user's own."""
    texts = rulebook.program(
        choose, policy, style=work.spec.style, overrides=dict(work.spec.rules),
        folders=work.own, priors=likes,
    )  # fmt: skip
    return [s for s in texts if _wanted(Path(s.name), stages)]


def _report(work: _Work) -> list[Source]:
    """Return what says which rules finished lines break by themselves."""
    texts = rulebook.program(
        ["given"], "report", style=work.spec.style, overrides=dict(work.spec.rules),
        folders=work.own,
    )  # fmt: skip
    return sliced([s for s in texts if _wanted(Path(s.name), _LINE_RULES)], [("violation", 3)])


def _wanted(path: Path, stages: Sequence[str]) -> bool:
    shipped = path.parent.parent == rulebook.folder() / "rules"
    return not shipped or path.parent.name in stages or path.stem in stages


def _score(work: _Work, voices: Mapping[str, Voice]) -> Score:
    score = work.outline.score
    parts = _numbered([_part(work, player, voices) for player in _players(work)])
    order = [name for part in parts for staff in part.staves for name in staff]
    found = [voices[name] for name in order if name in voices]
    return replace(
        score,
        voices=tuple(found),
        parts=parts,
        symbols=tuple(_symbols(work.outline, work.spec.style)) if work.texture.symbols else (),
    )


def _numbered(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Number the players of one instrument: Violin I, Violin II."""
    labels = [part.label for part in parts]
    return tuple(
        replace(part, label=f"{part.label} {'I' * (labels[:place].count(part.label) + 1)}")
        if labels.count(part.label) > 1
        else part
        for place, part in enumerate(parts)
    )


def _players(work: _Work) -> list[Player]:
    """Return the parts; a melody for which an instrument is named has one of its own."""
    out = []
    for player in _united(work):
        alone = [
            name
            for staff in player.staves
            for name in staff
            if name in work.spec.instruments and len(player.staves) > 1
        ]
        out += [Player(name, work.spec.instruments[name], ((name,),)) for name in alone]
        rest = tuple(tuple(n for n in staff if n not in alone) for staff in player.staves)
        out.append(replace(player, staves=tuple(staff for staff in rest if staff)))
    return out


def _united(work: _Work) -> list[Player]:
    """Return the players of all textures, each with all voices that it has in any of them."""
    out: dict[str, Player] = {}
    for name in _textures(work):
        for player in texture.texture(name).players:
            known = out.get(player.name, player)
            pairs = zip_longest(known.staves, player.staves, fillvalue=())
            low = set(work.texture.voices("bass"))
            staves = tuple(
                tuple(sorted(dict.fromkeys((*a, *b)), key=lambda v: v in low)) for a, b in pairs
            )
            out[player.name] = replace(known, staves=staves)
    return list(out.values())


def _part(work: _Work, player: Player, voices: Mapping[str, Voice]) -> Part:
    kind = texture.instrument(texture.assigned(player, work.spec.instruments))
    clefs = []
    for place, staff in enumerate(player.staves):
        heights = [pitches.midi(n.pitch) for v in staff if v in voices for n in voices[v].notes]
        middle = sum(heights) / max(1, len(heights))
        lower = place or (kind.staves > 1 and len(player.staves) == 1)
        clefs.append(("bass" if middle < LOW else "treble") if lower else kind.clef)
    return Part(kind.label, kind.program, player.staves, tuple(clefs), kind.written)


def _symbols(outline: Outline, style: str) -> list[Symbol]:
    """Return the names of the chords, where they change."""
    out: list[Symbol] = []
    for onset, root, quality, bass in texture.named(outline, style):
        if not out or (root, quality, bass) != (out[-1].root, out[-1].quality, out[-1].bass):
            out.append(Symbol(onset, root, quality, bass))
    return out


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
