"""Fitted weights: what taught them they predict, and what they are written into is a style."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cspcomposer import cli, fit, fit_logit, fit_style, lint, rulebook, specfile
from cspcomposer.brief import own_rules
from cspcomposer.compose import compose
from cspcomposer.corpus import path_of
from cspcomposer.errors import BadInput, BadRules, BadSpec
from cspcomposer.fit import Fit
from cspcomposer.fit_choices import Choice

SOURCES = [path_of(f"bach/{name}") for name in ("bwv66.6", "bwv269", "bwv347")]
SMALL = partial(fit.fit, beats=12, jobs=1)


def chosen(prices: list[float], beats: int) -> list[Choice]:
    """Return choices among four alternatives, made by chance at known prices."""
    chance = np.random.default_rng(1)
    out = []
    for _ in range(beats):
        counts, many = chance.integers(0, 3, (4, len(prices))), chance.integers(1, 4, 4)
        weights = many * np.exp(-counts @ np.array(prices))
        out.append(Choice(counts, many, int(chance.choice(4, p=weights / weights.sum()))))
    return out


@pytest.fixture(scope="module")
def small() -> Fit:
    return SMALL(SOURCES)


@pytest.fixture(scope="module")
def style(small: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("styles") / "mine.lp"
    path.write_text(fit_style.text(small, command="cspcomposer study --fit"))
    return path


def test_the_prices_that_made_choices_are_found_again() -> None:
    prices = [0.0, 0.5, 1.2, 2.5]
    assert fit_logit.fitted(chosen(prices, 4000)) == pytest.approx(prices, abs=0.15)


def test_a_fault_that_is_liked_costs_nothing_and_one_never_made_no_more_than_the_dearest() -> None:
    found = fit_logit.fitted(chosen([-1.0, 30.0], 2000), spread=1000.0)
    assert found == pytest.approx([0.0, fit_logit.DEAREST])


def test_a_known_price_stays_and_the_others_are_fitted_around_it() -> None:
    found = fit_logit.fitted(chosen([1.0, 2.0], 2000), fixed=np.array([1.0, np.nan]))
    assert found[0] == 1.0
    assert found[1] == pytest.approx(2.0, abs=0.2)


def test_no_other_prices_make_the_choices_likelier() -> None:
    choices = chosen([0.3, 1.0], 300)
    best = fit_logit.fitted(choices, spread=1000.0)

    def surprise(prices: NDArray[np.float64]) -> float:
        return sum(fit_logit.surprise(choice, prices) for choice in choices)

    for step in ([0.02, 0.0], [-0.02, 0.0], [0.0, 0.02], [0.0, -0.02]):
        assert surprise(best + step) > surprise(best)


def test_alternatives_that_cost_the_same_share_their_place() -> None:
    choice = Choice(np.array([[0, 0], [1, 0], [0, 1]]), np.array([2, 3, 1]), 1)
    assert fit_logit.place(choice, np.array([1, 5])) == 4.0
    assert fit_logit.place(choice, np.array([0, 5])) == 3.0
    assert fit_logit.place(choice, np.array([9, 5])) == 5.0


def test_every_strong_and_mild_rule_of_the_style_has_a_weight(small: Fit) -> None:
    words = rulebook.severities("chorale")
    absent = ("form", "given", "plan")
    looked_at = {p.stem for p in rulebook.rule_files() if p.parent.name not in absent}
    assert {w.rule: w.severity for w in small.weights} == {
        rule: words[rule] for rule in looked_at if words[rule] in ("strong", "mild")
    }
    assert all(0 <= w.cost <= 50 for w in small.weights if w.fitted)
    assert all(w.cost == w.before for w in small.weights if not w.fitted)
    assert 0 < small.beats <= small.tried <= 12


def test_the_file_is_a_style_with_these_weights_and_else_that_fitted_from(
    small: Fit, style: Path
) -> None:
    assert lint.lint(style, role="styles") == []
    weights = rulebook.weights(str(style))
    before = rulebook.weights("chorale")
    assert weights == before | {w.rule: w.cost for w in small.weights}
    assert rulebook.severities(str(style)) == rulebook.severities("chorale")
    assert rulebook.ranges(str(style)) == rulebook.ranges("chorale")


def test_the_file_says_how_it_was_made(small: Fit, style: Path) -> None:
    text = style.read_text()
    assert "`cspcomposer study --fit`" in text
    assert "Too few pieces to hold any out" in text and not small.held_out
    fitted = next(w for w in small.weights if w.fitted)
    line = next(row for row in text.splitlines() if f"({fitted.rule}," in row and "weight" in row)
    assert f"% {fitted.here:.2f} in 100 beats; alternatives {fitted.elsewhere:.2f}" in line


def test_the_same_music_gives_the_same_file(small: Fit, style: Path) -> None:
    assert fit_style.text(SMALL(SOURCES), command="cspcomposer study --fit") == style.read_text()


def test_a_percent_sign_in_a_name_does_not_end_the_comment(small: Fit, tmp_path: Path) -> None:
    path = tmp_path / "odd.lp"
    path.write_text(fit_style.text(small, command="study 100*% --fit\n"))
    assert rulebook.weights(str(path))


def test_a_specification_composes_in_a_style_of_ones_own(style: Path) -> None:
    spec = style.with_name("piece.yaml")
    spec.write_text("bars: 1\nstyle: mine.lp\nsurface: none\neffort: {conflicts: 200}\n")
    piece = compose(specfile.load(spec))
    assert piece.report.style == str(style)
    assert not [v for v in piece.report.violations if v.severity == "hard"]


def test_a_style_of_ones_own_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clever.lp").write_text("uses(F) :- heeded(F).\n")
    with pytest.raises(BadRules, match=r"clever.lp:1: a definition in a style: expected facts"):
        rulebook.style_file(str(tmp_path / "clever.lp"))
    spec = tmp_path / "piece.yaml"
    spec.write_text("bars: 1\nstyle: clever.lp\n")
    with pytest.raises(BadSpec, match=r"clever.lp:1: a definition in a style"):
        own_rules(specfile.load(spec))
    spec.write_text("bars: 1\nstyle: missing.lp\n")
    with pytest.raises(BadSpec, match=r"style: no such file: .*missing.lp"):
        specfile.load(spec)


def test_the_command_writes_a_style_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fit, "fit", partial(fit.fit, beats=2))
    out = tmp_path / "fitted.lp"
    (tmp_path / "bad.musicxml").write_text("<nonsense/>")
    sources = [str(SOURCES[0]), str(tmp_path / "bad.musicxml")]
    assert cli.main(["study", *sources, "--fit", "--jobs", "1", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out == f"{out}\n"
    assert said.err.startswith("left out: ") and said.err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.musicxml", "fitted.lp"]
    assert rulebook.weights(str(out))


def test_what_cannot_be_fitted_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["study", str(tmp_path / "missing"), "--fit"]) == 2
    assert "no such file or folder" in capsys.readouterr().err
    assert cli.main(["study", "--fit", "--style", "choral"]) == 2
    assert "Did you mean 'chorale'?" in capsys.readouterr().err
    assert cli.main(["study", "--fit", "--out", "weights.txt"]) == 2
    assert "a style file's name ends in .lp" in capsys.readouterr().err
    (tmp_path / "bad.musicxml").write_text("<nonsense/>")
    with pytest.raises(BadInput, match="bad"):
        SMALL([tmp_path])
    (tmp_path / "bad.musicxml").unlink()
    (tmp_path / "octaves.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nV:1\nc d e f|\nV:2\nC D E F|\n")
    with pytest.raises(BadInput, match="at no beat did the hard rules allow what is written"):
        SMALL([tmp_path])
