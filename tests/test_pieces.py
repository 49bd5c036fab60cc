"""Pieces that are checked together are found to break what each breaks by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from cspcomposer import rulebook_pieces
from cspcomposer.check import check, check_all
from cspcomposer.errors import BadRules, BadScore
from cspcomposer.read import read_chorale
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Score
from cspcomposer.solver import Source

PIECES = ("bach/bwv66.6.mxl", "bach/bwv269.mxl", "bach/bwv104.6.mxl")


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    return [read_chorale(name) for name in PIECES]


def found(rules: str, *pieces: str) -> list[set[str]]:
    """What each piece is told of `bad/1` by some rules."""
    program = sliced([Source("rules", rules)], [("bad", 1)])
    atoms = rulebook_pieces.consequences(program, pieces, show={"bad": 1})
    return [{str(atom) for atom in several} for several in atoms]


def test_together_is_as_one_by_one(scores: list[Score]) -> None:
    together = check_all(scores, files=PIECES)
    assert together == [check(s, file=f) for s, f in zip(scores, PIECES, strict=True)]


def test_a_rule_of_the_users_own_keeps_pieces_apart(scores: list[Score], tmp_path: Path) -> None:
    (tmp_path / "long_piece.lp").write_text(
        'rule(long_piece,"Long piece"). message(long_piece,"{strokes} strokes."). '
        "severity(long_piece,strong).\n"
        "violation(long_piece,T,(strokes(N),)) :- active(long_piece), first(T), "
        "N = #count { V,U : attack(V,U) }, not long_piece_short.\n"
        "long_piece_short :- { attack(V,T) } 10.\n"
    )
    for score, report in zip(scores, check_all(scores, folders=[tmp_path]), strict=True):
        (fault,) = (v for v in report.violations if v.rule == "long_piece")
        assert fault.message == f"{sum(len(v.notes) for v in score.voices)} strokes."


def test_what_hangs_on_no_piece_is_told_of_each() -> None:
    assert found("bad(here). bad(T) :- onset(T).", "onset(1).", "onset(2).") == [
        {"bad(here)", "bad(1)"},
        {"bad(here)", "bad(2)"},
    ]


def test_what_one_piece_lacks_another_does_not_lend_it() -> None:
    rules = (
        "bad(T) :- onset(T), not calm. calm :- not loud. loud :- attack(T). bad(no) :- not loud."
    )
    assert found(rules, "onset(1).\nattack(1).", "onset(2).") == [{"bad(1)"}, {"bad(no)"}]


def test_a_faulty_rule_is_told_as_its_author_wrote_it() -> None:
    with pytest.raises(BadRules, match="unsafe") as raised:
        found("bad(T) :- onset(U).", "onset(1).", "onset(2).")
    assert "_Piece" not in str(raised.value)


def test_a_silent_score_among_others_is_named(scores: list[Score]) -> None:
    silent = Score("", "", scores[0].tempo, (), scores[0].measures, scores[0].signatures)
    with pytest.raises(BadScore, match="there are no notes"):
        check_all([scores[0], silent], files=["a.mxl", "b.mxl"])
