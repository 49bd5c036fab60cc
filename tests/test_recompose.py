"""A part of a finished piece is composed anew, and all else stays note for note."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from composing import QUICK, composed, hard, spec

from cspcomposer import cli, compose, read, recompose, recompose_plan, render, stages
from cspcomposer.check import check
from cspcomposer.compose import Composition
from cspcomposer.errors import BadInput, BadScore, NoSolution
from cspcomposer.recompose_parts import parse
from cspcomposer.score import Note, Score, measure_at, note_at
from cspcomposer.search import Progress

FREE = """
key: G major
phrases: [{bars: 2, cadence: half}, {bars: 2, cadence: authentic}]
outputs: [musicxml]
"""
HYMN = r"""
key: F major
pickup: 1/4
given:
  soprano: |
    f'4 | g' a' bes' a' | g'2 f'4\fermata c'' | d'' c'' bes' a' | g' a' g'\fermata
    g' | a' bes' c'' a' | g'2 f'4\fermata
outputs: [musicxml]
"""
# Only the alto is free, and can sing no more than one note of the chord.
NARROW = """
bars: 1
surface: none
voices: [soprano, {name: alto, range: e' f'}, tenor, bass]
given: {soprano: c''1, tenor: g1, bass: c1, numerals: m1 I}
"""
LINE = "g'4 fis' e' d' | g' a' b' b' | b' b' a' g' | c'' b' a'2 | "
OTHER = "g'4 a' b' a' | g' e' fis' g' | d'' b' g' a' | b' a' g'2 | "
LONG = f'key: G major\ngiven: {{soprano: "{LINE}{OTHER}{LINE}{OTHER}"}}\n'
TEXTS = {"free": FREE, "hymn": HYMN}
Event = tuple[Fraction, Fraction, int]


@pytest.fixture(scope="module")
def pieces() -> dict[str, Composition]:
    return {name: composed(text) for name, text in TEXTS.items()}


@pytest.fixture(scope="module")
def hymn(pieces: dict[str, Composition]) -> Score:
    return pieces["hymn"].score


def again(text: str, score: Score, *parts: str, **asked: Any) -> Composition:
    return recompose.recompose(spec(text), score, parse(parts), **asked)


def events(score: Score, voice: str) -> set[Event]:
    return {(n.onset, n.duration, n.pitch) for n in score.voice(voice).notes}


def outside(score: Score, voice: str, bars: range) -> set[Event]:
    """The notes of a voice that sound in some other bar than these."""
    return {
        (onset, length, pitch)
        for onset, length, pitch in events(score, voice)
        if any(
            bar.onset < onset + length and onset < bar.onset + bar.length
            for bar in score.measures
            if bar.number not in bars
        )
    }


def slots_of(score: Score) -> Iterator[Fraction]:
    return (Fraction(beat) for beat in range(int(score.end)))


def chord_at(score: Score, time: Fraction) -> str:
    return next((c.numeral for c in reversed(score.chords) if c.onset <= time), "")


def edited(score: Score, voice: str, onset: Fraction | int, up: int) -> Score:
    """The score with one note so much higher."""

    def moved(note: Note) -> Note:
        return replace(note, pitch=note.pitch + up) if note.onset == onset else note

    voices = tuple(
        replace(v, notes=tuple(map(moved, v.notes))) if v.name == voice else v for v in score.voices
    )
    assert voices != score.voices
    return replace(score, voices=voices)


@pytest.mark.parametrize(("name", "seed"), [("free", None), ("hymn", 3)])
def test_all_but_the_bars_named_stays_note_for_note(
    name: str, seed: int | None, pieces: dict[str, Composition]
) -> None:
    old = pieces[name].score
    new = again(TEXTS[name], old, "2-3", seed=seed).score
    for voice in ("soprano", "alto", "tenor", "bass"):
        assert outside(old, voice, range(2, 4)) == outside(new, voice, range(2, 4))
    for beat in slots_of(old):
        if measure_at(old, beat).number not in (2, 3):
            assert chord_at(old, beat) == chord_at(new, beat)


def test_all_but_the_voice_named_stays_and_so_do_the_chords(hymn: Score) -> None:
    new = again(HYMN, hymn, "tenor", seed=3).score
    for voice in ("soprano", "alto", "bass"):
        assert events(hymn, voice) == events(new, voice)
    assert events(hymn, "tenor") != events(new, "tenor")
    assert new.chords == hymn.chords


def test_bars_of_voices_alone_change(hymn: Score) -> None:
    new = again(HYMN, hymn, "3:alto,tenor", "5:bass", seed=3).score
    assert events(hymn, "soprano") == events(new, "soprano")
    assert outside(hymn, "alto", range(3, 4)) == outside(new, "alto", range(3, 4))
    assert outside(hymn, "tenor", range(3, 4)) == outside(new, "tenor", range(3, 4))
    assert outside(hymn, "bass", range(5, 6)) == outside(new, "bass", range(5, 6))
    assert all(chord_at(hymn, beat) == chord_at(new, beat) for beat in slots_of(hymn))


def test_keep_is_the_rest_of_redo(hymn: Score) -> None:
    kept = recompose.recompose(spec(HYMN), hymn, parse(["0-2", "4-6"], but=True), seed=3)
    assert kept.score == again(HYMN, hymn, "3", seed=3).score


@pytest.mark.parametrize("name", TEXTS)
def test_the_rules_hold_across_the_seams(name: str, pieces: dict[str, Composition]) -> None:
    for part in ("2", "tenor"):
        piece = again(TEXTS[name], pieces[name].score, part, seed=3)
        assert hard(piece) == []
        assert not any(v.severity == "hard" for v in check(piece.score).violations)
        for voice in piece.score.voices:
            for before, after in zip(voice.notes, voice.notes[1:], strict=False):
                assert before.end <= after.onset
            assert note_at(voice, piece.score.end - Fraction(1, 2))


def test_the_search_begins_with_what_stood_there(hymn: Score) -> None:
    seen: list[Progress] = []
    again(HYMN, hymn, "3", watch=seen.append)
    plan = stages.outline(spec(HYMN), {})
    stood = recompose_plan.bare(hymn, plan)
    first = {
        (str(voice), tick): pitch
        for atom in seen[0].answer.atoms
        if atom.name == "pitch"
        for voice, tick, pitch in [atom.arguments]
    }
    bar = next(m for m in hymn.measures if m.number == 3)
    ticks = max(tick for _, tick in first) // int(plan.slots[-1])
    for voice in ("alto", "tenor", "bass"):
        for note in stood.voice(voice).notes:
            if bar.onset <= note.onset < bar.onset + bar.length:
                assert first[voice, int(note.onset * ticks)] == note.pitch
    assert seen[-1].answer.cost <= seen[0].answer.cost


def test_another_seed_gives_another_part_and_so_does_a_distance(hymn: Score) -> None:
    assert again(HYMN, hymn, "3", seed=3).distances[0] >= 3
    far = again(HYMN, hymn, "3", distance=6)
    assert far.distances[0] >= 6
    plan = stages.outline(spec(HYMN), {})
    old, new = (recompose_plan.bare(score, plan) for score in (hymn, far.score))
    changed = [v for v in ("alto", "tenor", "bass") for _ in events(old, v) - events(new, v)]
    assert len(changed) == far.distances[0]


def test_the_same_seed_gives_the_same_part(hymn: Score) -> None:
    assert again(HYMN, hymn, "3", seed=3).score == again(HYMN, hymn, "3", seed=3).score


def test_a_note_that_the_user_changed_is_kept_and_the_part_fits_it(hymn: Score) -> None:
    bar = next(m for m in hymn.measures if m.number == 3)
    mine = edited(hymn, "soprano", bar.onset + 1, 6)
    new = again(HYMN, mine, "3")
    assert events(mine, "soprano") == events(new.score, "soprano")
    assert hard(new) == []


def test_a_fault_among_what_is_kept_is_told_and_not_fatal(hymn: Score) -> None:
    mine = edited(hymn, "alto", 1, 80)
    new = again(HYMN, mine, "5")
    for voice in ("soprano", "alto", "tenor", "bass"):
        assert outside(mine, voice, range(5, 6)) == outside(new.score, voice, range(5, 6))
    assert hard(new) == [] and any("leaps" in line for line in compose.kept(new))


def test_a_cadence_that_the_user_changed_is_not_fatal(pieces: dict[str, Composition]) -> None:
    old = pieces["free"].score
    mine = edited(old, "bass", old.phrase_ends[0], 17)
    new = again(FREE, mine, "4")
    assert outside(mine, "bass", range(4, 5)) == outside(new.score, "bass", range(4, 5))
    assert any("adence" in line for line in compose.kept(new))


def test_a_note_held_across_the_edge_is_kept_with_what_follows_it() -> None:
    text = "bars: 3\n"
    plan = stages.outline(spec(text), {})
    onsets = ["0", "3", "9/2", "5", "7", "9", "12"]
    line = tuple(Note(a, b - a, 186) for a, b in pairwise(map(Fraction, onsets)))
    piece = replace(plan.score, voices=tuple(replace(v, notes=line) for v in plan.score.voices))
    work = recompose_plan.opened(plan, piece, parse(["2"]))
    for voice in work.plan.score.voices:
        assert [n.onset for n in voice.notes] == [0, 3, Fraction(9, 2), 7, 9]
        assert work.plan.free[voice.name] == {5, 6}


@pytest.mark.parametrize("forget", ["nothing", "the name of the row", "the chords"])
def test_a_file_gives_the_chords_back(forget: str, hymn: Score, tmp_path: Path) -> None:
    (path,) = render.write(hymn, tmp_path, "piece", ["musicxml"])
    text = path.read_text()
    if forget == "the name of the row":
        text = text.replace(' name="harmony"', "")
    if forget == "the chords":
        text = re.sub(r"<lyric.*?</lyric>", "", text, flags=re.DOTALL)
    path.write_text(text)
    piece = recompose.finished_piece(path)
    assert not any(n.lyrics for v in piece.voices for n in v.notes)
    named = [(c.onset, c.numeral, c.inversion) for c in piece.chords]
    told = [(c.onset, c.numeral, c.inversion) for c in hymn.chords]
    assert named == ([] if forget == "the chords" else told)


def test_where_the_chords_are_not_known_the_notes_still_stay(hymn: Score) -> None:
    new = again(HYMN, replace(hymn, chords=()), "3")
    assert hard(new) == []
    for voice in ("soprano", "alto", "tenor", "bass"):
        assert outside(hymn, voice, range(3, 4)) == outside(new.score, voice, range(3, 4))


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("9", "there is no bar 9: the piece has the bars 0 to 6."),
        ("oboe", "there is no voice 'oboe'. There are: soprano, alto, tenor, bass."),
        ("2:soprano", "all notes of the part named are given: none is left."),
        ("4-2", "'4-2': the bars 4 to 2 go backwards."),
        ("4-", "'4-' names no part of a piece. Write bars (5-6), voices (tenor), or both"),
        ("5:", "'5:' names no part"),
        (":alto", "':alto' names no part"),
        ("", "'' names no part"),
    ],
)
def test_a_part_that_is_not_there_is_refused(part: str, said: str, hymn: Score) -> None:
    with pytest.raises(BadInput) as refused:
        again(HYMN, hymn, part)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bars: 4\n", "it has a pick-up, and the specification has no pick-up."),
        ("bars: 9\npickup: 1/4\n", "it has 6 bars, and the specification asks for 9."),
        ("bars: 6\nmetre: 3/4\npickup: 1/4\n", "it is in 4/4, and the specification in 3/4."),
        ("bars: 6\npickup: 1/4\nvoices: 3\n", "it has 4 voices, and the specification has 3"),
        ("bars: 6\npickup: 1/2\n", "its bars are not as long as those of the specification."),
    ],
)
def test_a_piece_of_another_specification_is_refused(text: str, said: str, hymn: Score) -> None:
    with pytest.raises(BadScore) as refused:
        again(text, hymn, "2")
    assert said in str(refused.value)


def test_more_distance_than_there_is_room_for_is_refused(hymn: Score) -> None:
    with pytest.raises(BadInput, match="the part has 4 main notes that can be chosen"):
        again(HYMN, hymn, "3:alto", distance=5)


def test_where_nothing_else_is_possible_that_is_said() -> None:
    with pytest.raises(NoSolution, match="in no way that differs in 1 main note"):
        again(NARROW, composed(NARROW).score, "alto", distance=1)


def test_a_bar_of_a_long_piece_is_there_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    piece = compose.compose(spec(LONG), effort=QUICK)
    assert piece.score.end == 64
    first: list[float] = []

    def watch(progress: Progress) -> None:
        first.append(progress.seconds)

    begin = time.monotonic()
    new = again(LONG, piece.score, "9", watch=watch)
    whole = time.monotonic() - begin
    spent = ", ".join(f"{name} {seconds:.2f}" for name, seconds in new.seconds.items())
    with capsys.disabled():
        print(f"\none bar of 64 beats: {whole:.2f} s ({spent}); first answer {first[0]:.2f} s")
    assert hard(new) == []


@pytest.fixture
def here(hymn: Score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("hymn.yaml").write_text(HYMN)
    render.write(hymn, tmp_path, "hymn", ["musicxml"])
    return tmp_path


def command(*words: str) -> int:
    return cli.main(["compose", "hymn.yaml", *words])


def test_the_piece_itself_is_never_written_over(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path("hymn.musicxml").read_bytes()
    assert command("--from", "hymn.musicxml", "--redo", "3", "--distance", "4") == 0
    assert Path("hymn.musicxml").read_bytes() == before
    said = capsys.readouterr().out
    assert said.startswith("hymn.yaml: hymn.musicxml composed again, ")
    assert "hymn-redone.musicxml" in said
    assert command("--from", "hymn-redone.musicxml", "--redo", "3:alto", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["files"][0] == "hymn-redone-2.musicxml" and data["differing"] >= 0
    old, new = read.read(Path("hymn.musicxml")), read.read(Path("hymn-redone-2.musicxml"))
    assert outside(old, "tenor", range(3, 4)) == outside(new, "tenor", range(3, 4))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--redo 3", "--redo names a part of a finished piece. Say of which one, with --from."),
        ("--keep 3", "--keep names a part of a finished piece."),
        ("--from hymn.musicxml", "--from alone leaves everything as it is."),
        ("--from hymn.musicxml --redo 3 --keep 4", "--redo and --keep say the same"),
        ("--from hymn.musicxml --redo 3 --answers 2", "do not go with --from."),
        ("--from hymn.musicxml --redo 33", "there is no bar 33"),
        ("--from other.musicxml --redo 3", "other.musicxml: There is no such file."),
        ("other.yaml --from hymn.musicxml --redo 3", "--from goes with one specification"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_2(
    here: Path, words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*words.split()) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
