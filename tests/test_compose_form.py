"""Pieces that follow a plan: what returns returns, and keys and cadences are there."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from composing import ROOT, hard, spec

from cspcomposer import (
    compose,
    compose_form,
    compose_form_stretch,
    evaluate_closes,
    evaluate_likeness,
    evaluate_structure,
    facts_planned,
    form_show,
    specfile,
    stages,
)
from cspcomposer.compose import Composition
from cspcomposer.compose_form_stretch import Impossible
from cspcomposer.errors import BadInput
from cspcomposer.form_show import Ruler
from cspcomposer.plan import Echo
from cspcomposer.score import Score
from cspcomposer.search import Effort
from cspcomposer.solver import Answer, Solver

BAR = Fraction(4)
FORMS = sorted((ROOT / "examples" / "forms").glob("*.yaml"))
RETURNS = """
form: A B A
key: G major
harmonic_rhythm: half
sections:
  A: {bars: 4, cadence: perfect}
  B: {bars: 4, key: D major, cadence: half}
prior: tables
"""
MOVED = """
form: A B A'
key: C major
harmonic_rhythm: half
surface: none
sections:
  A: {bars: 4, cadence: perfect, key: G major}
  B: {bars: 4}
  A': {like: A, changes: key, key: C major}
prior: tables
"""


@cache
def piece(text: str) -> Composition:
    return compose.compose(spec(text), effort=Effort(1500))


def part(score: Score, first: int, last: int) -> dict[str, list[tuple[Fraction, Fraction, int]]]:
    """Onset from the first bar line, duration and pitch of the notes in some bars."""
    begin, end = (first - 1) * BAR, last * BAR
    return {
        v.name: [(n.onset - begin, n.duration, n.pitch) for n in v.notes if begin <= n.onset < end]
        for v in score.voices
    }


def figures(made: Composition) -> evaluate_structure.Structure:
    assert made.plan
    data = form_show.as_data(made.plan, Ruler(Fraction(0), BAR))
    return evaluate_structure.measured(made.score, data, "piece")


def test_a_section_that_returns_is_the_same_note_for_note_with_its_surface() -> None:
    made = piece(RETURNS)
    assert hard(made) == []
    assert part(made.score, 1, 4) == part(made.score, 9, 12)
    assert part(made.score, 1, 4) != part(made.score, 5, 8)


def test_the_score_has_the_form_the_keys_and_the_cadences_of_its_plan() -> None:
    found = figures(piece(RETURNS))
    assert found.exact == 1.0
    assert found.contrast is not None and found.contrast < 0.7
    assert found.told_apart == 1.0
    assert found.cadences[0] == found.cadences[1] == 3
    assert found.keys[0] + found.near == found.keys[1]


def test_a_surface_comes_back_where_half_of_its_model_came_back_itself() -> None:
    # A A' A': the first half of A' is that of A, so the last one's halves come from two places.
    echoes = [Echo(Fraction(t), Fraction(of)) for t, of in ((4, 0), (5, 1), (8, 0), (9, 1))]
    echoes += [Echo(Fraction(10), Fraction(6)), Echo(Fraction(11), Fraction(7))]
    slots = [Fraction(t) for t in range(12)]
    told = facts_planned.surface(echoes, slots, {"alto": frozenset()}, (), int)
    back = {line for line in told if line.startswith("echo_surface(alto,10,")}
    assert back == {"echo_surface(alto,10,6,0)"}


def test_a_key_that_a_section_stands_in_is_in_the_signature() -> None:
    fifths = [(s.onset, s.fifths) for s in piece(RETURNS).score.signatures]
    assert fifths == [(0, 1), (4 * BAR, 2), (8 * BAR, 1)]


def test_a_section_that_returns_in_another_key_is_transposed() -> None:
    made = piece(MOVED)
    assert hard(made) == []
    before, after = part(made.score, 1, 4), part(made.score, 9, 12)
    for voice, notes in before.items():
        # The last chord is held by nothing that follows: lengths are the same too.
        assert [(t, d) for t, d, _ in notes] == [(t, d) for t, d, _ in after[voice]]
        assert {b - a for (_, _, a), (_, _, b) in zip(notes, after[voice], strict=True)} == {17}


def test_the_melody_is_highest_where_it_was_planned_and_nowhere_else() -> None:
    made = piece(RETURNS)
    assert made.plan and made.plan.climax
    top = max(n.pitch for n in made.score.voices[0].notes)
    where = [n.onset for n in made.score.voices[0].notes if n.pitch == top]
    strong = [v.rule for v in made.report.violations if v.severity == "strong"]
    if "climax_missed" not in strong:
        assert all(made.plan.climax.begin <= t < made.plan.climax.end for t in where)


def test_a_piece_in_stretches_keeps_the_hard_rules_across_their_borders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compose_form_stretch, "STRETCH", 6)
    made = compose.compose(spec(RETURNS.replace("G major", "F major")), effort=Effort(1500))
    assert hard(made) == []
    assert part(made.score, 1, 4) == part(made.score, 9, 12)
    assert figures(made).cadences == (3, 3)


def test_a_plan_that_cannot_be_set_is_taken_back_and_the_user_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, tried = compose_form._set, []

    def failing(solver, loaded, work, *rest):  # type: ignore[no-untyped-def]
        tried.append(work.piece.outline.plan)
        if len(tried) == 1:
            raise Impossible(work.piece.own()[:2], proven=True)
        return original(solver, loaded, work, *rest)

    monkeypatch.setattr(compose_form, "_set", failing)
    text = "form: A B\nbars: 8\nharmonic_rhythm: half\nsurface: none\nprior: tables\n"
    made = compose.compose(spec(text), effort=Effort(800))
    first, second = (plan.phrases[0] for plan in tried)
    assert (first.cadence, str(first.key)) != (second.cadence, str(second.key))
    (reason,) = made.taken_back
    assert reason.startswith("the phrase in bars 1 to 4 cannot be set with a ")
    assert compose.as_data(made)["plans_taken_back"] == [reason]


def test_likeness_is_that_of_the_best_transposition() -> None:
    one = [(frozenset({0, 4, 7}), 0), (frozenset({7, 11, 2}), 11)]
    up = [(frozenset({2, 6, 9}), 2), (frozenset({9, 1, 4}), 1)]
    other = [(frozenset({5, 9, 0}), 9), (frozenset({0, 4, 7}), 7)]
    assert evaluate_likeness.likeness(one, up) == 1.0
    assert (evaluate_likeness.likeness(one, other) or 0) < 1.0
    assert evaluate_likeness.likeness(one, up[:1]) is None


def test_a_chain_of_its_own_beats_has_not_the_form() -> None:
    made = piece(RETURNS)
    assert made.plan
    data = form_show.as_data(made.plan, Ruler(Fraction(0), BAR))
    chains = [evaluate_structure.chained(made.score, seed) for seed in range(5)]
    found = [evaluate_structure.measured(chain, data, "chain").exact or 0 for chain in chains]
    assert sum(found) / len(found) < 0.9


def test_a_file_without_a_plan_is_no_piece_with_a_form(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(BadInput, match="no plan in this file"):
        evaluate_structure.structures(tmp_path / "x.json")


def test_a_wrong_close_is_told_from_a_right_one() -> None:
    score = piece(RETURNS).score
    assert evaluate_closes.closes(score, 4, "perfect", "G major")
    assert not evaluate_closes.closes(score, 4, "half", "G major")
    bass = score.voices[-1]
    off = replace(bass.notes[-1], pitch=bass.notes[-1].pitch + 6)
    low = replace(bass, notes=(*bass.notes[:-1], off))
    wrong = replace(score, voices=(*score.voices[:-1], low))
    assert not evaluate_closes.closes(wrong, 12, "perfect", "G major")


@pytest.mark.slow
@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_example_of_a_form_closes_as_planned_and_keeps_the_hard_rules(path: Path) -> None:
    loaded = specfile.load(path)
    made = compose.compose(loaded, effort=Effort(3000))
    assert hard(made) == [] and made.plan
    ruler = Ruler(loaded.spec.pickup, loaded.spec.metre.full)
    found = evaluate_structure.measured(made.score, form_show.as_data(made.plan, ruler), path.stem)
    assert found.cadences[0] == found.cadences[1]
    assert found.exact in (1.0, None)
    assert found.told_apart in (1.0, None)


def test_a_theme_in_the_other_mode_is_free_before_its_close() -> None:
    text = """
