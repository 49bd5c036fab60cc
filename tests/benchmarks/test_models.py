"""The benchmarks' rule files keep the house style, hold, and are alone with what they state."""

from __future__ import annotations

from pathlib import Path

import diatony_oracle
import pytest
from diatony import clingo, spec
from diatony_problem import instances, price

from cspcomposer import compose, rulebook
from cspcomposer.lint import lint
from cspcomposer.rulebook_examples import examples, run_example

HERE = Path(__file__).parent
MODELS = ("brother", "diatony", "peers")
FILES = sorted(path for path in HERE.glob("*/rules/*.lp"))
EXAMPLES = [(path, example) for path in FILES for example in examples(path)]
# Where there is no plan and no invented line nothing can break these.
PLANNED = {
    path.stem
    for path in rulebook.rule_files()
    if path.parent.name in ("form", "plan", "rhythm", "texture", "tune")
} - {
    "cadence_not_as_asked", "phrase_without_cadence", "weak_final_cadence", "wrong_first_chord",
    "wrong_last_chord",
}  # fmt: skip
SHIPPED = {
    "brother": set(),
    "diatony": {"given_harmony_changed", "given_inversion_changed", "leap_beyond_octave",
                "voice_crossing", "wide_spacing"},
    "peers": {"doubled_leading_tone", "given_harmony_changed", "given_inversion_changed",
              "parallel_fifths", "parallel_octaves", "parallel_unisons", "voice_crossing",
              "wide_spacing"},
}  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.parent.name}-{p.stem}")
def test_a_rule_keeps_the_house_style(path: Path) -> None:
    assert "\n".join(map(str, lint(path))) == ""


@pytest.mark.parametrize("name", MODELS)
def test_a_style_keeps_the_house_style(name: str) -> None:
    assert "\n".join(map(str, lint(HERE / name / f"{name}.lp", role="styles"))) == ""


@pytest.mark.parametrize(
    ("path", "example"), EXAMPLES, ids=[f"{p.parent.parent.name}-{e[8:]}" for p, e in EXAMPLES]
)
def test_an_example_finds_what_it_expects_and_nothing_else(path: Path, example: str) -> None:
    verdict = run_example(path, example)
    assert verdict.remarks == ()
    assert verdict.holds


@pytest.mark.parametrize("name", MODELS)
def test_no_rule_is_on_but_those_of_the_model(name: str) -> None:
    own = {path.stem for path in FILES if path.parent.parent.name == name}
    style = HERE / name / f"{name}.lp"
    words = rulebook.severities(str(style), folders=[HERE / name / "rules"])
    on = {rule for rule, word in words.items() if word in ("hard", "strong", "mild")}
    assert on - PLANNED == own | SHIPPED[name]


@pytest.mark.parametrize("number", [0, 13, 33])
def test_clingo_and_dynamic_programming_agree_on_the_best_setting(number: int) -> None:
    instance = instances()[number]
    found = clingo(instance, 60)
    assert found.optimal
    assert found.price == diatony_oracle.best(instance)


@pytest.mark.parametrize("number", [0, 12, 33])
def test_a_small_problem_is_proven_by_the_whole_program_too(number: int) -> None:
    instance = instances()[number]
    piece = compose.compose(spec(instance))
    assert piece.status == "optimal"
    assert price(piece.score) == diatony_oracle.best(instance)
