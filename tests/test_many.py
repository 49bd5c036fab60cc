"""Several answers differ as asked, are as good as asked, and come one by one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from composing import QUICK, ROOT, hard, spec, sung

from cspcomposer import cli, compose, many, read
from cspcomposer.compose import Composition
from cspcomposer.errors import BadInput, BadSpec, NoSolution
from cspcomposer.many import compose_many
from cspcomposer.many_wish import Wish
from cspcomposer.score import Score
from cspcomposer.search import Effort

SLACK = 2.0  # seconds, for a slow machine
FREE = "key: G major\nphrases: [{bars: 2, cadence: half}, {bars: 2, cadence: authentic}]\n"
HYMN = r"""
key: F major
pickup: 1/4
given:
  soprano: f'4 | g' a' bes' a' | g'2 f'4\fermata c'' | d'' c'' bes' a' | g'2 f'4\fermata
"""
PLAIN = "bars: 2\noutputs: [musicxml]\neffort: {conflicts: 1500}\n"
# Only the alto is free, and can sing no more than one note of the chord.
NARROW = """
bars: 1
surface: none
voices: [soprano, {name: alto, range: e' f'}, tenor, bass]
given: {soprano: c''1, tenor: g1, bass: c1, numerals: m1 I}
"""


def several(text: str, **asked: Any) -> list[Composition]:
    return list(compose_many(spec(text), effort=QUICK, **asked))


@pytest.fixture(scope="module")
def free() -> list[Composition]:
    return several(FREE, answers=3, distance=12, within="20%")


@pytest.fixture(scope="module")
def hymns() -> list[Composition]:
    return several(HYMN, answers=3, distance=3, by="harmony", within="20%")


@pytest.fixture(scope="module")
def rhythms() -> list[Composition]:
    return several(FREE, answers=3, distance=6, by="rhythm", within="20%")


def heard(score: Score) -> Iterator[tuple[str, int, int]]:
    """What each voice sounds on each quarter but the eighth, through which the last chord holds."""
    for voice in score.voices:
        for note in voice.notes:
            for beat in range(int(score.end)):
                if note.onset <= beat < note.onset + note.duration and beat % 8 != 7:
                    yield voice.name, beat, note.pitch


def chords(score: Score) -> dict[int, str]:
    """The chord in force on each quarter."""
    found: dict[int, str] = {}
    for chord in score.chords:
        for beat in range(int(score.end)):
            if chord.onset <= beat:
                found[beat] = chord.numeral
    return found


def struck(score: Score) -> set[tuple[str, Fraction]]:
    return {(voice.name, note.onset) for voice in score.voices for note in voice.notes}


def test_any_two_answers_differ_in_as_many_notes_as_asked(free: list[Composition]) -> None:
    assert len(free) == 3
    for one, other in combinations(free, 2):
        assert len(set(heard(one.score)) - set(heard(other.score))) >= 12


def test_the_distances_told_are_those_of_the_scores(free: list[Composition]) -> None:
    for number, piece in enumerate(free):
        mine = set(heard(piece.score))
        told = tuple(len(mine - set(heard(other.score))) for other in free[:number])
        assert piece.distances == told


def test_every_phrase_differs_not_one_alone(free: list[Composition]) -> None:
    for one, other in combinations(free, 2):
        beats = {beat for _, beat, _ in set(heard(one.score)) - set(heard(other.score))}
        assert min(beats) < 8 <= max(beats)


@pytest.mark.parametrize("kind", ["free", "hymns", "rhythms"])
def test_every_answer_keeps_the_rules_and_the_limit(
    kind: str, request: pytest.FixtureRequest
) -> None:
    pieces: list[Composition] = request.getfixturevalue(kind)
    best = min(piece.cost for piece in pieces)
    assert len(pieces) == 3
    for piece in pieces:
        assert hard(piece) == []
        assert piece.cost[0] == best[0]
        assert piece.cost[1] <= 1.2 * best[1]


def test_by_harmony_the_chords_differ_under_one_tune(hymns: list[Composition]) -> None:
    for one, other in combinations(hymns, 2):
        mine, yours = chords(one.score), chords(other.score)
        assert sum(mine[beat] != yours[beat] for beat in mine) >= 3
        assert sung(one.score)["soprano"] == sung(other.score)["soprano"]


def test_by_rhythm_only_the_surface_differs(rhythms: list[Composition]) -> None:
    for one, other in combinations(rhythms, 2):
        assert len(struck(one.score) ^ struck(other.score)) >= 6
        assert one.score.chords == other.score.chords and one.cost == other.cost
    best = min(sum(piece.cost + piece.surface.cost) for piece in rhythms)
    assert all(sum(p.cost + p.surface.cost) <= 1.2 * best for p in rhythms)


def test_the_same_seed_gives_the_same_answers(free: list[Composition]) -> None:
    again = several(FREE, answers=3, distance=12, within="20%")
    assert [sung(p.score) for p in again] == [sung(p.score) for p in free]


def test_the_first_is_what_one_alone_would_be(free: list[Composition]) -> None:
    alone = compose.compose(spec(FREE), effort=QUICK)
    assert sung(alone.score) == sung(free[0].score)


def test_each_comes_before_the_next_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = compose_many(spec(PLAIN), answers=2)
    assert next(stream).score
    monkeypatch.setattr(compose, "searched", None)
    with pytest.raises(TypeError):
        next(stream)


def test_the_specification_says_how_many_and_may_be_overruled() -> None:
    text = PLAIN + "answers: {count: 3, distance: 5, by: harmony, within: 12.5%}\n"
    wish = many.ordered(spec(text)).wish
    assert wish == Wish(3, 5, "harmony", Fraction(1, 8))
    wish = many.ordered(spec(text), answers=2, distance=4, by="notes", within=0.3).wish
    assert wish == Wish(2, 4, "notes", Fraction(3, 10))
    # Seven chords, four voices: a quarter of what is free.
    assert many.ordered(spec(PLAIN + "answers: 4\n")).wish == Wish(4, 7, "notes", Fraction(1, 20))


def test_where_there_are_fewer_that_is_said() -> None:
    said: list[str] = []
    assert len(several(NARROW, answers=3, tell=said.append)) == 1
    assert said == [
        "1 of 3 answers: there is no further one that differs from each of them in 1 note. "
        "Ask for a smaller --distance."
    ]


def test_where_the_next_is_too_dear_that_is_said() -> None:
    said: list[str] = []
    assert len(several(PLAIN, answers=3, distance=24, within="0%", tell=said.append)) == 1
    assert said[0].startswith("1 of 3 answers: the next best that was found, 24 notes from each")
    assert "more than the best, and 0% is the limit" in said[0] or "strong fault" in said[0]


def test_one_that_is_too_dear_beside_a_later_one_is_made_up_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finished = compose.finished

    def dear_at_first(*args: Any) -> Composition:
        piece = finished(*args)
        return replace(piece, cost=(0, 9999)) if len(args) == 3 else piece

    monkeypatch.setattr(compose, "finished", dear_at_first)
    said: list[str] = []
    found = several(PLAIN, answers=2, distance=2, within="90%", tell=said.append)
    assert said == [
        "answer 1 no longer counts: answer 2, found after it, is better by more than 90%. "
        "Another is looked for."
    ]
    data = many.as_data(found, Wish(2, 2, "notes", Fraction(9, 10)))
    assert [answer["counts"] for answer in data["answers"]] == [False, True, True]


def test_fewer_strong_faults_go_before_any_price() -> None:
    wish = Wish(2, 1, "notes", Fraction(1, 20))
    assert wish.allows((0, 105), (0, 100)) and not wish.allows((0, 106), (0, 100))
    assert not wish.allows((1, 90), (0, 100)) and wish.allows((0, 500), (1, 10))
    assert wish.allows((0, 0), (0, 0)) and not wish.allows((0, 1), (0, 0))


def test_a_single_voice_has_several_answers_too() -> None:
    assert len(several("bars: 2\nvoices: 1\n", answers=2, distance=2, within="50%")) == 2


def test_seconds_are_for_all_answers_together() -> None:
    begin = time.monotonic()
    asked: dict[str, Any] = {"answers": 3, "distance": 2, "within": "50%"}
    assert list(compose_many(spec(FREE), effort=Effort(None, 6.0), **asked))
    assert time.monotonic() - begin < 6.0 + 3 * SLACK


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"answers": 0}, "0 answers: expected 1 to 99."),
        ({"answers": 2, "distance": 0}, "a distance of 0: expected 1 or more."),
        ({"answers": 2, "distance": 29}, "answers cannot be 29 notes apart: no more than 28 notes"),
        ({"answers": 2, "distance": 8, "by": "harmony"}, "no more than 7 chords can be chosen."),
        ({"answers": 2, "distance": 61, "by": "rhythm"}, "no more than 60 attacks can differ."),
        ({"answers": 2, "within": -0.1}, "within -0.1: expected 0 or more"),
        ({"answers": 2, "within": "5"}, "within '5': expected a percentage"),
        ({"answers": 2, "by": "colour"}, "expected notes, harmony, rhythm."),
    ],
)
def test_what_cannot_be_had_is_refused_at_once(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as refused:
        compose_many(spec(PLAIN), **asked)
    assert said in str(refused.value) and len(refused.value.faults) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("answers: 0", "piece.yaml:4:10: answers: found the number 0, expected at least 1."),
        ("answers: {count: 2, within: -5%}", "4:29: answers.within: found '-5%', expected a perc"),
        ("answers: {count: 2, within: 5}", "4:29: answers.within: found the number 5, expected"),
        ("answers: {count: 2, by: note}", "4:25: answers.by: found 'note', expected one of notes"),
        ("answers: {many: 2}", "4:11: answers.many: unknown key."),
    ],
)
def test_a_fault_in_the_specification_has_its_place(line: str, said: str) -> None:
    with pytest.raises(BadSpec) as refused:
        spec(PLAIN + line)
    assert said in str(refused.value)


def test_a_distance_that_the_specification_asks_for_is_refused_in_its_place() -> None:
    with pytest.raises(BadInput, match=r"piece.yaml:4:\d+: answers.distance: answers cannot be 99"):
        compose_many(spec(PLAIN + "answers: {count: 2, distance: 99}\n"))


def test_one_rhythm_is_all_there_is_without_a_surface() -> None:
    with pytest.raises(BadInput, match="without a surface all answers have one rhythm"):
        compose_many(spec(PLAIN + "surface: none\n"), answers=2, by="rhythm")


def test_where_there_is_none_the_reason_is_told() -> None:
    with pytest.raises(NoSolution, match="there is no solution"):
        several("bars: 1\ngiven: {bass: c1, numerals: m1 I6}\n", answers=2)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("piece.yaml").write_text(PLAIN)
    return tmp_path


def command(*words: str) -> int:
    return cli.main(["compose", "piece.yaml", "--out", "out", *words])


def test_each_answer_has_files_of_its_own_and_one_sets_them_side_by_side(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--answers", "2", "--distance", "6", "--within", "50%") == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "piece-01.json", "piece-01.musicxml", "piece-02.json", "piece-02.musicxml", "piece.json",
    ]  # fmt: skip
    said = capsys.readouterr()
    assert "answer 2" in said.out and "from the nearest" in said.out and said.err == ""
    data = json.loads(Path("out/piece.json").read_text())
    assert data["wanted"] == {"answers": 2, "distance": 6, "by": "notes", "within": "50%"}
    one, other = (read.read(Path(f"out/piece-0{n}.musicxml")) for n in (1, 2))
    far = len(set(heard(one)) - set(heard(other)))
    assert [answer["distances"] for answer in data["answers"]] == [[0, far], [far, 0]]
    assert data["answers"][1]["files"] == ["piece-02.musicxml", "piece-02.json"]


def test_json_is_one_object(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--answers", "2", "--distance", "1", "--within", "50%", "--json") == 0
    assert json.loads(capsys.readouterr().out)["found"] == 2


def test_fewer_than_asked_are_told_on_stderr_and_are_no_failure(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--answers", "3", "--distance", "24", "--within", "0%") == 0
    said = capsys.readouterr().err
    assert said.startswith("piece.yaml: 1 of 3 answers: ") and said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--answers", "2", "--distance", "33"], "answers cannot be 33 notes apart"),
        (["--distance", "3"], "Say how many with --answers."),
    ],
)
def test_bad_options_are_refused(
    here: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--answers", "0"], ["--within=-5%"], ["--within", "5"], ["--by", "colour"]]
)
def test_bad_values_are_refused(here: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        command(*words)
    assert left.value.code == 2


def test_interrupting_keeps_what_was_finished(here: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cspcomposer", "compose", "piece.yaml", "--out", "out",
         "--answers", "99", "--distance", "2", "--within", "100%"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    until = time.monotonic() + 60
    while not Path("out/piece-02.json").exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    found = json.loads(Path("out/piece.json").read_text())["found"]
    assert said == f"piece.yaml: interrupted: {found} of 99 answers written.\n"
    assert 2 <= found < 99
    assert len(list(Path("out").glob("piece-*.musicxml"))) == found
