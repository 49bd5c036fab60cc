"""How far and how long a search goes, whatever the music."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from composing import spec

from cspcomposer import compose_setting, windows
from cspcomposer.search import WINDOW, Budget, Effort, Ending, proven, search
from cspcomposer.solver import Answer, Decision, Solver, Source, Term

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
    budget = Budget(ENOUGH)
    budget.used = 1000 - WINDOW // 5
    assert not budget.spent
    budget.used += 1
    assert budget.spent


# Places in a row whose values cost less the higher they are, if all are the same.
ROW = """
place(0..23). value(0..3).
{ takes(P,V) : value(V) } = 1 :- place(P).
:- takes(P,V), takes(P+1,W), V != W.
:~ takes(P,V). [10-V,P]
"""
EASY, SHOWN = Effort(conflicts=2000, whole=True), {"takes": 2}


def row(answer: Answer) -> list[Decision]:
    return [Decision(atom, atom.arguments[0], "row") for atom in answer.atoms]


def test_a_small_program_is_looked_at_as_a_whole_when_windows_are_done() -> None:
    with Solver() as solver:
        texts, begin = [Source("row", ROW)], [(Term("takes", (0, 0)), True)]
        *_, alone = search(
            solver, texts, show=SHOWN, decisions=row, effort=replace(EASY, whole=False), begin=begin
        )
        *_, asked = search(solver, texts, show=SHOWN, decisions=row, effort=EASY, begin=begin)
        assert isinstance(alone, Ending) and isinstance(asked, Ending)
        assert alone.near == 0.0 and asked.near > 0.9
        assert alone.best and not alone.optimal
        *better, done = proven(solver, texts, show=SHOWN, best=alone.best, effort=EASY)
        assert isinstance(done, Ending) and done.best
        assert better and done.optimal and done.best.cost == (168,)


def test_what_is_far_from_proven_is_not_called_near() -> None:
    # Nothing costs anything by itself, and every two of twelve places that agree cost something.
    far = """
    place(0..11). { takes(P,0..2) } = 1 :- place(P).
    :~ takes(P,V), takes(Q,V), P < Q. [1,P,Q]
    """
    with Solver() as solver:
        *_, end = search(
            solver, [Source("far", far)], show=SHOWN, decisions=row,
            effort=replace(EASY, conflicts=60),
        )  # fmt: skip
    assert isinstance(end, Ending)
    assert end.near < 0.4


# The second half repeats the first, and the choice that comes to mind first is the dearest.
REPEATED = """
place(0..39). value(0..2).
{ takes(P,1,V) : value(V) } = 1 :- place(P).
{ takes(P,2,V) : value(V) } = 1 :- place(P).
:- takes(P,L,V), place(P+20), not takes(P+20,L,V).
:~ takes(P,L,V). [V,P,L]
"""


def test_what_is_repeated_is_changed_in_both_places_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lanes(answer: Answer) -> list[Decision]:
        return [Decision(a, a.arguments[0], str(a.arguments[1])) for a in answer.atoms]

    def cost() -> tuple[int, ...]:
        begin = [(Term("takes", (place, lane, 2)), True) for place in range(40) for lane in (1, 2)]
        with Solver() as solver:
            *_, end = search(
                solver, [Source("repeated", REPEATED)], show={"takes": 3}, decisions=lanes,
                effort=Effort(conflicts=5000), begin=begin,
            )  # fmt: skip
        assert isinstance(end, Ending) and end.best
        return end.best.cost

    assert cost() == (0,)
    monkeypatch.setattr(windows, "RUN", 1000)
    assert cost() == (160,)


def test_what_is_repeated_comes_first_where_hardly_any_other_window_helped() -> None:
    chosen = [Decision(Term("x", (place, place % 8)), place, "x") for place in range(48)]
    for helpful, first in ((0, True), (1, True), (4, False)):
        kinds = windows.kinds(chosen)
        wide, *_, repeated = kinds
        count = 0
        while wide.worth == float("inf"):
            assert windows.ranked(kinds)[0] is wide
            wide.learn((10,), (9,) if count < helpful else (10,), 5)
            count += 1
        assert count > 10
        for kind in kinds[1:]:
            kind.learn((10,), (10,), 5)
        assert (windows.ranked(kinds)[0] is repeated) == first


def test_what_is_alike_but_for_one_lane_is_alike() -> None:
    def chosen(other: int) -> list[Decision]:
        said = {"harmony": 0, "alto": 1, "tenor": 2}
        out = []
        for place in range(16):
            for lane, value in said.items():
                differs = lane == "harmony" and place >= 8
                value = 10 * value + place % 8 + other * differs
                out.append(Decision(Term(lane, (place, value)), place, lane))
        return out

    assert windows.twins(chosen(0))[2] == windows.twins(chosen(5))[2] == {10}
    first = windows.Kind(4, [(2, "")], {}, twins=True).following(
        chosen(5), windows.twins(chosen(5))
    )
    assert first and first.places == {2, 3, 4, 5, 10, 11, 12, 13}
