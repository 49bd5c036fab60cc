"""A study counts what checks find; the shipped one holds the styles to account."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from rich.console import Console

from cspcomposer import rulebook
from cspcomposer import study as studies
from cspcomposer.check import check, heard, told
from cspcomposer.corpus import bach_chorales, path_of
from cspcomposer.errors import BadInput
from cspcomposer.read import read
from cspcomposer.render import write
from cspcomposer.study import Spot, Study, study

PAGE = rulebook.folder() / "STUDY.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (\d+) \| ([\d.]+) \| ([\d.]+)% \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("scores")
    for name in ("bwv66.6", "bwv269"):
        write(read(path_of(f"bach/{name}")), place, name, ["musicxml"])
    return place


@pytest.fixture(scope="module")
def small(folder: Path) -> Study:
    return study([folder], jobs=1)


def test_a_study_is_the_sum_of_its_checks(folder: Path, small: Study) -> None:
    reports = [check(read(path)) for path in sorted(folder.iterdir())]
    assert (small.pieces, small.beats) == (2, sum(r.beats for r in reports))
    for count in small.rules:
        found = [r.counts["rule"].get(count.rule, 0) for r in reports]
        assert count.count == sum(found)
        assert count.rate == pytest.approx(100 * count.count / float(small.beats))
        assert count.clean == found.count(0) / 2
        assert len(count.spots) == min(count.count, studies.PLACES)


def test_every_rule_that_is_on_is_listed_or_silent(small: Study) -> None:
    on = {rule: word for rule, word in rulebook.severities("chorale").items() if word != "off"}
    assert {c.rule: c.severity for c in small.rules} == {
        rule: word for rule, word in on.items() if rule not in small.silent
    }
    assert set(small.silent) < set(on)


def test_rules_of_plans_and_wishes_say_nothing_of_a_score(small: Study) -> None:
    listed = {c.rule for c in small.rules}
    assert {"parallel_fifths", "unexplained_dissonance", "missing_third"} <= listed
    assert {"climax_missed", "given_note_changed", "section_without_a_form"} <= set(small.silent)
    assert "more speak of what no score says" in studies.markdown(small)


def test_whatever_is_found_is_listed_though_the_first_piece_tells_less(tmp_path: Path) -> None:
    score = read(path_of("bach/bwv10.7"))
    plain = tuple(
        replace(v, notes=tuple(replace(n, fermata=False) for n in v.notes)) for v in score.voices
    )
    without = replace(score, voices=plain, phrase_ends=())
    write(without, tmp_path, "a", ["musicxml"])
    write(score, tmp_path, "b", ["musicxml"])
    reports = [check(read(path)) for path in sorted(tmp_path.iterdir())]
    found = {v.rule for report in reports for v in report.violations}
    assert "phrase_without_cadence" in found - {v.rule for v in reports[0].violations}
    assert found <= {c.rule for c in study([tmp_path], jobs=1).rules}


def test_a_rule_that_needs_a_wish_is_silent(folder: Path, tmp_path: Path) -> None:
    for name, needed in (("a_wish", "wanted_cadence(T,_)"), ("a_note", "pitch(_,T,_)")):
        (tmp_path / f"{name}.lp").write_text(
            f'rule({name}, "{name}"). message({name}, "so"). advice({name}, "Do.").\n'
            f'source({name}, "a test"). severity({name}, mild).\n'
            f"violation({name},T,()) :- active({name}), {needed}.\n"
        )
    found = study([folder], jobs=1, folders=[tmp_path])
    assert "a_wish" in found.silent and "a_note" in {c.rule for c in found.rules}


def test_two_processes_find_what_one_finds(folder: Path, small: Study) -> None:
    assert study([folder], jobs=2) == small


def test_a_study_is_written_for_readers_and_for_programs(small: Study) -> None:
    page = studies.markdown(small, command="make study", notes="## Notes\n\nNone.")
    assert "Written by `make study`" in page and "## Notes" in page
    assert len(ROW.findall(page)) == len(small.rules)
    data = studies.as_json(small)
    assert json.loads(json.dumps(data)) == data
    out = io.StringIO()
    Console(file=out, width=120).print(studies.table(small))
    assert "Voice overlap" in out.getvalue()


def test_a_score_that_cannot_be_read_is_told_and_left_out(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.musicxml").write_text("<nonsense/>")
    found = study([tmp_path, folder / "bwv269.musicxml"], jobs=1)
    assert found.pieces == 1
    assert [Path(name).name for name, _ in found.failures] == ["bad.musicxml"]
    assert "## Not checked" in studies.markdown(found)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file or folder"):
        study([tmp_path / "missing"])
    with pytest.raises(BadInput, match="no scores in this folder"):
        study([tmp_path])


def test_a_spot_is_written_as_piece_bar_and_beat() -> None:
    assert str(Spot("bwv269", 3, Fraction(5, 2))) == "bwv269 3:2.5"


def shipped() -> dict[str, tuple[str, float]]:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {rule: (word, float(rate)) for rule, word, _, rate, _ in rows}


def test_what_is_hard_in_the_chorale_style_bach_hardly_ever_breaks() -> None:
    rates = shipped()
    words = rulebook.severities("chorale")
    # What is given or planned is so by a specification: no music can break those rules.
    said = heard(told(check(read(path_of("bach/bwv66.6"))).score))
    hard = {r for r in said if words[r] == "hard"}
    assert hard <= set(rates), "STUDY.md is older than the rules: study anew"
    assert {r: rates[r][1] for r in hard if rates[r][1] >= 0.3} == {}


def test_the_page_shows_the_severities_of_the_style() -> None:
    words = rulebook.severities("chorale")
    assert {r: w for r, (w, _) in shipped().items() if words.get(r) != w} == {}, "study anew"


def test_the_rates_that_a_style_quotes_are_those_of_the_page() -> None:
    text = (rulebook.folder() / "styles" / "chorale.lp").read_text()
    quoted = re.findall(r"^set_\w+\((\w+),\w+\)\. +% Bach: ([\d.]+) in", text, re.MULTILINE)
    rates = shipped()
    assert len(quoted) > 30
    assert [r for r, rate in quoted if abs(float(rate) - rates[r][1]) > 0.1] == []


def test_every_rule_has_a_severity_in_every_style() -> None:
    ids = {path.stem for path in rulebook.rule_files()}
    for style in rulebook.styles():
        assert set(rulebook.severities(style)) == ids


def test_styles_name_only_rules_that_exist() -> None:
    ids = {path.stem for path in rulebook.rule_files()}
    for style in rulebook.styles():
        text = rulebook.style_file(style).read_text()
        assert set(re.findall(r"set_\w+\((\w+),", text)) <= ids


@pytest.mark.slow
def test_all_chorales_are_checked_and_counted_as_an_independent_program_counts() -> None:
    found = study(["bach"])
    assert found.failures == ()
    assert found.pieces == len(bach_chorales()) == 407
    rates = {c.rule: c.rate for c in found.rules}
    for rule, expected in {
        "parallel_fifths": 0.151, "parallel_octaves": 0.082, "voice_crossing": 3.94,
        "wide_spacing": 2.53, "direct_fifths": 0.23, "direct_octaves": 0.21,
    }.items():  # fmt: skip
        assert rates[rule] == pytest.approx(expected, rel=1 / 3), rule


def test_a_study_of_nothing_that_can_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "two.abc").write_text("X:1\nK:C\nC|\nX:2\nK:C\nC|\n")
    with pytest.raises(BadInput, match="The file holds 2 tunes"):
        studies.study([tmp_path], jobs=1)
