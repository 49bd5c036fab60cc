"""Tables, on a made-up program: two chords, two voices, three slots, and a slot around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
import pytest
from numpy.typing import NDArray

from cspcomposer.facts_window import ORIGIN, Variable, Window
from cspcomposer.solver import Solver, Source
from cspcomposer.tables import HARMONY, Compiled, Grid
from cspcomposer.tables_build import compiled
from cspcomposer.tables_ground import terms
from cspcomposer.tables_pack import packed, unpacked

T = ORIGIN
NOTHING: Mapping[Variable, NDArray[np.bool_]] = MappingProxyType({})
CHORDS = ("I", "V")
PITCHES = {"high": (5, 6, 7), "low": (1, 2, 3)}
OPEN = """
#const now = 1000000.
{ harmony(S,N) : possible(S,N) } = 1 :- slot(S).
{ pitch(V,T,P) : within(V,P) } = 1 :- struck(V,T).
"""


@pytest.fixture(scope="module")
def solver() -> Iterator[Solver]:
    with Solver() as running:
        yield running


def window(given: frozenset[Variable] = frozenset()) -> Window:
    times = (T - 1, T, T + 1, T + 2)
    chords = {time: CHORDS for time in times}
    struck = {(v, t): (v, t) in given for v in PITCHES for t in times}
    lines = [f'slot({t}). possible({t},"I"). possible({t},"V").' for t in times]
    lines += [f"struck({v},{t})." for v, t in struck]
    lines += [f"within({v},{p})." for v, pitches in PITCHES.items() for p in pitches]
    lines += [f"next({t},{t + 1})." for t in times[:-1]]
    facts = {"all": "\n".join(lines)}
    return Window(facts, (T, T + 1), {t: t - T for t in times}, chords, struck)


def made(
    solver: Solver,
    rules: str,
    *,
    given: frozenset[Variable] = frozenset(),
    fits: Mapping[Variable, NDArray[np.bool_]] = NOTHING,
) -> Compiled:
    here = window(given)
    ground = solver.rules([Source("rules", OPEN + rules + here.facts["all"])])
    return compiled(ground, here, PITCHES, fits)


def where(
    found: Compiled,
    rows: dict[Variable, list[int]],
    columns: dict[Variable, list[int]] | None = None,
    fixed: dict[Variable, int] | None = None,
) -> list[list[int]]:
    """How often choices surely break a rule: [row, column]."""
    count = len(next(iter(rows.values())))
    wide = len(next(iter(columns.values()))) if columns else 1
    grid = Grid(
        {v: np.array(x) for v, x in rows.items()},
        {v: np.array(x) for v, x in (columns or {}).items()},
        fixed or {},
        (count, wide),
    )
    grid.look_up(fault.when for fault in found.faults)
    total = np.zeros((count, wide), int)
    for fault in found.faults:
        total = total + grid.flags(grid.surely(fault.when))
    return total.tolist()


ALL = {("high", T): [0, 0, 0, 1, 1, 1, 2, 2, 2], ("low", T): [0, 1, 2] * 3}


def test_a_fault_holds_where_its_body_does(solver: Solver) -> None:
    found = made(solver, "violation(r,T,w) :- pitch(high,T,P), pitch(low,T,P-4), T < now+1.")
    assert where(found, ALL) == [[1], [0], [0], [0], [1], [0], [0], [0], [1]]
    (fault,) = found.faults
    assert (fault.rule, fault.time, fault.place, set(fault.touched)) == ("r", T, 0, {0})


def test_a_fault_outside_the_window_is_not_told(solver: Solver) -> None:
    assert made(solver, "violation(r,now+2,w) :- pitch(high,now+2,5).").faults == ()


def test_rows_and_columns_are_looked_up_together(solver: Solver) -> None:
    found = made(solver, "violation(r,now,w) :- pitch(high,now,P), pitch(high,now+1,P).")
    rows, columns = {("high", T): [0, 1]}, {("high", T + 1): [2, 1, 0]}
    assert where(found, rows, columns) == [[0, 0, 1], [0, 1, 0]]


def test_what_is_not_decided_is_unknown(solver: Solver) -> None:
    found = made(solver, "violation(r,now,w) :- pitch(high,now,5), pitch(low,now,1).")
    assert where(found, {("high", T): [0, 1]}) == [[0], [0]]


def test_the_margin_is_unknown_whether_it_must_hold_or_must_not(solver: Solver) -> None:
    rules = """
    steps(V,T) :- next(T,T'), pitch(V,T,P), pitch(V,T',P+1).
    violation(a,now,w) :- pitch(high,now,5), steps(low,now-1).
    violation(b,now,w) :- pitch(high,now,5), not steps(low,now-1).
    violation(c,now,w) :- pitch(high,now,5), pitch(low,now-1,1).
    violation(d,now,w) :- pitch(high,now,5), not pitch(low,now-1,1).
    violation(e,now,w) :- pitch(high,now,5), 2 { pitch(low,now-1,1); pitch(low,now,1) }.
    """
    assert where(made(solver, rules), ALL) == [[0]] * 9


def test_what_holds_whatever_is_in_the_margin_is_sure(solver: Solver) -> None:
    rules = "violation(r,now,w) :- 1 { pitch(low,now-1,1); pitch(high,now,6) }."
    assert where(made(solver, rules), {("high", T): [0, 1, 2]}) == [[0], [1], [0]]


def test_negation_turns_what_may_hold_into_what_surely_does_not(solver: Solver) -> None:
    rules = """
    third(now) :- pitch(high,now,5), pitch(low,now,1).
    third(now) :- pitch(high,now,6), pitch(low,now,2).
    violation(r,now,w) :- not third(now), pitch(low,now,1..2).
    """
    assert where(made(solver, rules), ALL) == [[0], [1], [0], [1], [0], [0], [1], [1], [0]]


def test_what_is_said_of_no_time_is_unknown(solver: Solver) -> None:
    rules = """
    sung(P) :- pitch(high,_,P).
    violation(a,now,w) :- sung(5), pitch(low,now,1).
    violation(b,now,w) :- not sung(6), pitch(low,now,1).
    """
    assert where(made(solver, rules), ALL) == [[0]] * 9


def test_recursion_never_says_more_than_holds(solver: Solver) -> None:
    rules = """
    reach(1) :- pitch(high,now,5).
    reach(2) :- reach(1), pitch(low,now,1).
    reach(1) :- reach(2).
    violation(r,now,w) :- reach(2).
    violation(s,now,w) :- not reach(2), pitch(low,now,2).
    """
    found = made(solver, rules)
    surely = np.array(where(found, ALL)).ravel()
    truly = np.array([(h == 0 and low == 0) or low == 1 for h in range(3) for low in range(3)])
    assert (surely <= truly).all()


def test_sums_are_reached_or_not(solver: Solver) -> None:
    rules = """
    heavy(now) :- 3 <= #sum {
        2,h : pitch(high,now,5); 1,l : pitch(low,now,1); 1,c : harmony(now,"V")
    }.
    violation(r,now,w) :- heavy(now).
    """
    found = made(solver, rules)
    choices = {("high", T): [0, 0, 1, 0], ("low", T): [0, 1, 0, 1], (HARMONY, T): [0, 0, 1, 1]}
    assert where(found, choices) == [[1], [0], [0], [1]]


def test_a_given_note_is_known_even_in_the_margin(solver: Solver) -> None:
    before = ("low", T - 1)
    rules = "violation(r,now,w) :- pitch(low,now-1,2), pitch(high,now,6)."
    found = made(solver, rules, given=frozenset([before]))
    assert where(found, {("high", T): [0, 1]}, fixed={before: 1}) == [[0], [1]]
    assert where(found, {("high", T): [0, 1]}, fixed={before: 0}) == [[0], [0]]
    assert found.faults[0].touched == {0}


def test_notes_and_chords_that_do_not_go_together_are_not_looked_at(solver: Solver) -> None:
    fits = {("high", T): np.array([[True, False, False], [False, True, False]])}
    rules = 'violation(r,now,w) :- pitch(high,now,6), harmony(now,"I").'
    assert made(solver, rules, fits=fits).faults == ()


def test_faults_of_one_rule_that_exclude_each_other_are_one(solver: Solver) -> None:
    rules = "violation(r,now,P) :- pitch(high,now,P). violation(s,now,W) :- pitch(W,now,1..5)."
    assert sorted(f.rule for f in made(solver, rules).faults) == ["r", "s", "s"]


def test_charges_and_fits_are_told_by_choice(solver: Solver) -> None:
    rules = """
    charge(price(now,N,P),(x,0)) :- harmony(now,N), pitch(high,now,P), P < 7.
    fits(high,now,5) :- harmony(now,"V").
    fits(high,now,6).
    """
    found = made(solver, rules)
    (charge,) = found.charges
    assert charge.variables == ((HARMONY, T), ("high", T))
    assert {charge.keys[k]: int(cell) for k, cell in charge.cells.T.tolist()} == {
        ("price", (T, chord, pitch)): 3 * c + p
        for c, chord in enumerate(CHORDS) for p, pitch in enumerate((5, 6))
    }  # fmt: skip
    assert found.fits["high", T].tolist() == [[False, True, False], [True, True, False]]


RULES = """
third(T) :- pitch(high,T,P), pitch(low,T,P-4).
both(now) :- third(now), third(now+1), not third(now-1).
both(now) :- third(now), harmony(now,"V"), harmony(now+1,"V").
violation(r,now,(w(high),"x y",-1)) :- both(now).
violation(s,now,w) :- 2 { third(now); third(now+1); harmony(now,"I") }.
charge(price(now,P),(x,0)) :- pitch(high,now,P).
fits(high,now,6).
"""


def test_what_is_packed_comes_back_and_is_packed_the_same(solver: Solver) -> None:
    found = made(solver, RULES)
    back = unpacked(packed(found))
    assert packed(back) == packed(found)
    rows = {**ALL, (HARMONY, T): [0, 1, 0] * 3}
    columns = {("high", T + 1): [0, 1, 2], ("low", T + 1): [0, 1, 0], (HARMONY, T + 1): [0, 1, 1]}
    assert where(back, rows, columns) == where(found, rows, columns)
    assert [(f.rule, f.time, f.who, f.touched) for f in back.faults] == [
        (f.rule, f.time, f.who, f.touched) for f in found.faults
    ]
    assert back.charges[0].keys == found.charges[0].keys
    assert (back.fits["high", T] == found.fits["high", T]).all()


def test_nothing_can_be_packed(solver: Solver) -> None:
    assert unpacked(packed(Compiled())) == Compiled()


def test_damaged_tables_are_refused(solver: Solver) -> None:
    data = packed(made(solver, RULES))
    for broken in (b"", data[:9], data[:-3], data[:40] + b"\0" + data[41:], b"x" + data):
        with pytest.raises(ValueError, match="tables"):
            unpacked(broken)


def test_arguments_are_read_as_clingo_writes_them() -> None:
    assert terms('p("a,\\"(",f(-3,()),x\')') == ('a,"(', ("f", (-3, ("", ()))), "x'")
    assert terms("p") == ()
