"""How far and how long a search goes, whatever the music."""

from __future__ import annotations

import time

import pytest
from composing import spec

from cspcomposer import compose_setting
from cspcomposer.search import WINDOW, Effort, Ending, _Budget
from cspcomposer.solver import Answer, Solver

ENOUGH = Effort(conflicts=1000)


def ending(*cost: int) -> Ending:
    return Ending(Answer((), cost, 0.0), False, False, 1, 0.0, 0.1)


@pytest.mark.parametrize(
    ("endings", "cost", "looked"),
    [
        ([ending(0, 90), ending(0, 10)], (0, 90), 1),
        ([ending(1, 10), ending(0, 90)], (0, 90), 2),
        ([ending(1, 10), ending(1, 90)], (1, 10), 2),
        ([ending(2, 10), ending(1, 5), ending(0, 1)], (1, 5), 2),
    ],
)
def test_strong_faults_make_it_look_at_more_chords_once(
    endings: list[Ending],
    cost: tuple[int, ...],
    looked: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = iter(endings)
    seen = []

    def searched(*said: object) -> tuple[Ending, bool]:
        seen.append(said)
        return next(left), False

    monkeypatch.setattr(compose_setting, "_searched", searched)
    with Solver() as solver:
        found = compose_setting.found(
            solver, spec("key: C major\nbars: 1\n"), {}, (), 1, ENOUGH, None, time.monotonic()
        )
    assert found.ending.best is not None
    assert found.ending.best.cost == cost
    assert len(seen) == looked


def test_a_window_is_not_begun_with_hardly_any_conflicts() -> None:
    budget = _Budget(ENOUGH)
    budget.used = 1000 - WINDOW // 5
    assert not budget.spent
    budget.used += 1
    assert budget.spent
