"""The bounds hold, and what is called optimal is: nothing cheaper is found by any other way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cspcomposer import bounded, brief, candidates, compose_setting, priors, stages
from cspcomposer import bounds as sweeps
from cspcomposer.bounded_problem import STRONG, Problem
from cspcomposer.bounds_three import CLOSE, Bounds
from cspcomposer.compose import Composition, as_data, compose
from cspcomposer.errors import BadSpec
from cspcomposer.facts_apart import nothing
from cspcomposer.facts_window import Moments
from cspcomposer.lattice import NEVER, Lattice
from cspcomposer.posed import SHOWN, WANTED, pose, rules
from cspcomposer.rulebook_moments import excerpts
from cspcomposer.rulebook_slice import sliced
from cspcomposer.search import Effort, Ending, Progress
from cspcomposer.solver import Answer, Solver, Source
from cspcomposer.specfile import LoadedSpec, parse

TUNE = """\
key: G major
metre: 4/4
given:
  soprano: "g'4 a'8 b' c''4 b' | a'4 g'2.\\\\fermata"
seed: 1
"""
COUNTING = """\
%*
# Tonic too often

A tonic that comes again and again says nothing new.
*%

rule(tonic_too_often,     "Tonic too often").
message(tonic_too_often,  "the tonic is heard more than once").
advice(tonic_too_often,   "Put another chord in its place.").
source(tonic_too_often,   "made up for a test").
severity(tonic_too_often, hard).

% The tonic stands in more than one slot.
violation(tonic_too_often,T,(chord("I"),)) :-
    active(tonic_too_often),
    final(T), 2 #count { S : slot(S), harmony(S,"I") }.


#program example_twice.
new_harmony(0,"I"). new_harmony(1,"V"). new_harmony(2,"I").
expect(tonic_too_often,2,(chord("I"),)).

