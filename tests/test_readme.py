"""What the README shows works: its commands, its specifications, its rule, its links."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from composing import ROOT, spec

from cspcomposer import cli

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


LINES = [line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("cspcomposer ") and " study " not in line]


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = {line.split()[1] for line in LINES if line.startswith("make ")}
    assert named == {"demo", "test"} and named <= set(targets)


def test_the_commands_do_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["compose", "examples/demo.yaml", "--out", "out", "--seconds", "5"]) == 0
    assert len(COMMANDS) >= 7
    for command in COMMANDS:
        words = shlex.split(command)[1:]
        if "--seconds" in words:
            words[words.index("--seconds") + 1] = "5"
        assert cli.main(words) in ((0, 1) if words[0] == "check" else (0,)), command
        assert capsys.readouterr().out, command


@pytest.mark.parametrize("text", blocks("yaml"))
def test_the_specifications_can_be_read(text: str) -> None:
    assert spec(text).bars


def test_the_rule_is_the_shipped_example() -> None:
    (rule,) = blocks("prolog")
    assert rule == (ROOT / "examples" / "my_rules" / "close_by_leap.lp").read_text()


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    missing = [at for at in links if "://" not in at and not (ROOT / at).exists()]
    assert links and missing == []
