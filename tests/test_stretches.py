"""Long pieces are composed a stretch at a time, and are then as good and as legal as others."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cspcomposer import compose_setting, facts, facts_slice, priors, stages, stretches
from cspcomposer.check import check
from cspcomposer.compose import Composition, compose
from cspcomposer.facts_apart import nothing
from cspcomposer.posed import SHOWN, pose
from cspcomposer.search import Effort, Ending, Progress
from cspcomposer.solver import Solver, Term
from cspcomposer.specfile import LoadedSpec, parse

TUNE = """\
key: G major
metre: 4/4
prior: tables
given:
  soprano: |
    g'4 a' b' g' | a'4 b' c''2\\fermata | b'4 a' g' b' | a'2 g'2\\fermata |
    d''4 c'' b' a' | b'4 c'' d''2\\fermata | b'4 g' a' b' | a'2 g'2\\fermata
surface: none
seed: 3
"""
# In the first half of a piece a stretch cannot see what the second will bring.
ONCE = """\
%*
# Fourth degree too often

Made up for a test: a rule over the whole piece.
*%

rule(too_many_subdominants,     "Fourth degree too often").
message(too_many_subdominants,  "the subdominant is heard more than once").
advice(too_many_subdominants,   "Put another chord in its place.").
source(too_many_subdominants,   "made up for a test").
severity(too_many_subdominants, hard).

% The subdominant stands in more than one slot.
violation(too_many_subdominants,T,(chord("IV"),)) :-
    active(too_many_subdominants),
    final(T), 2 #count { S : slot(S), harmony(S,("IV";"ii";"ii7";"vi")) }.


#program example_twice.
new_harmony(0,"IV"). new_harmony(1,"V"). new_harmony(2,"IV").
expect(too_many_subdominants,2,(chord("IV"),)).

#program example_once.
new_harmony(0,"V"). new_harmony(1,"IV").
"""


def spec(text: str = TUNE, folder: Path = Path()) -> LoadedSpec:
    return parse(text.encode(), folder / "piece.yaml")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches so short that a short piece has several."""
    monkeypatch.setattr(stretches, "LEAST", 12)
    monkeypatch.setattr(stretches, "LENGTH", 8)


def composed(text: str = TUNE, folder: Path = Path()) -> Composition:
    return compose(spec(text, folder))


@pytest.mark.usefixtures("short")
def test_a_piece_composed_in_stretches_breaks_no_hard_rule() -> None:
    piece = composed()
    report = check(piece.score, style="chorale")
    assert not [v for v in report.violations if v.severity == "hard"]
    assert piece.cost[0] == len([v for v in report.violations if v.severity == "strong"])


@pytest.mark.usefixtures("short")
def test_what_is_given_stands_and_every_voice_sings_to_the_end() -> None:
    piece, asked = composed(), stages.outline(spec(), {})
    soprano, *others = piece.score.voices
    assert [n.pitch for n in soprano.notes] == [n.pitch for n in asked.score.voices[0].notes]
    assert {voice.notes[-1].end for voice in others} == {piece.score.end}


@pytest.mark.usefixtures("short")
def test_a_seed_gives_the_same_piece_in_stretches_too() -> None:
    one, other = composed(), composed()
    assert one.score == other.score and one.cost == other.cost


@pytest.mark.slow
def test_stretches_cost_little_beside_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = composed()
    monkeypatch.setattr(stretches, "LEAST", 12)
    monkeypatch.setattr(stretches, "LENGTH", 8)
    in_stretches = composed()
    assert in_stretches.cost[0] <= whole.cost[0]
    assert in_stretches.cost[1] <= 1.15 * whole.cost[1]


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_a_rule_over_the_whole_piece_holds_though_no_stretch_can_see_it(tmp_path: Path) -> None:
    (tmp_path / "too_many_subdominants.lp").write_text(ONCE)
    piece = composed(f"{TUNE}rule_folders: ['{tmp_path}']\n", tmp_path)
    named = [chord.numeral for chord in piece.score.chords]
    assert sum(name in ("IV", "ii", "ii7", "vi") for name in named) < 2


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_the_whole_is_begun_with_what_stretches_chose_though_it_may_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "too_many_subdominants.lp").write_text(ONCE)
    begun: list[set[Term]] = []
    search = stretches.composed

    def watched(*words: Any, **more: Any) -> Iterator[Progress | Ending]:
        for step in search(*words, **more):
            if isinstance(step, Ending):
                assert step.best is None
                begun.append(set(step.begun))
            yield step

    monkeypatch.setattr(stretches, "composed", watched)
    seen: list[Progress] = []
    text = f"{TUNE}rule_folders: ['{tmp_path}']\n"
    compose(spec(text, tmp_path), effort=Effort(conflicts=2000), watch=seen.append)
    stays = begun[0] & set(seen[0].answer.atoms)
    assert len(stays) > 0.8 * len(begun[0])


def slices() -> facts_slice.Slices:
    return facts_slice.Slices(facts.facts(stages.outline(spec(), {})))


def test_a_stretch_is_told_of_its_own_moments_alone() -> None:
    told = slices().between(4, 12).splitlines()
    slots = sorted(int(line[5:-2]) for line in told if line.startswith("slot("))
    assert slots == [4, 5, 6, 8, 9, 10, 11]
    assert "next(4,5)." in told and "next(3,4)." not in told and "next(11,12)." not in told
    assert [line for line in told if line.startswith("phrase(")] == ["phrase(0,6,6)."]


def test_a_cut_is_no_beginning_and_no_end() -> None:
    inside = slices().between(4, 12).splitlines()
    assert "comes_after(4)." in inside and "goes_on(11)." in inside
    everything = slices().between(0, 99)
    assert "comes_after" not in everything and "goes_on" not in everything


def test_no_cadence_is_missed_in_a_phrase_that_is_cut_off() -> None:
    text = TUNE.replace("prior: tables\n", "prior: tables\nphrases: [{bars: 2, cadence: half}, "
                        "{bars: 2, cadence: authentic}, {bars: 4}]\n")  # fmt: skip
    plan = stages.outline(spec(text), {})
    told = facts_slice.Slices(facts.facts(plan)).between(0, 6)
    assert "wanted_cadence" not in told and "phrase(" not in told
    assert "wanted_cadence(6,half)." in facts_slice.Slices(facts.facts(plan)).between(0, 7)


def test_stretches_end_with_phrases_where_some_are_near() -> None:
    plan = stages.outline(spec(), {})
    ends = stretches._ends(plan, len(plan.slots))
    assert ends[-1] == len(plan.slots)
    assert plan.score.phrase_ends == tuple(map(Fraction, (6, 14, 22, 30)))


@pytest.mark.usefixtures("short")
def test_however_small_the_effort_each_stretch_is_composed() -> None:
    loaded = spec()
    plan = stages.outline(loaded, {})
    posed = pose(loaded, [], plan, priors.Noise(3, temperature=0), nothing)
    with Solver() as solver:
        *_, ending = stretches.composed(
            solver, compose_setting._piece(posed), show=SHOWN, effort=Effort(3)
        )
    assert isinstance(ending, Ending) and ending.best


@pytest.mark.usefixtures("short")
def test_a_proof_that_there_is_no_time_for_costs_no_answer() -> None:
    piece = compose(spec(), effort=Effort(None, 6.0, prove=True))
    assert len({c.onset for c in piece.score.chords}) > 8
    assert (0, 0) < piece.bound <= piece.cost
