"""Plans: what forms there are, what they decide, what contradicts itself, how they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from composing import ROOT, spec

from cspcomposer import cli, form, form_show, form_svg
from cspcomposer import pitch as pitches
from cspcomposer.errors import BadRules, BadSpec, NoSolution
from cspcomposer.form_show import Ruler
from cspcomposer.plan import Plan, Region
from cspcomposer.solver import Solver

BAR = Fraction(4)
STRENGTH = {"any": 0, "half": 1, "deceptive": 1, "imperfect": 2, "plagal": 2, "perfect": 3}


@pytest.fixture(scope="module")
def solver() -> Iterator[Solver]:
    with Solver() as one:
        yield one


def planned(solver: Solver, text: str, seed: int = 1, refused: tuple[str, ...] = ()) -> Plan:
    loaded = spec(text)
    return form.plan(solver, loaded, seed=seed, top=pitches.parse("A5"), refused=refused)


def closes(plan: Plan) -> list[str]:
    return [phrase.cadence for phrase in plan.phrases]


@pytest.mark.parametrize("name", form.names())
def test_a_form_gives_a_plan_that_tiles_the_piece_and_closes_at_home(
    solver: Solver, name: str
) -> None:
    plan = planned(solver, f"form: {name}\nkey: E minor")
    assert plan.phrases[0].begin == 0
    for before, after in pairwise(plan.phrases):
        assert before.end == after.begin
    # A blues closes by its scheme.
    assert plan.phrases[-1].cadence == ("any" if name == "blues" else "perfect")
    assert str(plan.phrases[-1].key) == "E minor"
    for phrase, tree in zip(plan.phrases, plan.harmony, strict=True):
        assert (tree.begin, tree.end) == (phrase.begin, phrase.end)
        leaves = list(tree.leaves())
        assert all(a.end == b.begin for a, b in pairwise(leaves))
        assert leaves[-1].end == phrase.end


@pytest.mark.parametrize("name", ["aaba", "rondo", "strophic", "verse_chorus"])
def test_what_returns_exactly_has_the_same_phrases_keys_and_cadences(
    solver: Solver, name: str
) -> None:
    plan = planned(solver, f"form: {name}")
    checked = 0
    for section in plan.sections:
        if section.depth > 1 or not section.like or section.changes:
            continue
        model = plan.section(section.like)
        shift = section.begin - model.begin
        assert section.end - section.begin == model.end - model.begin
        here = [p for p in plan.phrases if section.begin <= p.begin < section.end]
        there = [p for p in plan.phrases if model.begin <= p.begin < model.end]
        assert [(p.begin - shift, p.cadence, str(p.key)) for p in here] == [
            (p.begin, p.cadence, str(p.key)) for p in there
        ]
        checked += 1
    assert checked


def test_half_comes_before_full_and_the_strongest_close_comes_last(solver: Solver) -> None:
    for seed in range(4):
        plan = planned(solver, "form: period\nbars: 8".replace("period", "A B"), seed)
        strengths = [STRENGTH[kind] for kind in closes(plan)]
        assert strengths[-1] == max(strengths) == 3


def test_the_climax_comes_once_and_late_in_bars_that_do_not_return(solver: Solver) -> None:
    plan = planned(solver, "form: aaba")
    assert plan.climax
    bar = plan.climax.begin / BAR
    assert bar >= 16
    (inside,) = [s for s in plan.sections if s.depth == 1 and s.begin <= plan.climax.begin < s.end]
    assert inside.label == "B"


def test_a_sonata_brings_its_second_theme_home(solver: Solver) -> None:
    plan = planned(solver, "form: sonata\nkey: C major")
    keys = [str(s.key) for s in plan.sections if s.label == "second theme"]
    assert keys == ["G major", "C major"]
    second = [s for s in plan.sections if s.label == "second theme"][1]
    assert second.changes == ("key",)


def test_keys_change_where_the_plan_says_how(solver: Solver) -> None:
    text = "form: A B\nkey: C major\nsections:\n  A: {bars: 8, closes_in: G major}\n  B: {bars: 8}"
    plan = planned(solver, text)
    turn = plan.modulations[0]
    assert str(turn.key) == "G major"
    assert turn.how in ("pivot", "applied", "chromatic")
    assert plan.phrases[0].begin < turn.time < 8 * BAR
    assert any(m.how == "direct" and m.time == 8 * BAR for m in plan.modulations)


def test_letters_say_what_returns_and_what_a_prime_changes(solver: Solver) -> None:
    text = """