#program example_once.
new_harmony(0,"V"). new_harmony(1,"I").
"""


def spec(text: str, folder: Path = Path()) -> LoadedSpec:
    return parse(text.encode(), folder / "piece.yaml")


def problem(text: str) -> Problem:
    loaded = spec(text)
    plan = stages.outline(loaded, brief.given_scores(loaded), rhythm=None)
    noise = priors.Noise(loaded.spec.seed, temperature=loaded.spec.prior.temperature)
    return compose_setting._problem(pose(loaded, [], plan, noise, nothing))


@pytest.fixture(scope="module")
def tune() -> Problem:
    return problem(TUNE)


@pytest.fixture(scope="module")
def solver() -> Iterator[Solver]:
    with Solver() as found:
        yield found


@pytest.fixture(scope="module")
def tables(solver: Solver, tune: Problem) -> tuple[Moments, Lattice, dict[str, list[int]]]:
    moments, pitches = bounded.told(tune)
    return moments, bounded.tabled(solver, tune, moments, pitches), pitches


@pytest.fixture(scope="module")
def proven(tables: object) -> Composition:
    return compose(spec(TUNE), effort=Effort(prove=True))


def everything(tune: Problem) -> list[Source]:
    """The whole program without tables, all chords considered."""
    kept = candidates.considered(tune.options, tune.taste, None)
    chords = candidates.stated(kept, tune.options, tune.taste)
    return [
        *sliced(tune.program(["harmony", "voices", "given"], "enforce"), list(WANTED.items())),
        Source("given", tune.given),
        Source("prior", f"{tune.charged}\n{chords}"),
    ]


def answers(solver: Solver, tune: Problem, count: int) -> Iterator[Answer]:
    """Answers to the whole program, all chords considered, found by chance and not by cost."""
    for seed in range(count):
        options = (f"--seed={seed}", "--rand-freq=0.5", "--sign-def=rnd")
        solver.ground(everything(tune), options=options, show=["pitch/3", "harmony/2"])
        for step in solver.solve(show=["pitch", "harmony"], answers=1):
            if isinstance(step, Answer):
                yield step


def states(answer: Answer, tables: tuple[Moments, Lattice, dict[str, list[int]]]) -> list[int]:
    """The states of the lattice that an answer goes through."""
    moments, lattice, pitches = tables
    chords: dict[Any, Any] = {}
    notes: dict[Any, Any] = {}
    for atom in answer.atoms:
        if atom.name == "harmony":
            chords[atom.arguments[0]] = atom.arguments[1]
        else:
            notes[str(atom.arguments[0]), atom.arguments[1]] = atom.arguments[2]
    out = []
    for time, slot in zip(moments.slots, lattice.slots, strict=True):
        wanted = [moments.chords[time].index(chords[time])]
        wanted += [pitches[v].index(notes[v, time]) for v in slot.voices]
        found = np.flatnonzero((slot.states == wanted).all(axis=1))
        assert len(found) == 1, "an answer is no state of the lattice"
        out.append(int(found[0]))
    return out


def charged(path: list[int], lattice: Lattice) -> int:
    """What tables charge for a path, three slots at a time."""
    place = [np.array([state]) for state in path]
    cost = sum(int(own[s]) for own, s in zip(lattice.preferred, path, strict=True))
    for number in range(len(path) - 1):
        cost += int(lattice.preferences(number, place[number], place[number + 1])[0, 0])
    for number in range(len(path) - 2):
        edge = place[number], place[number + 1]
        cost += int(lattice.among(number, edge, place[number + 2])[0, 0])
    return cost


def test_tables_never_charge_more_than_the_rules_do(
    solver: Solver, tune: Problem, tables: tuple[Moments, Lattice, dict[str, list[int]]]
) -> None:
    gaps = []
    for answer in answers(solver, tune, 12):
        cost = charged(states(answer, tables), tables[1])
        assert cost < NEVER, "tables forbid what the rules allow"
        strong, mild = answer.cost
        gaps.append(strong * STRONG + mild - cost)
    assert min(gaps) >= 0
    # Most of what is charged lies within three slots: pieces by chance break many rules.
    assert np.median(gaps) < 3 * STRONG
    assert len(gaps) == 12


def test_no_answer_is_cheaper_than_the_bound(
    solver: Solver, tune: Problem, proven: Composition
) -> None:
    assert all(proven.bound <= answer.cost for answer in answers(solver, tune, 8))


def least(lattice: Lattice) -> int:
    """What a piece of the cheapest states of each slot costs."""
    soon = sweeps.Sweeps(lattice).soon(40)
    assert soon
    return soon.best


def test_the_best_of_few_states_is_the_best_of_all(
    tables: tuple[Moments, Lattice, dict[str, list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    most = least(tables[1]) + 40
    wide = sweeps.Sweeps(tables[1]).bounds(most)
    monkeypatch.setattr(sweeps, "STATES", 12)
    narrow = sweeps.Sweeps(tables[1]).bounds(most)
    assert wide and narrow
    assert wide.best == narrow.best


def moves(found: Bounds, most: int) -> dict[tuple[int, int, int], int]:
    """What the cheapest piece over each move costs, by slot and two states, up to a cost."""
    out = {}
    for number, (rows, columns) in enumerate(found.edges):
        one, other = found.states[number][rows], found.states[number + 1][columns]
        for i, j, dearer in zip(one, other, found.beyond[number].tolist(), strict=True):
            if found.best + dearer <= most:
                out[number, int(i), int(j)] = found.best + dearer
    return out


@pytest.mark.parametrize("steps", [(35,), (5, 35), (0, 10, 20, 35)])
def test_what_is_known_of_less_hides_nothing(
    tables: tuple[Moments, Lattice, dict[str, list[int]]],
    monkeypatch: pytest.MonkeyPatch,
    steps: tuple[int, ...],
) -> None:
    best = least(tables[1])
    most = best + steps[-1]
    monkeypatch.setattr(sweeps, "STATES", 700)
    monkeypatch.setattr(sweeps, "AVERAGE", 1000)
    wide = sweeps.Sweeps(tables[1]).bounds(most)
    monkeypatch.setattr(sweeps, "STATES", 30)
    narrow = sweeps.Sweeps(tables[1])
    narrow.soon(40)
    found = [narrow.bounds(best + step) for step in steps][-1]
    assert wide and found and wide.cut > most and found.cut > most
    assert len(moves(wide, most)) > 100
    assert moves(found, most) == moves(wide, most)


def test_costs_are_told_as_what_makes_a_piece_dearer(
    tables: tuple[Moments, Lattice, dict[str, list[int]]],
) -> None:
    found = sweeps.Sweeps(tables[1]).bounds(least(tables[1]) + 40)
    assert found
    rising = {(n, i, j, k): more for n, i, j, k, more in found.rising(CLOSE)}
    edges = [
        dict(zip(zip(*(e.tolist() for e in edge), strict=True), beyond.tolist(), strict=True))
        for edge, beyond in zip(found.edges, found.beyond, strict=True)
    ]
    random = np.random.default_rng(0)
    seen = set()
    for _ in range(50):
        path = list(list(edges[0])[random.integers(len(edges[0]))])
        while len(path) <= len(edges):
            onward = [
                k for j, k in edges[len(path) - 1]
                if j == path[-1] and rising.get((len(path) - 2, *path[-2:], k), 0) <= CLOSE
                and edges[len(path) - 1][j, k] <= CLOSE
            ]  # fmt: skip
            if not onward:
                break
            path.append(onward[random.integers(len(onward))])
        else:
            dearer = edges[0][path[0], path[1]] + sum(
                rising.get((n, *path[n : n + 3]), 0) for n in range(len(path) - 2)
            )
            told = [int(found.states[n][place]) for n, place in enumerate(path)]
            assert charged(told, tables[1]) == found.best + dearer
            seen.add(dearer)
    assert len(seen) > 5


def test_what_is_wanted_soon_is_no_bound_and_changes_none(
    tables: tuple[Moments, Lattice, dict[str, list[int]]],
) -> None:
    most = least(tables[1]) + 40
    alone = sweeps.Sweeps(tables[1]).bounds(most)
    both = sweeps.Sweeps(tables[1])
    soon, later = both.soon(40), both.bounds(most)
    assert alone and soon and later
    assert later.best == alone.best
    assert min(later.cut, alone.cut) > alone.best
    assert soon.cut == 0
    assert soon.best >= later.best


def test_a_piece_is_proven_to_be_the_best(proven: Composition) -> None:
    assert proven.status == "optimal"
    assert proven.cost == proven.bound
    assert proven.cost <= compose(spec(TUNE)).cost
    assert not [v for v in proven.report.violations if v.severity == "hard"]


def test_the_same_again(proven: Composition) -> None:
    again = compose(spec(TUNE), effort=Effort(prove=True))
    assert again.score == proven.score
    assert as_data(again)["bound"] == list(proven.bound)


def test_clasp_alone_finds_nothing_better(
    solver: Solver, tune: Problem, proven: Composition
) -> None:
    solver.ground(
        everything(tune),
        options=("--opt-strategy=usc,k,stratify", "--heuristic=Domain"),
        show=["pitch/3"],
    )
    steps = solver.solve(show=["pitch"], conflicts=20_000)
    costs = [step.cost for step in steps if isinstance(step, Answer)]
    assert costs and min(costs) >= proven.cost


def test_a_rule_over_the_whole_piece_holds_and_costs(tmp_path: Path, proven: Composition) -> None:
    (tmp_path / "tonic_too_often.lp").write_text(COUNTING)
    counted = compose(
        spec(TUNE + f"rule_folders: [{tmp_path}]\n"), effort=Effort(conflicts=50_000, prove=True)
    )
    tonics = [c for c in counted.score.chords if c.numeral == "I"]
    assert len(tonics) < 2 <= len([c for c in proven.score.chords if c.numeral == "I"])
    assert counted.cost > proven.cost
    assert counted.bound <= counted.cost


def test_broken_tables_are_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proven: Composition
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[str] = []
    small = TUNE.replace("g'4 a'8 b' c''4 b' | a'4 g'2.", "c''4 b' a'2 | g'1")
    first = compose(spec(small), effort=Effort(prove=True), tell=made.append)
    kept = sorted((tmp_path / "cspcomposer" / "tables").iterdir())
    assert len(kept) == len(made) > 0
    kept[0].write_bytes(kept[0].read_bytes()[:40])
    kept[-1].write_bytes(b"nothing")
    made.clear()
    assert compose(spec(small), effort=Effort(prove=True), tell=made.append).cost == first.cost
    assert len(made) == 2


def test_better_and_better_answers_come_with_their_bound(solver: Solver, tune: Problem) -> None:
    steps = list(bounded.search(solver, tune, show=SHOWN, effort=Effort(20_000)))
    better = [step for step in steps if isinstance(step, Progress)]
    costs = [step.answer.cost for step in better]
    assert costs == sorted(costs, reverse=True)
    assert all(step.bound is not None and step.bound <= step.answer.cost for step in better)
    assert isinstance(steps[-1], Ending)


def test_a_first_sweep_bounds_all_pieces(
    tables: tuple[Moments, Lattice, dict[str, list[int]]], proven: Composition
) -> None:
    first = sweeps.Sweeps(tables[1])
    assert first.least == 0
    first.soon(40)
    # What is outside is known of roughly, and never too dear.
    assert 0.5 * proven.cost[-1] < first.least <= proven.cost[-1]


def test_what_was_found_before_is_bettered_or_kept(
    solver: Solver, tune: Problem, proven: Composition
) -> None:
    *_, dear = answers(solver, tune, 1)
    steps = list(bounded.search(solver, tune, show=SHOWN, effort=Effort(20_000), known=dear))
    assert isinstance(steps[-1], Ending) and steps[-1].best
    assert steps[-1].best.cost == proven.cost and steps[-1].optimal
    assert all(step.answer.cost < dear.cost for step in steps if isinstance(step, Progress))
    # Without time it stays, whatever it costs.
    (ending,) = bounded.search(solver, tune, show=SHOWN, effort=Effort(None, 1e-6), known=dear)
    assert isinstance(ending, Ending) and ending.best is dear and not ending.optimal


def test_tables_that_there_is_no_time_for_are_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, solver: Solver
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cold = problem(TUNE.replace("G major", "E minor"))
    assert list(bounded.search(solver, cold, show=SHOWN, effort=Effort(None, 0.5))) == []


def test_a_proof_is_asked_for_in_the_specification() -> None:
    assert spec(TUNE + "effort: {prove: true}\n").spec.effort is not None
    with pytest.raises(BadSpec, match="expected conflicts, seconds, prove or threads"):
        spec(TUNE + "effort: {}\n")


def test_figures_are_composed_without_tables(tune: Problem) -> None:
    figured = replace(tune.plan, figures=((tune.plan.slots[0], ()),))
    assert bounded.fits(tune.plan)
    assert not bounded.fits(figured)


def test_rules_of_ones_own_are_in_the_tables_unless_they_count(tmp_path: Path) -> None:
    named = COUNTING.replace("tonic_too_often", "tonic_at_the_end")
    local = named.replace('2 #count { S : slot(S), harmony(S,"I") }', 'harmony(T,"I")')
    (tmp_path / "tonic_too_often.lp").write_text(COUNTING)
    (tmp_path / "tonic_at_the_end.lp").write_text(local)
    program = rules(spec(TUNE), sorted(tmp_path.glob("*.lp")))
    found = excerpts(program(["moment"], "enforce", heeded=("hard", "strong", "mild")))
    text = "\n".join(one.text for one in found.rules)
    assert "violation(tonic_at_the_end," in text
    assert "violation(tonic_too_often," not in text
