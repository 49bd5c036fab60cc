"""Every rule's own examples hold; they are found, not listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cspcomposer import rulebook
from cspcomposer.rulebook_examples import examples, run_example

EXAMPLES = [(path, example) for path in rulebook.rule_files() for example in examples(path)]


def test_rule_files_are_found() -> None:
    assert {"voices", "melody", "harmony"} <= {path.parent.name for path in rulebook.rule_files()}


@pytest.mark.parametrize(
    ("path", "example"), EXAMPLES, ids=[f"{p.parent.name}-{p.stem}-{e[8:]}" for p, e in EXAMPLES]
)
def test_an_example_finds_what_it_expects_and_nothing_else(path: Path, example: str) -> None:
    verdict = run_example(path, example)
    assert verdict.remarks == ()
    assert verdict.found == verdict.expected
    assert verdict.holds


def test_every_rule_says_who_it_is() -> None:
    rules = list(rulebook.read(rulebook.rule_files()))
    assert [rule.id for rule in rules] == [path.stem for path in rulebook.rule_files()]
