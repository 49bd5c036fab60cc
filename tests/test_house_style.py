"""Every `.lp` file keeps the house style, and what departs from it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cspcomposer import rulebook
from cspcomposer.lint import HOLDS, lint

FILES = sorted(rulebook.folder().rglob("*.lp"))

GOOD = """\
%*
# Low soprano

A soprano below the bass is no soprano.
*%

rule(low_soprano,     "Low soprano").
message(low_soprano,  "{upper} sings below {lower}").
advice(low_soprano,   "Exchange the two notes.").
source(low_soprano,   "common practice").
severity(low_soprano, mild).

% The highest voice sounds below the lowest.
violation(low_soprano,T,(upper(V),lower(W))) :-
    active(low_soprano),
    highest(V), lowest(W), pitch(V,T,P), pitch(W,T,Q), P < Q.


#program example_the_soprano_is_lower.
note(soprano,0,c,3). note(bass,0,c,4).
expect(low_soprano,0,(upper(soprano),lower(bass))).

#program example_the_soprano_is_higher.
note(soprano,0,c,4). note(bass,0,c,3).
"""


def faults(path: Path, text: str, role: str = "rules") -> str:
    path.write_text(text)
    return "\n".join(map(str, lint(path, role=role)))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(rulebook.folder())))
def test_a_file_keeps_the_house_style(path: Path) -> None:
    assert "\n".join(map(str, lint(path))) == ""


def test_every_folder_has_a_role() -> None:
    assert {p.relative_to(rulebook.folder()).parts[0] for p in FILES} <= set(HOLDS)


def test_a_good_rule_is_told_nothing(tmp_path: Path) -> None:
    assert faults(tmp_path / "low_soprano.lp", GOOD) == ""


def test_a_bad_rule_is_told_all_its_faults(tmp_path: Path) -> None:
    said = faults(
        tmp_path / "bad.lp",
        """\
rule(wicked,"Bad").
message(bad,"{singer} is bad").
severity(bad,terrible).
helps(V) :- pitsch(V,T,P).
violation(bad,T,V) :- pitch(V,T,P), active(bad), not pitch(V,_,P), (P-3)\\40 = 1.
violation(bad,T,(voice(V),)) :- active(bad), attack(V,T).
:- attack(V,T).
{ attack(V,T) } :- onset(T), voice(V,_).
#show attack/2.
#const n = 4.

#program example_lonely.
note(soprano,0,c,4).
#program trial.
"""
        + "% "
        + "x" * 120,
    )
    for expected in (
        "bad.lp:1: No header",
        "rule speaks of wicked: the file is bad.lp.",
        "0 facts advice/2",
        "0 facts source/2",
        "Severity terrible: expected one of hard, strong, mild, hint, off.",
        "A rule does not derive helps/1. A helper is called bad_...",
        "bad.lp:4:13: pitsch/3 is not in the vocabulary. Did you mean pitch/3?",
        "bad.lp:5:1: The first literal of a violation is active(bad).",
        "bad.lp:5:1: The third argument is a tuple of named terms.",
        "bad.lp:5:50: An _ inside not",
        "(P-3) may be negative, and so its remainder. Add a multiple of 40.",
        "bad.lp:6:1: The message names singer, this violation does not.",
        "bad.lp:6:1: No sentence stands above this rule.",
        "bad.lp:7:1: A constraint does not belong in rules: it stands in policy or priors only.",
        "bad.lp:8:1: A choice does not belong in rules: it stands in choose only.",
        "bad.lp:9:1: A #show does not belong in rules",
        "bad.lp:10:1: A #const does not belong in rules: it stands nowhere.",
        "bad.lp:12: example_lonely: an example's name is a sentence.",
        "bad.lp:14: The part trial is no example_...",
        "No example fires",
        "bad.lp:15: 122 characters",
    ):
        assert expected in said


def test_a_rule_without_a_near_miss_is_told_so(tmp_path: Path) -> None:
    text = GOOD.partition("#program example_the_soprano_is_higher")[0]
    assert "No example is silent" in faults(tmp_path / "low_soprano.lp", text)


def test_a_rule_is_short(tmp_path: Path) -> None:
    text = GOOD.replace("\n\n\n#program", "\n" + "% And so on.\n" * 30 + "\n#program", 1)
    assert "lines above the examples" in faults(tmp_path / "low_soprano.lp", text)


def test_the_file_that_another_would_read_is_not_opened(tmp_path: Path) -> None:
    said = faults(tmp_path / "bad.lp", '#include "/etc/passwd".\n')
    assert said.endswith("bad.lp:1: #include: rules do not read other files.")


def test_a_syntax_error_is_a_fault_with_its_place(tmp_path: Path) -> None:
    assert "bad.lp:2:3: syntax error" in faults(tmp_path / "bad.lp", "p.\nq q.\n")


@pytest.mark.parametrize(
    ("role", "statement", "fault"),
    [
        ("theory", "{ pitch(V,T,P) } :- given(V,T,P).", "A choice does not belong in theory"),
        ("theory", ":- attack(V,T).", "A constraint does not belong in theory"),
        ("theory", "sounds(V,T) : attack(V,T).", "A disjunction does not belong in theory"),
        ("choose", ":~ attack(V,T). [1,V,T]", "A weak constraint does not belong in choose"),
        ("styles", "uses(F) :- heeded(F).", "A definition does not belong in styles"),
        ("vocabulary.lp", "uses(triads).", "A fact does not belong in vocabulary.lp"),
        ("policy", '#script(lua) print("x") #end.', "A #script does not belong in policy"),
    ],
)
def test_a_folder_says_what_may_stand_in_it(
    tmp_path: Path, role: str, statement: str, fault: str
) -> None:
    said = faults(tmp_path / "x.lp", f"%*\n# X\n\nWhy.\n*%\n\n{statement}\n", role)
    assert said.count("\n") == 0
    assert fault in said


@pytest.mark.parametrize(
    "cost",
    [
        ":~ violation(R,T,W). [1@1,R]",
        ":~ violation(R,T,W). [1@1]",
        "#minimize { 1,R : violation(R,T,W) }.",
    ],
)
def test_a_cost_names_the_occurrence(tmp_path: Path, cost: str) -> None:
    said = faults(tmp_path / "x.lp", f"%*\n# X\n*%\n{cost}\n", "policy")
    assert "The tuple of a cost names the occurrence" in said