form: A A' B A''
sections:
  A: {bars: 4}
  A': {changes: ending}
  B: {bars: 4, key: E minor}
  A'': {like: A', changes: harmony}
key: G major
"""
    plan = planned(solver, text)
    top = [s for s in plan.sections if s.depth == 1]
    assert [(s.label, s.like, s.changes) for s in top] == [
        ("A", "", ()),
        ("A'", "1", ("ending",)),
        ("B", "", ()),
        ("A''", "2", ("harmony",)),
    ]
    assert str(top[2].key) == "E minor"


def test_another_seed_gives_another_plan_and_the_same_seed_the_same(solver: Solver) -> None:
    plans = [planned(solver, "form: ternary", seed) for seed in (1, 1, 2, 3)]
    assert plans[0] == plans[1]
    assert len({str(plan) for plan in plans}) > 1


def test_a_plan_that_could_not_be_set_is_not_made_again(solver: Solver) -> None:
    first = planned(solver, "form: A B\nbars: 8")
    phrase = first.phrases[0]
    said = f"refused(0,{phrase.cadence},{phrase.key.tonic},{phrase.key.mode})."
    again = planned(solver, "form: A B\nbars: 8", refused=(said,))
    assert again.phrases[0].cadence != phrase.cadence


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("form: A B\nsections:\n  A: {bars: 8}\n  B: {bars: 12, like: A}", 4, "has 12 bars"),
        ("form: A B\nsections:\n  A: {bars: 1, closes_in: G major}\n  B: {bars: 8}", 3, "never"),
        ("form: A B\nbars: 12\nsections:\n  A: {bars: 8}\n  B: {bars: 8}", 2, "16 bars in all"),
        ("form: A B A\nsections:\n  B: {bars: 7, form: sentence}", 3, "cannot be made"),
    ],
)
def test_a_plan_that_contradicts_itself_names_its_lines(
    solver: Solver, text: str, line: int, words: str
) -> None:
    with pytest.raises(NoSolution) as error:
        planned(solver, text)
    assert any(f.line == line and words in f.message for f in error.value.faults), error.value


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("form: rondeau", 1, "there is no form 'rondeau'"),
        ("form: rondo\nsections:\n  D: {bars: 8}", 3, "no such section"),
        ("form: A B\nsections:\n  A: {like: B}", 3, "no section B before A"),
        ("form: A B\nsections:\n  B: {changes: key}", 3, "nothing to change"),
        ("form: rondo\nsections:\n  A: {form: periodd}", 3, "there is no form 'periodd'"),
    ],
)
def test_a_form_that_is_not_known_is_refused_where_it_stands(
    solver: Solver, text: str, line: int, words: str
) -> None:
    with pytest.raises(BadSpec) as error:
        planned(solver, text)
    (fault,) = error.value.faults
    assert fault.line == line
    assert words in fault.message


def test_a_form_and_phrases_do_not_go_together() -> None:
    with pytest.raises(BadSpec, match="either form or phrases"):
        spec("form: rondo\nphrases: [{bars: 4}]")


def test_a_form_of_ones_own_is_facts_in_one_file(solver: Solver, tmp_path: Path) -> None:
    text = (ROOT / "examples" / "my_forms" / "bar_form.lp").read_text()
    (tmp_path / "bar_form.lp").write_text(text)
    loaded = spec("form: bar_form.lp", tmp_path / "x.yaml")
    plan = form.plan(solver, loaded, seed=1)
    assert [s.label for s in plan.sections if s.depth == 1] == ["Stollen", "Stollen", "Abgesang"]
    (tmp_path / "bar_form.lp").write_text(text + "\nharm(X) :- form(X,_).\n")
    with pytest.raises(BadRules, match="expected facts alone"):
        form.plan(solver, spec("form: bar_form.lp", tmp_path / "x.yaml"), seed=2)


def test_an_authentic_phrase_is_derived_from_a_tonic_that_a_dominant_prepares(
    solver: Solver,
) -> None:
    plan = planned(solver, "form: A\nbars: 4\nsections: {A: {cadence: perfect}}")
    (tree,) = plan.harmony
    functions = [leaf.function for leaf in tree.leaves()]
    assert functions[-1] == "tonic"
    assert "dominant" in functions

    def steps(region: Region) -> Iterator[str]:
        if region.parts:
            yield region.how
        for part in region.parts:
            yield from steps(part)

    assert "prepared" in set(steps(tree))


def test_a_blues_keeps_its_scheme_in_strong_bars_and_substitutes_in_weak_ones(
    solver: Solver,
) -> None:
    found: dict[int, set[str]] = {bar: set() for bar in range(1, 13)}
    for seed in range(1, 13):
        plan = planned(solver, "form: blues\nstyle: blues", seed)
        for tree in plan.harmony:
            for leaf in tree.leaves():
                found[int(leaf.begin / BAR) + 1].add(leaf.function)
    assert all(found[bar] == {"ground"} for bar in (1, 3, 7, 11, 12))
    assert found[5] == {"fourth"}
    assert found[9] <= {"fifth", "subdominant", "applied"}
    assert found[2] == {"ground", "fourth"}
    assert {"ground", "applied"} <= found[4] | found[8]
    assert {"fifth", "fourth"} <= found[10]


def test_a_turnaround_leads_to_another_chorus_and_never_out_of_the_last(solver: Solver) -> None:
    text = "style: blues\nform: A B\nsections:\n"
    text += "  A: {bars: 12, form: blues}\n  B: {bars: 12, form: blues}\n"
    ends = set()
    for seed in range(1, 11):
        plan = planned(solver, text, seed)
        first, last = (list(plan.harmony[n].leaves())[-1].function for n in (2, 5))
        assert last == "ground"
        ends.add(first)
    assert ends == {"ground", "fifth"}


def test_groups_of_bars_begin_with_phrases_and_eights_with_what_is_built_of_eight(
    solver: Solver,
) -> None:
    text = "form: A B\nsections:\n  A: {bars: 8, form: period}\n  B: {bars: 5, form: phrase}"
    plan = planned(solver, text)
    assert plan.hypermetre == (3, 0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 0)


def test_keys_change_and_phrases_begin_in_strong_bars(solver: Solver) -> None:
    text = "form: A B\nsections:\n  A: {bars: 12, closes_in: G major}\n  B: {bars: 12}"
    turns = 0
    for seed in range(6):
        plan = planned(solver, text, seed)
        for change in plan.modulations:
            assert plan.hypermetre[int(change.time / BAR)] > 0
            turns += change.how != "direct"
        assert all(plan.hypermetre[int(phrase.begin / BAR)] > 1 for phrase in plan.phrases)
    assert turns


@pytest.mark.parametrize(("word", "held"), [("mild", False), ("off", True)])
def test_a_chord_that_lasts_enters_where_a_group_of_bars_begins(
    solver: Solver, word: str, held: bool
) -> None:
    rules = f"rules: {{lingering_region: off, harmony_over_a_strong_bar: {word}}}"
    lasting, over = 0, 0
    for seed in range(6):
        plan = planned(solver, f"form: aaba\n{rules}", seed)
        for tree in plan.harmony:
            for leaf in tree.leaves():
                first, stop = int(leaf.begin / BAR), int(leaf.end / BAR)
                inside = plan.hypermetre[first + 1 : stop]
                lasting += stop > first + 1
                over += any(strength > plan.hypermetre[first] for strength in inside)
    assert lasting
    assert bool(over) == held


def test_a_plan_is_shown_as_text_and_as_a_picture(solver: Solver) -> None:
    plan = planned(solver, "form: aaba\nkey: G major")
    ruler = Ruler(Fraction(0), BAR)
    text = form_show.text(plan, ruler, "Song")
    for words in ("AABA song form, 32 bars, G major", "A' again", "Climax:", "bars 25-", "T -",
                  "          8   .   2   .   4   .   2   .   8"):  # fmt: skip
        assert words in text
    assert max(map(len, text.splitlines())) <= 110
    drawn = form_svg.svg(plan, ruler, "Song & dance")
    assert drawn.startswith("<svg") and "Song &amp; dance" in drawn and drawn.count("<rect") > 30


def test_a_picture_shows_where_upbeats_lead_to_phrases(solver: Solver) -> None:
    sections = "sections: {A: {bars: 4, form: phrase}, B: {bars: 4, form: phrase, upbeat: 1/4}}"
    plan = planned(solver, f"form: A B A\nmetre: 3/4\ntexture: song\n{sections}")
    drawn = form_svg.svg(plan, Ruler(Fraction(0), Fraction(3)))
    assert re.findall("<title>(bar [0-9]+ has an upbeat.*)</title>", drawn) == [
        "bar 5 has an upbeat of 1/4 of a whole note"
    ]


def test_the_command_plan_writes_both_and_composes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "song.yaml"
    path.write_text("form: A B\nbars: 8\n")
    assert cli.main(["plan", str(path), "--out", str(tmp_path)]) == 0
    assert {p.name for p in tmp_path.iterdir()} == {"song.yaml", "song.plan.txt", "song.plan.svg"}
    assert "Harmony" in capsys.readouterr().out
    path.write_text("bars: 8\n")
    assert cli.main(["plan", str(path)]) == 2
    assert "it asks for no form" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "words"), [("--prove", "not proven"), ("--answers=2", "several")]
)
def test_what_does_not_go_with_a_form_is_refused_at_once(
    option: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "song.yaml"
    path.write_text("form: A B\nbars: 8\n")
    assert cli.main(["compose", str(path), "--out", str(tmp_path), option]) == 2
    assert words in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["song.yaml"]


def test_a_key_that_is_entered_by_its_dominant_has_room_for_it(solver: Solver) -> None:
    plan = planned(solver, "form: sonata\nkey: E minor\nbars: 128\n", seed=5)
    turns = [change.time for change in plan.modulations if change.how == "applied"]
    assert turns
    entering = [
        leaf.function for tree in plan.harmony for leaf in tree.leaves() if leaf.begin in turns
    ]
    assert entering and set(entering) <= {"dominant", "applied"}
