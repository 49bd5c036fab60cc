"""What is composed keeps the rules, keeps what was given, and comes out the same again."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from composing import EXAMPLES, QUICK, ROOT, cadence, composed, hard, parallels, spec, sung

from cspcomposer import compose as composer
from cspcomposer import pitch as pitches
from cspcomposer import read, render, specfile
from cspcomposer.check import check
from cspcomposer.compose import Composition
from cspcomposer.errors import BadRules, BadSpec, NoSolution, NotGrounded, OutOfTime
from cspcomposer.score import Note, Score, note_at
from cspcomposer.search import Effort
from cspcomposer.solver import Solver, Source
from cspcomposer.spec import FileSource

SLACK = 2.0  # seconds, for a slow machine
FREE = """
key: G major
phrases: [{bars: 2, cadence: half}, {bars: 2, cadence: authentic}]
"""
MINOR = """
key: C minor
metre: 3/4
phrases: [{bars: 3, cadence: deceptive}, {bars: 3, cadence: plagal}]
"""
HYMN = r"""
key: F major
pickup: 1/4
given:
  soprano: f'4 | g' a' bes' a' | g'2 f'4\fermata c'' | d'' c'' bes' a' | g'2 f'4\fermata
"""
BASS = """
key: D minor
bars: 3
given:
  bass: d4 a, bes, g, | a, d g, a, | d1
"""
INNER = """
key: A major
bars: 3
given:
  alto: s1 | e'4 fis' e' d' | s1
  tenor: s1*2 | a2 s2
"""
NUMERALS = """
bars: 3
given:
  numerals: |
    m1 D: I b3 V6 b4 I
    m2 vi b2 V65/V b3 V b4 V42
    m3 I6 b2 ii6 b3 V b4 I
