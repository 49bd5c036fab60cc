"""What a sweep means, and what is said of one that cannot be."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cspcomposer import batch_sweep, batch_values, specfile
from cspcomposer.batch_identity import Register
from cspcomposer.batch_plan import Plan
from cspcomposer.candidates_quota import most
from cspcomposer.errors import BadSpec


def plan(sweep: str, base: str = "bars: 2", path: Path = Path("a.yaml")) -> Plan:
    text = f"{base}\nsweep: {sweep}\n"
    return batch_sweep.planned(specfile.opened(text.encode(), path))


def pieces(sweep: str, base: str = "bars: 2") -> list[dict[str, Any]]:
    found = plan(sweep, base)
    return [found.inputs(piece) for piece in found.pieces()]


def test_every_value_of_a_matrix_meets_every_other() -> None:
    assert pieces("{matrix: {key: [C, G], tempo: [60, 70, 80]}}") == [
        {"key": key, "tempo": tempo} for key in ("C", "G") for tempo in (60, 70, 80)
    ]


def test_zipped_values_go_together_and_meet_the_matrix() -> None:
    found = pieces("{zip: {key: [C, G], tempo: [60, 70]}, matrix: {surface: [none, some]}}")
    assert [(p["key"], p["tempo"], p["surface"]) for p in found] == [
        ("C", 60, "none"), ("G", 70, "none"), ("C", 60, "some"), ("G", 70, "some")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "seeds"), [("3", [1, 2, 3]), ("5-7", [5, 6, 7]), ("[9, 4]", [9, 4])]
)
def test_seeds_are_a_number_a_range_or_a_list(said: str, seeds: list[int]) -> None:
    assert [piece["seed"] for piece in pieces(f"{{seeds: {said}}}")] == seeds


def test_keys_within_others_and_items_of_lists_can_be_swept() -> None:
    base = "phrases: [{bars: 2}, {bars: 2}]"
    sweep = "{matrix: {phrases.2.cadence: [half, plagal], rules.direct_fifths: [off, hard]}}"
    found = plan(sweep, base)
    specs = [found.loaded(piece).spec for piece in found.pieces()]
    assert [(s.phrases[1].cadence, s.rules["direct_fifths"]) for s in specs if s.phrases] == [
        ("half", "off"), ("half", "hard"), ("plagal", "off"), ("plagal", "hard")
    ]  # fmt: skip


def test_a_key_within_what_is_written_short_can_be_swept() -> None:
    base = "bars: 1\nprior: tables\nvoices: [soprano, bass]"
    found = plan("{matrix: {prior.weight: [2], voices.2.clef: [tenor]}}", base)
    (spec,) = (found.loaded(piece).spec for piece in found.pieces())
    assert (spec.prior.model, spec.prior.weight) == ("tables", 2)
    assert (spec.voices[1].name, spec.voices[1].clef) == ("bass", "tenor")


def test_minor_keys_only_with_slow_tempi() -> None:
    sweep = "{matrix: {key: [C major, a, d minor], tempo: [60, 80, 100]}, where: ["
    found = pieces(sweep + "{if: {key: minor}, then: {tempo: '<= 80'}}]}")
    assert Counter(p["key"] for p in found) == {"C major": 3, "a": 2, "d minor": 2}
    assert all(p["tempo"] <= 80 for p in found if p["key"] != "C major")


def test_all_different() -> None:
    base = "phrases: [{bars: 1}, {bars: 1}, {bars: 1}]"
    keys = ", ".join(f"phrases.{n}.key: [C, G, F]" for n in (1, 2, 3))
    names = "[phrases.1.key, phrases.2.key, phrases.3.key]"
    found = pieces(f"{{matrix: {{{keys}}}, where: [{{different: {names}}}]}}", base)
    assert len(found) == 6 and all(len(set(p.values())) == 3 for p in found)


def test_at_most_so_many_of_each() -> None:
    sweep = "{matrix: {key: [C, G, D], tempo: [60, 70]}, seeds: 20, where: ["
    found = pieces(sweep + "{at_most: 12, of: key}, {at_most: 20, of: tempo}]}")
    assert max(Counter(p["key"] for p in found).values()) <= 12
    assert max(Counter(p["tempo"] for p in found).values()) <= 20
    # They are taken from all over: no tempo is left out.
    assert len(Counter(p["tempo"] for p in found)) == 2


def test_what_is_excluded_is_left_out_and_what_is_included_comes_last() -> None:
    sweep = "{matrix: {key: [C, G], tempo: [60, 70]}, exclude: [{key: G, tempo: '> 65'}], "
    found = pieces(sweep + "include: [{key: D, seed: 7}]}")
    assert found == [
        {"key": "C", "tempo": 60, "seed": 0}, {"key": "C", "tempo": 70, "seed": 0},
        {"key": "G", "tempo": 60, "seed": 0}, {"key": "D", "seed": 7},
    ]  # fmt: skip


def test_a_sample_is_drawn_by_its_seed() -> None:
    sweep = "{{matrix: {{tempo: [60, 70, 80]}}, seeds: 100, sample: {{count: 9, seed: {}}}}}"
    one, again, other = (pieces(sweep.format(n)) for n in (1, 1, 2))
    assert len(one) == 9 and one == again and one != other


def test_a_sample_of_a_thousand_million_keeps_the_conditions() -> None:
    many = ", ".join(map(str, range(60, 160)))
    axes = f"tempo: [{many}], bars: [{many}], prior.weight: [1, 2], prior.temperature: [0, 1]"
    where = "where: [{if: {prior.weight: 1}, then: {bars: '<= 80'}}]"
    base = "pickup: 0/4"
    found = pieces(f"{{matrix: {{{axes}}}, seeds: 25000, {where}, sample: 30}}", base)
    assert len(found) == 30
    assert all(p["bars"] <= 80 for p in found if p["prior.weight"] == 1)


def test_a_sample_that_asks_for_too_many_says_so() -> None:
    found = plan("{seeds: 3, sample: 5}")
    assert len(found) == 3
    assert found.notes == ("sample asks for 5, and 3 pieces can be had.",)


@pytest.mark.parametrize("effort", ["{seconds: 2}", "{conflicts: 50, threads: 2}"])
def test_an_effort_that_chance_has_a_part_in_is_told(effort: str) -> None:
    (note,) = plan("{seeds: 2}", f"bars: 2\neffort: {effort}").notes
    assert note == "effort in seconds or threads: another run may give other pieces."
    assert plan("{seeds: 2}", "bars: 2\neffort: {conflicts: 50}").notes == ()


def test_values_that_conditions_tie_together_are_tried_together() -> None:
    base = "bars: 1"
    matrix = "matrix: {metre: [4/4, 3/4], given.bass: [c1, c2.]}"
    assert pieces(f"{{{matrix}, exclude: [{{metre: 4/4, given.bass: c2.}}, "
                  "{metre: 3/4, given.bass: c1}]}", base) == [
        {"metre": "4/4", "given.bass": "c1"}, {"metre": "3/4", "given.bass": "c2."}
    ]  # fmt: skip
    where = ("where: [{if: {metre: 4/4}, then: {given.bass: c1}}, "
             "{if: {metre: 3/4}, then: {given.bass: c2.}}]")  # fmt: skip
    assert len(pieces(f"{{{matrix}, {where}}}", base)) == 2
    with pytest.raises(BadSpec, match=r"given.bass: .* This is with metre 3/4"):
        pieces(f"{{{matrix}, exclude: [{{metre: 4/4, given.bass: c2.}}]}}", base)


def test_conditions_may_look_at_seeds() -> None:
    sweep = "{matrix: {key: [C, G]}, seeds: 3-5, exclude: [{key: C, seed: [3, 4]}], "
    found = pieces(sweep + "where: [{if: {seed: 5}, then: {key: C}}]}")
    assert [(p["key"], p["seed"]) for p in found] == [("C", 5), ("G", 3), ("G", 4)]
    assert pieces("{seeds: 6, where: [{if: {seed: '> 0'}, then: {seed: '> 4'}}]}") == [
        {"seed": 5}, {"seed": 6}
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_as_many_are_taken_as_at_most_allows(seed: int) -> None:
    matrix = "matrix: {key: [C, G], tempo: [60, 84]}, exclude: [{key: C, tempo: 60}]"
    where = "where: [{at_most: 1, of: key}, {at_most: 1, of: tempo}]"
    for sample in ("", f", sample: {{count: 2, seed: {seed}}}"):
        found = plan(f"{{{matrix}, {where}{sample}}}")
        values = [tuple(found.inputs(piece).values()) for piece in found.pieces()]
        assert values == [("C", 84), ("G", 60)] and found.notes == ()


def test_the_most_that_two_limits_allow_is_what_trying_everything_finds() -> None:
    chance = Random(3)
    for _ in range(200):
        kinds = [(chance.randrange(3), chance.randrange(3)) for _ in range(chance.randrange(9))]
        limits = [chance.randint(1, 2), chance.randint(1, 3)]

        def keeps(some: tuple[tuple[int, int], ...], limits: list[int] = limits) -> bool:
            return all(n <= limits[way] for way in (0, 1)
                       for n in Counter(kind[way] for kind in some).values())  # fmt: skip

        best = max(n for n in range(len(kinds) + 1) if any(map(keeps, combinations(kinds, n))))
        taken, sure = most(kinds, limits, len(kinds))
        assert sure and len(taken) == best and keeps(tuple(kinds[place] for place in taken))


def test_where_more_limits_meet_than_can_be_weighed_nothing_is_promised() -> None:
    matrix = "matrix: {key: [C, G], tempo: [60, 84], bars: [2, 3]}"
    where = ", ".join(f"{{at_most: 1, of: {axis}}}" for axis in ("key", "tempo", "bars"))
    (note,) = plan(f"{{{matrix}, where: [{where}], sample: 4}}", "tempo: 60").notes
    assert re.fullmatch(
        r"sample asks for 4, and \d pieces? were found that keep to all of where.", note
    )


def test_of_very_many_that_are_limited_it_is_not_said_that_there_are_no_more() -> None:
    many = ", ".join(map(str, range(60, 160)))
    axes = f"tempo: [{many}], bars: [{many}], rhythm.syncopation: [{', '.join('012345678')}]"
    more = f"{axes}, prior.weight: [{', '.join(str(n / 10) for n in range(1, 31))}]"
    sweep = f"{{matrix: {{{more}}}, where: [{{at_most: 1, of: tempo}}], sample: 90}}"
    found = plan(sweep, "texture: song")
    assert max(Counter(found.inputs(p)["tempo"] for p in found.pieces()).values()) == 1
    assert len(found) == 90 or "were found that keep" in found.notes[0]
    (note,) = plan(sweep.replace("sample: 90", "sample: 101"), "texture: song").notes
    assert note == "sample asks for 101, and 100 pieces were found that keep to all of where."


def test_what_is_included_is_there_whatever_is_drawn_and_limited() -> None:
    sweep = "{matrix: {key: [C, G, F]}, seeds: 50, include: [{key: D, seed: 7}], "
    for more in ("sample: 4", "sample: 4, where: [{at_most: 2, of: key}]"):
        for seed in range(3):
            found = pieces(sweep + more.replace("4", f"{{count: 4, seed: {seed}}}", 1) + "}")
            assert len(found) == 4 and found[-1] == {"key": "D", "seed": 7}
    found = pieces("{matrix: {key: [C, D]}, seeds: 2, include: [{key: D, seed: 7}], "
                   "where: [{at_most: 1, of: key}]}")  # fmt: skip
    assert [p["key"] for p in found] == ["C", "D"] and found[-1]["seed"] == 7


@pytest.mark.parametrize(
    ("include", "count"),
    [("{key: C}", 4), ("{key: C, seed: 2}", 4), ("{key: C, seed: 3}", 5), ("{key: D}", 6)],
)
def test_what_is_included_and_combined_is_one_piece(include: str, count: int) -> None:
    found = plan(f"{{matrix: {{key: [C, G]}}, seeds: 2, include: [{include}, {include}]}}")
    names = [Register(found).identity(piece).id for piece in found.pieces()]
    assert len(names) == len(set(names)) == len(found) == count


@pytest.mark.parametrize(
    ("sweep", "count"),
    [
        ("{seeds: 3}", 3), ("{matrix: {seed: [3, 4]}}", 2), ("{matrix: {key: [C, G]}}", 1),
        ("{zip: {seed: [5, 6], key: [C, G]}}", 2),
        ("{seeds: 2, include: [{seed: 9}, {key: G}]}", 3),
    ],
)  # fmt: skip
def test_seeds_that_combinations_name_are_counted_too(sweep: str, count: int) -> None:
    found = plan(sweep)
    assert found.how_many_seeds() == len({piece.seed for piece in found.pieces()}) == count


@pytest.mark.parametrize("kind", ["matrix", "include"])
def test_a_combination_knows_no_place_of_values_that_are_not_its_own(kind: str) -> None:
    # Else planning would take a hundred times as long for ten times as many.
    def known(count: int) -> int:
        tempi = [20 + place / 4 for place in range(count)]
        several = ", ".join(f"{{tempo: {tempo}}}" for tempo in tempi)
        said = {"include": f"[{several}]", "matrix": f"{{tempo: {tempi}}}"}[kind]
        found = plan(f"{{{kind}: {said}}}")
        filled = found.template.put(found.combinations[-1])
        return len(filled.keys) + len(filled.values)

    assert known(3) == known(300)


BIG = ", ".join(f"{key}: [{', '.join(map(str, range(10, 210)))}]" for key in ("bars", "tempo"))
WRONG = {
    "{}": "2:1: sweep: nothing is swept: a batch needs matrix, zip, seeds or include.",
    "{matrix: {}}": "sweep.matrix: nothing is listed here.",
    "{matrix: {key: []}}": "sweep.matrix.key: expected at least 1 item.",
    "{matrix: {ky: [C]}}": "unknown key. Did you mean 'key'?",
    "{matrix: {key: [C, X]}}": "2:27: key: found 'X', expected a key",
    "{matrix: {tempo: [60, 60]}}": "this value stands here twice. Keep it once.",
    "{matrix: {tempo: [60]}, zip: {tempo: [70]}}": "this key is swept already.",
    "{matrix: {prior: [tables], prior.weight: [2]}}": "prior is swept as a whole, and this within "
    "it: they clash.",
    "{matrix: {seed: [1]}, seeds: 4}": "seeds says which seeds there are, and this says so too.",
    "{matrix: {answers: [2]}}": "'answers' cannot be swept: each piece is one answer.",
    "{matrix: {sweep.seeds: [2]}}": "'sweep' cannot be swept: it says what is swept.",
    "{matrix: {key: [C, G, C major]}}": "2:30: sweep.matrix.key.3: this means the same as C. Keep "
    "one of the two.",
    "{matrix: {tempo: [60, 80]}, where: [{if: {tempo: 60}, then: {tempo: '>= abc'}}]}": "found "
    "'>= abc', expected a number behind >=.",
    "{matrix: {tempo: [60, 80]}, exclude: [{tempo: minor}]}": "tempo never is 'minor'. It takes",
    "{matrix: {key: [C, G]}, exclude: [{key: '> 3'}]}": "found '> 3', and key is no number.",
    "{matrix: {key: [C, G]}, where: [{if: {seed: 3}, then: {key: C}}]}": "'seed' is not swept.",
    "{seeds: 3, exclude: [{seed: 4}]}": "seed never is 4. It takes 1, 2, 3.",
    "{matrix: {phrases.3.cadence: [half]}}": "this key leads nowhere: there is no phrases.",
    "{zip: {key: [C, D], tempo: [60]}}": "lists of different lengths: key 2, tempo 1.",
    "{seeds: 9-2}": "expected how many (20), from which to which (5-24), or a list of numbers.",
    "{matrix: {tempo: [60]}, exclude: [{tempo: 61}]}": "tempo never is 61. It takes 60.",
    "{matrix: {tempo: [60]}, where: [{different: [tempo, bars]}]}": "'bars' is not swept.",
    "{matrix: {tempo: [60]}, where: [{if: {tempo: 60}}]}": "expected {if: {...}, then: {...}}, "
    "{different: [...]} or {at_most: 12, of: key}.",
    "{matrix: {key: [C, a], tempo: [60, 90]}, where: [{if: {key: minor}, then: {tempo: '> 100'}},"
    " {if: {key: C}, then: {tempo: '> 100'}}]}": "sweep.where.1: leaves no combination together "
    "with sweep.where.2. Loosen it.",
    "{matrix: {tempo: [16, 17]}, where: [{if: {tempo: '> 1'}, then: {tempo: '< 1'}}]}": (
        "sweep.where.1: leaves no combination at all."
    ),
    "{matrix: {texture: [waltz, valse]}}": "2:35: texture: there is no texture 'valse'.",
    "{matrix: {instruments: [{melody: kazoo}], texture: [waltz]}}": "there is no instrument "
    "'kazoo'.",
    "{matrix: {contour: [arch, fall]}}": "contour belongs to an invented melody, and there is no "
    "texture.",
    f"{{matrix: {{{BIG}}}, seeds: 25000}}": "1,000,000,000 pieces (bars 200 x tempo 200 x seeds "
    "25000): expected at most 1,000,000. Draw some of them with sample: 1000, or sweep less.",
}


@pytest.mark.parametrize("sweep", WRONG, ids=lambda text: text[:40])
def test_a_sweep_that_cannot_be_gets_one_clear_sentence(sweep: str) -> None:
    base = "tempo: 90" if "{bars" in sweep.replace("matrix: ", "") else "bars: 2"
    with pytest.raises(BadSpec) as caught:
        plan(sweep, base)
    assert WRONG[sweep] in str(caught.value)
    assert all(str(fault).startswith("a.yaml:") for fault in caught.value.faults)


def test_a_section_that_one_of_several_forms_has_not_is_told_with_that_form() -> None:
    with pytest.raises(BadSpec) as caught:
        plan('{matrix: {form: [A B, "A A\'"]}}', "sections: {A: {bars: 4}, B: {bars: 4}}")
    assert str(caught.value) == (
        "a.yaml:1:26: sections.B: there is no such section. This is with form A A'. "
        "There are: A, A'."
    )


def test_all_values_that_are_wrong_are_named_at_once_where_they_stand() -> None:
    with pytest.raises(BadSpec) as caught:
        plan("{matrix: {key: [C, X], tempo: [60, fast], bars: [600]}}")
    assert [(f.line, f.column) for f in caught.value.faults] == [(2, 27), (2, 43), (2, 57)]


def test_a_key_that_is_not_known_is_told_once_and_with_what_else_is_wrong() -> None:
    with pytest.raises(BadSpec) as caught:
        plan("{matrix: {ky: [C, G, F]}}")
    assert len(caught.value.faults) == 1
    with pytest.raises(BadSpec) as caught:
        batch_sweep.planned(specfile.opened(b"bars: 2\nkey: X\n", Path("a.yaml")))
    assert [fault.key for fault in caught.value.faults] == ["sweep", "key"]


def test_a_wrong_value_in_toml_is_told_with_its_line() -> None:
    text = "bars = 2\n\n[sweep.matrix]\nkey = ['C', 'X']\n"
    with pytest.raises(BadSpec) as caught:
        batch_sweep.planned(specfile.opened(text.encode(), Path("a.toml")))
    assert [(fault.key, fault.line) for fault in caught.value.faults] == [("key", 4)]


def test_a_where_that_leaves_nothing_of_very_many_is_told_which_it_is() -> None:
    many = ", ".join(map(str, range(60, 160)))
    axes = f"tempo: [{many}], bars: [{many}], prior.weight: [1, 2], prior.temperature: [0, 1]"
    more = f"rhythm.syncopation: [{', '.join(map(str, range(9)))}], key: [C, G, F, D]"
    where = "where: [{if: {tempo: '> 1'}, then: {bars: '> 1000'}}]"
    with pytest.raises(BadSpec, match=r"sweep.where.1: leaves no combination at all"):
        plan(f"{{matrix: {{{axes}, {more}}}, seeds: 25000, {where}, sample: 1000}}", "pickup: 0/4")


def test_a_value_that_a_given_line_does_not_fit_is_named_with_it() -> None:
    base = "given: {soprano: c''4 d'' e'' f'' |}"
    with pytest.raises(BadSpec, match=r"bar line .* This is with metre 3/4"):
        plan("{matrix: {metre: [4/4, 3/4]}}", base)


def test_a_fault_in_a_swept_line_stands_where_its_text_does() -> None:
    with pytest.raises(BadSpec) as caught:
        plan("{matrix: {given.alto: [c'1, c'9]}}")
    assert caught.value.faults[0].line == 2
    assert "given.alto" in str(caught.value)


@pytest.mark.parametrize(
    ("axis", "value", "wanted", "fits"),
    [
        ("tempo", 80, "<= 80", True), ("tempo", 80, "< 80", False), ("tempo", 80, 80, True),
        ("tempo", 80.5, "> 80", True), ("key", "C", "C major", True), ("key", "a", "minor", True),
        ("key", "a", "major", False), ("key", "a", "!= C major", True),
        ("phrases.2.key", "G", "major", True), ("title", "C", "C major", False),
        ("tempo", True, "> 0", False), ("tempo", 80, "> nan", False),
        ("rules.x", "off", "off", True), ("effort.prove", True, 1, False),
    ],
)  # fmt: skip
def test_what_a_condition_takes(axis: str, value: Any, wanted: Any, fits: bool) -> None:
    assert batch_values.matches(axis, value, [wanted]) is fits


def test_the_sweep_of_the_readme_is_one() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (text,) = (t for t in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) if "sweep:" in t)
    found = batch_sweep.planned(specfile.opened(text.encode(), Path("a.yaml")))
    assert len(found) == 300 and found.sweep.distinct


def ids(sweep: str, base: str = "bars: 2", path: Path = Path("a.yaml")) -> list[str]:
    found = plan(sweep, base, path)
    register = Register(found)
    return [register.identity(piece).id for piece in found.pieces()]


def test_a_piece_keeps_its_name_when_the_batch_grows_or_is_written_otherwise() -> None:
    few = ids("{matrix: {key: [C, G]}, seeds: 2}")
    more = ids("{matrix: {key: [F, C major, G]}, seeds: 3}", "# A comment.\nbars: 2\ntempo: 72")
    assert len(set(few)) == 4 and set(few) < set(more)


def test_another_seed_value_or_rule_makes_another_name(tmp_path: Path) -> None:
    one = ids("{seeds: [1]}")
    assert ids("{seeds: [2]}") != one != ids("{seeds: [1]}", "bars: 3")
    rules = tmp_path / "mine"
    rules.mkdir()
    rule = rules / "close_by_leap.lp"
    shipped = Path(__file__).parents[1] / "examples" / "my_rules" / "close_by_leap.lp"
    rule.write_text(shipped.read_text())
    path, base = tmp_path / "a.yaml", "bars: 2\nrule_folders: [mine]"
    before = ids("{seeds: [1]}", base, path)
    assert ids("{seeds: [1]}", base, path) == before
    rule.write_text(shipped.read_text() + "\n% Another text.\n")
    assert ids("{seeds: [1]}", base, path) != before


def test_a_given_file_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    tune = tmp_path / "tune.abc"
    text = "X:1\nM:4/4\nL:1/4\nK:C\nc d e c|\n"
    path, base = tmp_path / "a.yaml", "given: {soprano: {file: tune.abc}}"
    tune.write_text(text)
    before = ids("{seeds: [1]}", base, path)
    tune.write_text(text.replace("c d", "c e"))
    assert ids("{seeds: [1]}", base, path) != before


def test_a_form_of_ones_own_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[1] / "examples" / "my_forms" / "bar_form.lp"
    text, path = shipped.read_text(), tmp_path / "a.yaml"
    form = tmp_path / "bar_form.lp"
    form.write_text(text)
    before = ids("{seeds: [1]}", "form: bar_form.lp", path)
    form.write_text(text + "% Another text.\n")
    after = ids("{seeds: [1]}", "form: bar_form.lp", path)
    assert before != after == ids("{seeds: [1]}", "form: bar_form.lp", path)