form: A B A'
key: G major
harmonic_rhythm: half
sections:
  A: {bars: 4, form: phrase, cadence: perfect, key: G major}
  B: {bars: 4, form: phrase, cadence: half, key: G major}
  A': {changes: mode, cadence: perfect, key: G minor}
"""
    with Solver() as solver:
        loaded = spec(text)
        outline = stages.outline(loaded, {}, plan=compose_form.planned(solver, loaded, (), 1))
    assert outline.plan
    ends = [end for end in outline.score.phrase_ends if end > 8 * BAR]
    told = facts_planned.asked(
        outline.plan, outline.echoes, outline.slots, outline.score.phrase_ends, outline.free,
        Fraction(0), int,
    )  # fmt: skip
    recalled = [
        int(said[2]) for said in map(re.compile(r"recalls\((\d+),(\d+),").match, told) if said
    ]
    slots = outline.slots
    assert recalled
    assert max(recalled) == slots[slots.index(ends[0]) - 2]


def test_what_two_stretches_hear_is_paid_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = []
    judged = compose_form._judged

    def watched(solver: Solver, work: compose_form_stretch.Work, begin: float) -> Answer:
        sums.append(compose_form_stretch.summed(work.costs.values()))
        assert len(work.costs) > 1
        return judged(solver, work, begin)

    monkeypatch.setattr(compose_form, "_judged", watched)
    text = "form: A B C\nharmonic_rhythm: half\nsurface: none\nprior: tables\n"
    made = compose.compose(spec(text), effort=Effort(1500))
    assert made.cost < sums[0]
    assert len(made.cost) == len(sums[0])
