"""What a plan makes of an idea is in the notes: upside down, backwards, in other note values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise

import pytest
from composing import hard, spec

from cspcomposer import compose, form, form_show, form_svg
from cspcomposer.compose import Composition
from cspcomposer.errors import BadSpec
from cspcomposer.form_show import Ruler
from cspcomposer.pitch import LETTERS, parts
from cspcomposer.plan import TURNS, Idea, Plan
from cspcomposer.score import Note
from cspcomposer.search import Effort
from cspcomposer.solver import Solver

BAR = Fraction(4)
SECTIONS = """
form: A A'
key: C major
harmonic_rhythm: {moves}
prior: tables
{texture}
sections:
  A: {{bars: 4, form: phrase, cadence: perfect}}
  A': {{changes: {how}}}
"""
TUNE = "style: song\ntexture: alberti"


@cache
def piece(how: str, moves: str = "half", texture: str = TUNE) -> Composition:
    text = SECTIONS.format(how=how, moves=moves, texture=texture)
    return compose.compose(spec(text), effort=Effort(1500))


@pytest.fixture(scope="module")
def solver() -> Iterator[Solver]:
    with Solver() as one:
        yield one


def planned(solver: Solver, text: str, seed: int = 1) -> Plan:
    return form.plan(solver, spec(text), seed=seed)


def melody(made: Composition, begin: Fraction, end: Fraction) -> list[Note]:
    return [n for n in made.score.voices[0].notes if begin <= n.onset < end]


def strides(notes: Sequence[Note]) -> list[int]:
    """By how many letters each note goes on to the next."""
    places = []
    for note in notes:
        letter, _, octave = parts(note.pitch)
        places.append(7 * octave + LETTERS.index(letter))
    return [b - a for a, b in pairwise(places)]


def lengths(notes: Sequence[Note]) -> list[Fraction]:
    return [n.duration for n in notes]


def pairs(made: Composition, how: str) -> list[tuple[list[Note], list[Note]]]:
    """The melody of each idea of a kind, up to where the phrase arrives, and that of its model."""
    assert made.plan
    known = {idea.name: idea for idea in made.plan.ideas}
    arrival = 7 * BAR
    out = []
    for idea in made.plan.ideas:
        if idea.how == how and idea.begin < arrival:
            of: Idea = known[idea.of]
            out.append((melody(made, idea.begin, min(idea.end, arrival)),
                        melody(made, of.begin, of.end)))  # fmt: skip
    assert out
    return out


def test_an_inversion_has_each_step_of_the_staff_the_other_way_in_the_same_rhythm() -> None:
    made = piece("inversion")
    assert hard(made) == []
    (first, model), (second, other) = pairs(made, "inversion")
    assert lengths(first) == lengths(model)
    assert strides(first) == [-step for step in strides(model)]
    assert any(strides(model))
    assert strides(second) == [-step for step in strides(other)][: len(second) - 1]


def test_a_retrograde_has_the_notes_and_their_lengths_backwards() -> None:
    made = piece("retrograde")
    assert hard(made) == []
    first, model = pairs(made, "retrograde")[0]
    assert lengths(first) == lengths(model)[::-1]
    assert strides(first) == [-step for step in strides(model)[::-1]]


def test_an_ornamented_idea_keeps_its_notes_and_has_others_between_them() -> None:
    made = piece("ornament")
    assert hard(made) == []
    for notes, model in pairs(made, "ornament"):
        shift = notes[0].onset - model[0].onset
        here = {n.onset: n.pitch for n in notes}
        # The bar in which the phrase arrives has a close of its own.
        own = {n.onset + shift: n.pitch for n in model if n.onset + shift < 7 * BAR}
        assert own.items() <= here.items()
        assert len(here) > len(own)


def test_an_idea_in_another_rhythm_has_its_notes_in_their_order() -> None:
    made = piece("rhythm")
    assert hard(made) == []
    changed = 0
    for notes, model in pairs(made, "rhythmic_variation"):
        own = [n for n in model if n.onset + notes[0].onset - model[0].onset < 7 * BAR]
        assert [n.pitch for n in notes] == [n.pitch for n in own]
        changed += lengths(notes) != lengths(own)
    assert changed


def test_an_augmentation_has_the_same_steps_in_notes_twice_as_long() -> None:
    made = piece("augmentation")
    assert hard(made) == []
    ((found, model),) = pairs(made, "augmentation")
    count = len(found)
    assert count > 3
    assert lengths(found)[:-1] == [2 * length for length in lengths(model)][: count - 1]
    assert strides(found) == strides(model)[: count - 1]


def test_a_diminution_has_the_same_steps_in_notes_half_as_long() -> None:
    made = piece("diminution")
    assert hard(made) == []
    first, second, again = pairs(made, "diminution")
    for found, model in (first, again):
        assert lengths(found) == [length / 2 for length in lengths(model)]
        assert strides(found) == strides(model)
    found, model = second
    assert lengths(found)[:-1] == [length / 2 for length in lengths(model)][: len(found) - 1]


@pytest.mark.parametrize("how", ["inversion", "retrograde"])
def test_in_four_parts_the_melody_is_turned_up_to_the_cadence(how: str) -> None:
    made = piece(how, "beat", "surface: none")
    assert hard(made) == []
    first, model = pairs(made, how)[0]
    turned = [-step for step in strides(model)]
    expected = turned[::-1] if how == "retrograde" else turned
    # To lose it is a strong fault and not a hard one: where a stride differs, that is told.
    lost = sum(a != b for a, b in zip(strides(first), expected, strict=True))
    assert lost <= 1
    assert made.cost[0] or not lost
    assert any(turned)


def test_the_plan_says_what_is_turned_and_the_picture_shows_it(solver: Solver) -> None:
    text = SECTIONS.format(how="retrograde", moves="half", texture=TUNE)
    plan = planned(solver, text)
    ruler = Ruler(Fraction(0), BAR)
    said = form_show.text(plan, ruler)
    assert "like A, backwards" in said
    assert "retrograde of bars 1-2" in said
    drawn = form_svg.svg(plan, ruler)
    assert "<title>retrograde of bars 1-2</title>" in drawn and ">retr.<" in drawn


def test_the_development_of_a_sonata_works_with_the_ideas_of_its_exposition(
    solver: Solver,
) -> None:
    ways = set()
    for seed in range(1, 5):
        plan = planned(solver, "form: sonata\ntexture: song", seed)
        known = {idea.name: idea for idea in plan.ideas}
        middle = plan.section("2")
        heads = [i for i in plan.ideas if i.name.startswith("2.") and i.name.endswith(".1")]
        assert heads
        for idea in heads:
            assert middle.begin <= idea.begin < middle.end
            assert known[idea.of].end <= middle.begin
        ways |= {idea.how for idea in heads}
        assert all(a.how != b.how for a, b in pairwise(heads))
    assert len(ways & set(TURNS)) > 2


def test_other_note_values_are_planned_for_invented_melodies_alone(solver: Solver) -> None:
    for seed in range(1, 7):
        plan = planned(solver, "form: sonata", seed)
        assert not {"augmentation", "diminution"} & {idea.how for idea in plan.ideas}


@pytest.mark.parametrize(
    ("how", "texture", "words"),
    [
        ("augmentation", "", "augmentation needs a melody with a rhythm of its own"),
        ("[inversion, retrograde]", TUNE, "inversion and retrograde do not go together"),
        ("[inversion, harmony]", TUNE, "inversion and harmony do not go together"),
        ("density", "", "it changes its density, and no density is given"),
        ("[ending, texture]", TUNE, "it changes its texture, and no texture is given"),
    ],
)
def test_changes_that_cannot_be_are_refused_where_they_stand(
    solver: Solver, how: str, texture: str, words: str
) -> None:
    with pytest.raises(BadSpec) as error:
        planned(solver, SECTIONS.format(how=how, moves="half", texture=texture))
    (fault,) = error.value.faults
    assert words in fault.message
    assert fault.line == 9 + texture.count("\n")
