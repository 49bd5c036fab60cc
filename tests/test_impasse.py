"""Where a piece cannot be set is found by looking at a few moments at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from composing import spec

from cspcomposer import brief, compose, facts, priors, specfile, stages
from cspcomposer.errors import NoSolution
from cspcomposer.facts_apart import nothing
from cspcomposer.posed import Posed, pose
from cspcomposer.score import position
from cspcomposer.solver import Solver
from cspcomposer.specfile import LoadedSpec

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
BARS = 16
# The bass does not end as the cadence that is asked for would have it.
REFUSED = (
    f"key: C major\nphrases: [{{bars: {BARS}, cadence: authentic}}]\n"
    f"given: {{bass: 's1*{BARS - 1} | f2 c2'}}\n"
)


def posed(loaded: LoadedSpec) -> Posed:
    plan = stages.outline(loaded, brief.given_scores(loaded))
    return pose(loaded, [], plan, priors.Noise(1, temperature=0), nothing)


def test_the_place_is_where_what_is_given_and_asked_for_collide() -> None:
    asked = posed(spec(REFUSED))
    with Solver() as solver:
        place = asked.place(solver)
    assert place
    time = facts.clock(asked.plan).time
    first, last = (
        position(asked.plan.score, time(tick))[0] for tick in (place.judged, place.end - 1)
    )
    assert last == BARS
    assert first >= BARS - 2


@pytest.mark.parametrize("name", ["old_hundredth", "four_cadences", "six_eight", "given_bass"])
def test_there_is_no_such_place_where_there_is_a_setting(name: str) -> None:
    asked = posed(specfile.load(EXAMPLES / f"{name}.yaml"))
    with Solver() as solver:
        assert asked.place(solver) is None


def test_long_pieces_too_are_told_why_they_cannot_be_set() -> None:
    with pytest.raises(NoSolution) as caught:
        compose.compose(spec(REFUSED))
    said = str(caught.value)
    assert f"F3 is given in bar {BARS}, beat 1." in said
    assert "Another cadence than asked for" in said
    assert len(said.splitlines()) < 8
