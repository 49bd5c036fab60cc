"""The command line: what it prints, what it writes, and what it exits with."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from composing import EXAMPLES, ROOT

from cspcomposer import cli, many, read, solver, trial
from cspcomposer import compose as composer
from cspcomposer.errors import CSPComposerError, OutOfTime

PIECE = "key: G major\nbars: 2\neffort: {conflicts: 1500}\noutputs: [musicxml, midi]\n"
CONTRADICTION = """harmonic_rhythm: beat
phrases: [{bars: 2, cadence: authentic}]
given:
  bass: c4 d e f | g a g2
"""
LARGE = "key: G major\nbars: 40\neffort: {conflicts: 2000000000}\noutputs: [musicxml]\n"
RULE = """rule(mine,"Mine"). message(mine,"{voice} sings"). advice(mine,"Do not.").
source(mine,"common practice"). severity(mine,hint).
violation(mine,T,(voice(V),)) :- active(mine), final(T), sounds(V,T).
"""
HEAVY = ("clingo", "music21", "pydantic", "rich", "numpy", "verovio", "ruamel.yaml")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("piece.yaml").write_text(PIECE)
    return tmp_path


def written(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def started(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cspcomposer", *arguments],
        cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # What a shell starts in the background ignores interrupts, and so would what it starts.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def test_a_piece_is_written_and_its_files_are_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compose", "piece.yaml", "--out", "out"]) == 0
    assert written(here / "out") == ["piece.json", "piece.mid", "piece.musicxml"]
    said = capsys.readouterr()
    assert said.err == "" and "out/piece.musicxml" in said.out
    assert "seed 0." in said.out.splitlines()[0]


def test_what_was_written_can_be_read_again(here: Path) -> None:
    assert cli.main(["compose", "piece.yaml", "--format", "musicxml,midi"]) == 0
    score = read.read(Path("piece.musicxml"))
    assert len(score.voices) == 4 and len(score.measures) == 2
    assert read.read(Path("piece.mid")).voices


def test_json_says_everything_in_one_object(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compose", "piece.yaml", "--json", "--seed", "5"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["seed"] == 5 and data["status"] in ("optimal", "feasible")
    assert [Path(f).name for f in data["files"]] == ["piece.musicxml", "piece.mid", "piece.json"]
    assert json.loads(Path("piece.json").read_text())["seed"] == 5


def test_several_specifications_are_composed_and_the_worst_code_is_returned(here: Path) -> None:
    Path("bad.yaml").write_text("bars: many\n")
    assert cli.main(["compose", "bad.yaml", "piece.yaml", "--out", "out"]) == 2
    assert "piece.musicxml" in written(here / "out")


def test_a_bad_specification_exits_2_with_its_place(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.yaml").write_text("bars: 2\ntitel: x\n")
    assert cli.main(["compose", "bad.yaml"]) == 2
    assert capsys.readouterr().err.startswith("bad.yaml:2:1: titel: ")
    assert written(here) == ["bad.yaml", "piece.yaml"]


@pytest.mark.parametrize("arguments", [
    [], ["compse", "piece.yaml"], ["compose"], ["compose", "piece.yaml", "--format", "wav"],
    ["compose", "piece.yaml", "--seconds", "0"], ["compose", "piece.yaml", "--seed", "x"],
])  # fmt: skip
def test_a_bad_command_line_exits_2(here: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize("arguments", [
    ["compose", "none.yaml"], ["check", "none.musicxml"], ["check", "piece.yaml"],
    ["rules", "paralel_fifths"], ["compose", "."], ["check", "piece.yaml", "--rules", "nowhere"],
    ["study", "nowhere"], ["rules", "--style", "choral"],
])  # fmt: skip
def test_what_cannot_be_read_exits_2_in_a_sentence(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.err.strip() and "Traceback" not in said.err


def test_no_solution_exits_3_and_names_the_given_notes_and_the_rule(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.yaml").write_text(CONTRADICTION)
    assert cli.main(["compose", "bad.yaml", "--out", "out"]) == 3
    said = capsys.readouterr().err
    assert "bad.yaml:4:" in said and "is given in bar 2" in said
    assert "bar 2, beat 3: Another cadence than asked for: " in said
    assert written(here / "out") == []


def test_out_of_time_exits_4(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: Any, **__: Any) -> None:
        raise OutOfTime("nothing was found within 0 seconds.")

    monkeypatch.setattr(composer, "compose", late)
    assert cli.main(["compose", "piece.yaml"]) == 4
    assert "nothing was found" in capsys.readouterr().err


def test_a_score_with_hard_faults_exits_1_and_one_without_0(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fifths = "X:1\nM:4/4\nL:1/4\nK:C\nV:1\n{}\nV:2\n{}\n"
    Path("bad.abc").write_text(fifths.format("e f g a |", "A, B, C D |"))
    Path("good.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nc B c2 |\n")
    assert cli.main(["check", "bad.abc"]) == 1
    assert "parallel fifths" in capsys.readouterr().out.lower()
    assert cli.main(["check", "good.abc", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["beats"] == 4


def test_a_wrong_chord_of_a_file_is_placed_in_that_file(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("tune.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nc B c2 |\n")
    Path("chords.rntxt").write_text("m1 C: I b2 bV7 b3 I\nm9 V\n")
    assert cli.main(["check", "tune.abc", "--numerals", "chords.rntxt"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "chords.rntxt:1:12: C major has no chord bV7. Did you mean 'bVI7'?",
        "chords.rntxt:2:4: there is no measure 9: the score ends with 1.",
    ]
    Path("chords.rntxt").write_text("m1 cb: i\n")
    assert cli.main(["check", "tune.abc", "--numerals", "chords.rntxt"]) == 2
    assert "'cb:' is no key here" in capsys.readouterr().err


def test_parts_and_tunes_can_be_chosen(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("two.abc").write_text(
        "X:1\nT:One\nM:4/4\nK:C\nCDEF|\nX:2\nM:4/4\nK:C\nV:1\nc8|\nV:2\nC8|\n"
    )
    assert cli.main(["check", "two.abc"]) == 2
    assert "Say which tune: 1 One, 2." in capsys.readouterr().err
    assert cli.main(["check", "two.abc", "--tune", "2", "--part", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["beats"] == 4
    assert cli.main(["check", "two.abc", "--tune", "2", "--part", "Oboe"]) == 2
    assert "There is no part 'Oboe'." in capsys.readouterr().err


def test_a_score_and_a_specification_are_told_apart(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("tune.abc").write_text("X:1\nM:4/4\nK:C\nCDEF|\n")
    assert cli.main(["compose", "tune.abc"]) == 2
    assert "given: {soprano: {file: tune.abc}}" in capsys.readouterr().err
    assert cli.main(["check", "piece.yaml"]) == 2
    assert "`cspcomposer compose` takes it" in capsys.readouterr().err


def test_a_folder_of_rules_that_is_not_there_is_told_once(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["rules", "--test", "nowhere"]) == 2
    assert capsys.readouterr().err == "nowhere: there is no such folder or file.\n"


def test_json_of_a_score_that_cannot_be_read_is_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("tune.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nc B c2 |\n")
    assert cli.main(["check", "none.abc", "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "none.abc: There is no such file." in said.err
    assert cli.main(["check", "none.abc", "tune.abc", "--json"]) == 2
    assert [report["file"] for report in json.loads(capsys.readouterr().out)] == ["tune.abc"]


def test_rules_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rules"]) == 0
    assert "parallel_fifths " in capsys.readouterr().out
    assert cli.main(["rules", "Parallel fifths"]) == 0
    assert "# Parallel fifths" in capsys.readouterr().out


def test_the_examples_of_ones_own_rules_are_run(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["rules", "--test", str(ROOT / "examples" / "my_rules")]) == 0
    said = capsys.readouterr().out
    assert "close_by_leap: the melody steps down into its end: as expected" in said
    source = (ROOT / "examples" / "my_rules" / "close_by_leap.lp").read_text()
    Path("close_by_leap.lp").write_text(source.replace("skip(V,T,_)", "step(V,T,_)"))
    assert cli.main(["rules", "--test", str(here)]) == 1
    assert "NOT as expected\n  expected: close_by_leap,2" in capsys.readouterr().out


def test_the_schema_is_the_shipped_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    shipped = (ROOT / "cspcomposer" / "spec.schema.json").read_text()
    assert capsys.readouterr().out == shipped


BAD_RULES = {
    "a script": ("#script (python)\nimport os\n#end.\n" + RULE, 1),
    "an include": (RULE + '#include "/etc/passwd".\n', 4),
    "a misspelt predicate": (RULE.replace("sounds(", "sonds("), 3),
    "an unsafe variable": (RULE.replace("sounds(V,T)", "sounds(bass,T)"), 3),
    "a syntax error": (RULE.replace("), sounds", ") sounds"), 3),
    "deep nesting": (RULE + "mine_p(" + "f(" * 5000 + "0" + ")" * 5000 + ").\n", 4),
    "a function call": (RULE + "mine_p(@os()).\n", 4),
    "no text": (RULE + "\0\n", 4),
}


@pytest.mark.parametrize("what", BAD_RULES)
def test_a_bad_rule_of_ones_own_is_refused_with_file_and_line(
    what: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, line = BAD_RULES[what]
    Path("mine").mkdir()
    Path("mine/mine.lp").write_text(text)
    Path("own.yaml").write_text(PIECE + "rule_folders: [mine]\n")
    Path("tune.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nc B c2 |\n")
    own = str(here / "own.yaml"), str(here / "mine")
    for arguments in (["compose", own[0]], ["check", "tune.abc", "--rules", own[1]]):
        assert cli.main(arguments) == 2
        said = capsys.readouterr().err
        assert f"mine/mine.lp:{line}:" in said, said
        assert "Traceback" not in said


def test_a_rule_that_never_ends_is_stopped_and_named(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "SECONDS", 1.0)
    Path("mine").mkdir()
    Path("mine/mine.lp").write_text(RULE + "mine_n(0). mine_n(X+1) :- mine_n(X).\n")
    Path("mine/other.lp").write_text(RULE.replace("mine", "other"))
    Path("own.yaml").write_text(PIECE + "rule_folders: [mine]\n")
    Path("tune.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nc B c2 |\n")
    for arguments in (
        ["compose", "own.yaml"],
        ["check", "tune.abc", "--rules", "mine"],
        ["rules", "--test", "mine"],
    ):
        assert cli.main(arguments) == 2
        said = capsys.readouterr().err
        assert said.startswith("mine/mine.lp: this rule is still counting after 1 second "), said
        assert "other.lp" not in said


def test_a_rule_that_only_a_piece_keeps_from_ending_is_named_as_what_may_be_why(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solver, "GROUNDING_SECONDS", 2.0)
    Path("mine").mkdir()
    never = "mine_n(0) :- free(_,_). mine_n(X+1) :- mine_n(X).\n"
    Path("mine/mine.lp").write_text(
        never + RULE.replace("sounds(V,T)", "sounds(V,T), mine_n(-1)").replace("hint", "hard")
    )
    Path("own.yaml").write_text(PIECE + "rule_folders: [mine]\n")
    assert cli.main(["compose", "own.yaml"]) == 4
    said = capsys.readouterr().err
    assert "the rules were not grounded within 2 seconds." in said
    assert "mine/mine.lp: this rule of your own may be why" in said


def test_interrupting_leaves_whole_files_and_exits_130(here: Path) -> None:
    Path("large.yaml").write_text(LARGE)
    process = started("compose", "large.yaml", "--out", "out", cwd=here)
    time.sleep(9)
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    files = written(here / "out")
    if files:  # something had been found by then
        assert files == ["large.json", "large.musicxml"]
        assert json.loads((here / "out" / "large.json").read_text())["interrupted"] is True
        assert len(read.read(here / "out" / "large.musicxml").measures) == 40


@pytest.mark.parametrize("seconds", [0.15, 0.4, 0.8])
def test_interrupting_early_leaves_nothing(here: Path, seconds: float) -> None:
    Path("large.yaml").write_text(LARGE)
    process = started("compose", "large.yaml", "--out", "out", cwd=here)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT), said
    assert written(here / "out") == []
    if process.returncode == 130:
        assert "Traceback" not in said


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom cspcomposer.cli import main\n"
        "try:\n    main(['compose', '--help'])\nexcept SystemExit:\n    pass\n"
        f"found = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def mutilated(text: str, chance: random.Random) -> str:
    """A text with a few letters, words or lines lost, doubled, swapped or replaced."""
    for _ in range(chance.randint(1, 4)):
        text = text or "\n"
        at = chance.randrange(len(text))
        match chance.randrange(6):
            case 0:
                text = text[:at] + text[at + chance.randint(1, 12) :]
            case 1:
                text = text[:at] + chance.choice("{}[]|:'\"#&*!%@`\t\0é\n- 0") + text[at:]
            case 2:
                lines = text.splitlines(keepends=True)
                del lines[chance.randrange(len(lines))]
                text = "".join(lines) or "\n"
            case 3:
                lines = text.splitlines(keepends=True)
                lines.insert(chance.randrange(len(lines)), chance.choice(lines))
                text = "".join(lines)
            case 4:
                words = text.split(" ")
                words[chance.randrange(len(words))] = chance.choice(
                    ["-1", "1e9", "null", "[]", "{}", "x" * 300, "c'''''", "<9 9>", "m99", "1/0"]
                )
                text = " ".join(words)
            case 5:
                text = text[:at]
    return text or "\n"


@pytest.mark.parametrize("number", range(200))
def test_a_mutilated_specification_is_told_in_sentences(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing(*_: Any, **__: Any) -> None:
        raise CSPComposerError("composed")

    monkeypatch.setattr(composer, "compose", nothing)
    monkeypatch.setattr(many, "ordered", nothing)
    chance = random.Random(number)
    text = mutilated(EXAMPLES[number % len(EXAMPLES)].read_text(), chance)
    path = tmp_path / "piece.yaml"
    path.write_text(text)
    code = cli.main(["compose", str(path), "--out", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert code in (1, 2), text
    assert said.err.strip() and "Traceback" not in said.err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(36))
def test_a_mutilated_specification_is_composed_or_refused(number: int, tmp_path: Path) -> None:
    chance = random.Random(1000 + number)
    example = EXAMPLES[number % len(EXAMPLES)]
    for path in example.parent.rglob("*"):
        if path.suffix in (".abc", ".lp"):
            copy = tmp_path / path.relative_to(example.parent)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
    path = tmp_path / "piece.yaml"
    path.write_text(mutilated(example.read_text(), chance))
    code = cli.main(["compose", str(path), "--out", str(tmp_path / "out"), "--seconds", "1"])
    assert code in (0, 2, 3, 4)
    assert bool(written(tmp_path / "out")) == (code == 0)


def test_an_effort_in_conflicts_is_the_same_each_time_and_more_is_no_worse(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = here / "tune.yaml"
    spec.write_text("key: C major\ngiven: {soprano: \"e'4 d' c'2\"}\nsurface: none\n")
    costs = []
    for effort in ("200", "200", "3000"):
        words = ["compose", str(spec), "--effort", effort, "--format", "midi", "--out", str(here)]
        assert cli.main(words) == 0
        costs.append(json.loads((here / "tune.json").read_text())["cost"])
    assert costs[0] == costs[1] >= costs[2]
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        cli.main(["compose", str(spec), "--effort", "none"])
    assert caught.value.code == 2
    assert "'none': expected a number of conflicts from 1" in capsys.readouterr().err
