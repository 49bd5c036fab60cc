"""The rhythm of an invented line: which figures each bar may have, and which are taken."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from cspcomposer import rulebook, solver, texture
from cspcomposer.arrange_work import Work
from cspcomposer.candidates_cells import cells, figures
from cspcomposer.errors import NoSolution
from cspcomposer.facts_lines import Bar
from cspcomposer.metre import Metre
from cspcomposer.plan import Plan
from cspcomposer.rhythm import Rhythm, rhythm
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Measure, Score, Voice, pickup
from cspcomposer.solver import Source

MOST_NOTES = 8
CONFLICTS_A_BAR = 600


def invented(work: Work, voice: Voice, others: Sequence[Voice]) -> Rhythm:
    """Return the rhythm of a line beside those that are finished.

    Raises:
        NoSolution: none fits; says in which bar, if it is one.
    """
    spec = work.spec
    allowed = set(spec.rhythm.figures) or _figures(spec.style)
    bars = []
    plan = work.outline.plan
    breathing = _breathing(work.outline.score)
    early = pickup(work.outline.score)
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
            *work.program(["rhythm"], ("rhythm", "texture"), ("",)),
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