"""
PIECES = {"free": FREE, "minor": MINOR, "hymn": HYMN, "bass": BASS, "inner": INNER,
          "numerals": NUMERALS}  # fmt: skip
TWO_VOICES = "key: G major\nbars: 4\nvoices: 2\n"
THREE_VOICES = "key: E minor\nbars: 3\nvoices: 3\n"


@pytest.fixture(scope="module")
def pieces() -> dict[str, Composition]:
    return {name: composed(text) for name, text in PIECES.items()}


@pytest.mark.parametrize("name", PIECES)
def test_what_is_composed_has_no_hard_fault(name: str, pieces: dict[str, Composition]) -> None:
    assert hard(pieces[name]) == []
    assert not any(v.severity == "hard" for v in check(pieces[name].score).violations)


@pytest.mark.parametrize("name", PIECES)
def test_every_voice_sings_to_the_end(name: str, pieces: dict[str, Composition]) -> None:
    score = pieces[name].score
    for voice in score.voices:
        assert note_at(voice, score.end - Fraction(1, 2)), voice.name
        for before, after in zip(voice.notes, voice.notes[1:], strict=False):
            assert before.end <= after.onset


@pytest.mark.parametrize(
    ("name", "wanted"), [("free", ["half", "authentic"]), ("minor", ["deceptive", "plagal"])]
)
def test_every_cadence_asked_for_is_there(
    name: str, wanted: list[str], pieces: dict[str, Composition]
) -> None:
    score = pieces[name].score
    assert [cadence(score, end) for end in score.phrase_ends] == wanted


@pytest.mark.parametrize("kind", ["authentic", "half", "plagal", "deceptive"])
@pytest.mark.parametrize("key", ["Eb major", "F# minor"])
def test_each_kind_of_cadence_can_be_had(kind: str, key: str) -> None:
    piece = composed(f"key: {key}\nphrases: [{{bars: 2, cadence: {kind}}}]\n")
    assert cadence(piece.score, piece.score.phrase_ends[-1]) == kind
    assert hard(piece) == []


def given(text: str) -> dict[str, list[Note]]:
    lines = spec(text).melodies
    return {
        name: [
            Note(n.onset, n.duration, n.pitch, (), n.fermata) for n in notes if n.pitch is not None
        ]
        for name, notes in lines.items()
    }


@pytest.mark.parametrize("name", ["hymn", "bass", "inner"])
def test_given_notes_are_unchanged(name: str, pieces: dict[str, Composition]) -> None:
    for voice, notes in given(PIECES[name]).items():
        assert set(notes) <= set(pieces[name].score.voice(voice).notes)


def test_a_line_that_is_given_whole_gets_no_other_notes(pieces: dict[str, Composition]) -> None:
    assert pieces["hymn"].score.voice("soprano").notes == tuple(given(HYMN)["soprano"])


def test_given_numerals_are_the_harmony(pieces: dict[str, Composition]) -> None:
    named = [(c.numeral, c.inversion) for c in pieces["numerals"].score.chords]
    assert named == [
        ("I", 0), ("V", 1), ("I", 0), ("vi", 0), ("V7/V", 1), ("V", 0), ("V7", 3),
        ("I", 1), ("ii", 1), ("V", 0), ("I", 0),
    ]  # fmt: skip


def test_a_given_silence_stays_silent() -> None:
    piece = composed("key: C major\nbars: 2\ngiven: {soprano: c''2 r2 | d''2 c''2}\n")
    assert note_at(piece.score.voice("soprano"), Fraction(3)) is None


def silent(piece: Composition, time: Fraction | int) -> list[str]:
    return [v.name for v in piece.score.voices if not note_at(v, Fraction(time))]


def test_all_voices_rest_where_the_tune_rests_for_a_whole_bar() -> None:
    piece = composed("given: {soprano: c''4 b' c'' d'' | c''2 r | R1 | c''4 b' c''2}\n")
    assert [len(silent(piece, time)) for time in (5, 6, 8, 11, 12)] == [0, 4, 4, 4, 0]
    assert hard(piece) == []


def test_a_short_rest_of_the_tune_is_bridged_by_the_other_voices() -> None:
    piece = composed("given: {soprano: c''4 r c'' d'' | e''1}\n")
    assert silent(piece, 1) == ["soprano"]


def test_a_rest_of_the_tune_is_filled_where_another_line_or_a_chord_is_given() -> None:
    tune = "given:\n  soprano: c''1 | R1 | c''4 b' c''2\n"
    assert silent(composed(tune + "  bass: c1 | c4 b, c d | c g, c2\n"), 5) == ["soprano"]
    piece = composed(tune + "  numerals: m1 I m2 V b3 I m3 I b2 V b3 I\n")
    assert silent(piece, 6) == ["soprano"]


def test_a_rest_in_a_given_file_stays_a_rest(tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\ncBcd|e2z2|z4|c4|\n")
    text = "given:\n  soprano: {file: tune.abc}\n  bass: c4 g c' g | c1 | s1 | c1\n"
    piece = composer.compose(spec(text, tmp_path / "piece.yaml"), effort=QUICK)
    assert silent(piece, 6) == silent(piece, 8) == ["soprano"]


def test_a_phrase_that_ends_before_a_rest_has_its_cadence_there() -> None:
    piece = composed(
        "phrases: [{bars: 2, cadence: half}, {bars: 2, cadence: authentic}]\n"
        "given: {soprano: c''4 e'' d''2 | R1 | c''4 e'' d'' b' | c''1}\n"
    )
    assert cadence(piece.score, Fraction(2)) == "half"


def test_the_piece_goes_on_when_the_tune_stops_before_the_chords() -> None:
    numerals = "m1 C: I b2 V b3 I\n    m2 IV b3 V\n    m3 I\n"
    piece = composed(f"given:\n  soprano: c''4 b' c''2\\fermata\n  numerals: |\n    {numerals}")
    assert [silent(piece, time) for time in range(12)] == [[]] * 12
    assert piece.score.phrase_ends == (Fraction(2), Fraction(8))


def test_a_tune_that_is_alone_ends_the_piece_where_it_stops() -> None:
    piece = composed("given: {soprano: c''4 b' c'' d'' | c''2.}\n")
    assert len(silent(piece, 7)) == 4


def test_a_voice_is_free_at_once_where_its_line_leaves_off() -> None:
    piece = composed("harmonic_rhythm: bar\ngiven: {soprano: c''4 s2. | d''2 s2 | c''1}\n")
    assert [silent(piece, time) for time in range(12)] == [[]] * 12


def test_chords_behind_the_end_of_a_given_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\ncBc2|\n")
    text = "given:\n  soprano: {file: tune.abc}\n  numerals: m1 I m2 V\n"
    with pytest.raises(BadSpec, match="behind the end of the given file, which has 1 bar"):
        composer.compose(spec(text, tmp_path / "piece.yaml"), effort=QUICK)


@pytest.mark.parametrize("text", [TWO_VOICES, THREE_VOICES], ids=["two", "three"])
def test_fewer_voices_than_four_are_composed_too(text: str) -> None:
    piece = composed(text)
    assert hard(piece) == []
    assert all(voice.notes for voice in piece.score.voices)


def test_own_ranges_are_kept() -> None:
    piece = composed("bars: 2\nvoices: [{name: soprano, range: e' e''}, alto, tenor, bass]\n")
    low, high = pitches.parse("E4"), pitches.parse("E5")
    assert all(low <= n.pitch <= high for n in piece.score.voice("soprano").notes)


def musicxml(piece: Composition, folder: Path) -> str:
    (file,) = render.write(piece.score, folder, "piece", ("musicxml",))
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_clef_is_chosen_by_the_range() -> None:
    piece = composed(
        "bars: 1\nvoices: [{name: flute, range: C5 C6}, {name: alto, clef: alto}, "
        "tenor_2, baritone, {name: cello, range: C2 C4}]\n"
    )
    assert [v.clef for v in piece.score.voices] == ["treble", "alto", "treble8", "bass", "bass"]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, pieces: dict[str, Composition]) -> None:
    assert musicxml(composed(HYMN), tmp_path) == musicxml(pieces["hymn"], tmp_path)


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "piece.yaml").write_text(FREE + "effort: {conflicts: 1500}\n")
    found = []
    for number in ("1", "2"):
        subprocess.run(
            [sys.executable, "-m", "cspcomposer", "compose", "piece.yaml", "--out", number],
            cwd=tmp_path, check=True, capture_output=True,
            env=os.environ | {"PYTHONHASHSEED": number, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        found.append((tmp_path / number / "piece.musicxml").read_bytes())
    assert found[0] == found[1]


def test_another_seed_gives_another_piece(pieces: dict[str, Composition]) -> None:
    one, other = sung(pieces["free"].score), sung(composed(FREE, seed=77).score)
    notes = [(name, note) for name, line in one.items() for note in line]
    changed = [(name, note) for name, note in notes if note not in other[name]]
    assert len(changed) >= len(notes) // 4


def test_rules_of_ones_own_take_part(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "low_start.lp").write_text(
        'rule(low_start,"Low start"). message(low_start,"{voice} begins below C5").\n'
        'advice(low_start,"Begin higher."). source(low_start,"common practice").\n'
        "severity(low_start,hard).\n"
        "violation(low_start,T,(voice(soprano),)) :-\n"
        "    active(low_start), first(T), pitch(soprano,T,P), P < 203.\n"
    )
    loaded = spec("bars: 2\nrule_folders: [mine]\n", tmp_path / "piece.yaml")
    piece = composer.compose(loaded, effort=QUICK)
    assert piece.score.voice("soprano").notes[0].pitch >= pitches.parse("C5")
    assert hard(piece) == []


def test_a_rule_that_is_made_hard_is_kept() -> None:
    text = "key: G major\nbars: 4\nrules: {bass_repeated_over_bar: hard}\n"
    piece = composed(text)
    assert "bass_repeated_over_bar" not in piece.report.counts["rule"]


def test_an_unknown_rule_or_style_is_refused_with_its_line() -> None:
    with pytest.raises(BadSpec, match=r"piece.yaml:2:\d+: rules.paralel_fifths: .*parallel_fifths"):
        composed("bars: 2\nrules: {paralel_fifths: off}\n")
    with pytest.raises((BadSpec, BadRules), match="chorale"):
        composed("bars: 2\nstyle: choral\n")


def test_too_little_effort_says_so() -> None:
    with pytest.raises(OutOfTime, match="nothing was found"):
        composer.compose(spec(FREE), effort=Effort(1))


def test_seconds_are_for_the_whole_run() -> None:
    text = "key: G major\nphrases: [{bars: 4}, {bars: 4}, {bars: 4}]\n"
    piece = composer.compose(spec(text), effort=Effort(None, 6.0))
    # What is left over is the search's; the rest has at least a little.
    assert sum(piece.seconds.values()) < 6.0 + 3 * SLACK
    assert piece.surface.status in ("optimal", "feasible")


def test_a_setting_is_kept_when_there_is_no_time_to_adorn_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ground = Solver.ground

    def slow(self: Solver, sources: Sequence[Source], **options: Any) -> tuple[str, ...]:
        if any(source.name == "skeleton" for source in sources):
            raise NotGrounded("too late")
        return ground(self, sources, **options)

    monkeypatch.setattr(Solver, "ground", slow)
    piece = composed("bars: 2\n")
    assert composer.as_data(piece)["surface"] == {"status": "out of time", "cost": []}
    assert all(n.onset.denominator == 1 for v in piece.score.voices for n in v.notes)


def test_the_data_tell_the_setting_from_its_surface() -> None:
    plain = composer.as_data(composed("bars: 2\nsurface: none\n"))
    assert plain["surface"] == {"status": "none", "cost": []}
    adorned = composer.as_data(composed("bars: 2\n"))
    assert adorned["surface"]["status"] in ("optimal", "feasible")
    assert len(adorned["surface"]["cost"]) == len(adorned["cost"])


def test_where_finding_out_why_takes_too_long_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Solver, "conflict", lambda *_, **__: None)
    text = "bars: 1\ngiven: {bass: c1, numerals: m1 I6}\n"
    with pytest.raises(NoSolution, match="no solution: finding out why took too long"):
        composed(text)


def test_the_data_say_how_it_came_about(pieces: dict[str, Composition]) -> None:
    data = composer.as_data(pieces["free"])
    assert data["status"] in ("optimal", "feasible") and len(data["cost"]) == 2
    assert data["versions"]["clingo"] and data["sha256"]["spec"] == pieces["free"].spec_sha256


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_is_composed(path: Path) -> None:
    loaded = specfile.load(path)
    piece = composer.compose(loaded, effort=QUICK)
    assert hard(piece) == []
    wanted = [p.cadence for p in loaded.spec.phrases or ()]
    found = [cadence(piece.score, end) for end in piece.score.phrase_ends]
    if wanted:
        assert [f if w != "any" else w for w, f in zip(wanted, found, strict=True)] == wanted
    for voice, source in loaded.spec.given.items():
        if isinstance(source, FileSource):
            line = read.read(loaded.file(source.file)).voices[0].notes
        else:
            line = tuple(given(path.read_text()).get(voice, ()))
        places = {(n.onset, n.pitch) for n in line}
        assert voice in ("figures", "numerals") or places <= set(sung(piece.score)[voice])


# Sopranos of Bach's chorales, songs of the Essen collection, airs from O'Neill: eight to
# twenty-four bars, major and minor, in two, three, four and six, with a pick-up and without.
TUNES = [
    ("bach/bwv66.6.mxl", 1), ("bach/bwv153.1.mxl", 1), ("bach/bwv84.5.mxl", 1),
    ("bach/bwv57.8.mxl", 1), ("bach/bwv10.7.mxl", 1), ("bach/bwv269.mxl", 1),
    ("essenFolksong/altdeu10.abc", 3), ("essenFolksong/altdeu10.abc", 6),
    ("essenFolksong/erk5.abc", 2), ("essenFolksong/erk5.abc", 5),
    ("essenFolksong/erk5.abc", 11), ("essenFolksong/han1.abc", 3),
    ("oneills1850/0001-0050.abc", 5), ("oneills1850/0001-0050.abc", 9),
    ("oneills1850/0001-0050.abc", 13), ("oneills1850/0001-0050.abc", 14),
]  # fmt: skip


def tune(name: str, number: int) -> Score:
    if name.startswith("bach"):
        return read.read_chorale(name)
    return read.read_corpus(name, tune=number)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), TUNES)
def test_music21_hears_no_parallels_under_a_real_tune(
    name: str, number: int, tmp_path: Path
) -> None:
    score = tune(name, number)
    soprano = replace(score.voices[0], name="soprano", clef="treble")
    render.write(replace(score, voices=(soprano,)), tmp_path, "tune", ("musicxml",))
    loaded = spec("given: {soprano: {file: tune.musicxml}}\n", tmp_path / "piece.yaml")
    piece = composer.compose(loaded, effort=QUICK)
    assert list(parallels(piece.score)) == []
    assert hard(piece) == []
    assert sung(piece.score)["soprano"] == [(n.onset, n.pitch) for n in soprano.notes]
