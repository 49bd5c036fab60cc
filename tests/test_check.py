"""What a check finds, says, shows and writes; and that it hears what music21 hears."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from cspcomposer import check as checks
from cspcomposer import check_show, facts, read, words
from cspcomposer import pitch as pitches
from cspcomposer.check import Report, check
from cspcomposer.errors import BadInput, BadRules, BadScore
from cspcomposer.read import read_chorale
from cspcomposer.render.marks import Mark
from cspcomposer.romantext import Numeral
from cspcomposer.score import (
    VOICE_NAMES,
    Measure,
    Note,
    Score,
    Signature,
    Voice,
    note_at,
    onsets,
)  # fmt: skip

GOOD = ("E5 F5 D5 E5", "C5 C5 B4 C5", "G4 A4 G4 G4", "C4 F3 G3 C3")
FIFTHS = ("G5 A5 B5 C6", "C5 D5 G4 C4")


def quarters(*lines: str) -> Score:
    """Voices from the highest down, in 4/4; "-" is a rest."""
    voices = []
    for name, line in zip(VOICE_NAMES[len(lines)], lines, strict=True):
        notes = tuple(
            Note(Fraction(time), Fraction(1), pitches.parse(word))
            for time, word in enumerate(line.split()) if word != "-"
        )  # fmt: skip
        voices.append(Voice(name, name.title(), "treble", notes))
    bars = -(-len(lines[0].split()) // 4)
    return Score(
        "", "", Fraction(72), tuple(voices),
        tuple(Measure(i + 1, Fraction(4 * i), Fraction(4), 4, 4) for i in range(bars)),
        (Signature(Fraction(0), 0),),
    )  # fmt: skip


def rules_of(report: Report) -> set[str]:
    return {v.rule for v in report.violations}


def shown(report: Report) -> str:
    out = io.StringIO()
    Console(file=out, width=150).print(check_show.table(report))
    return out.getvalue()


def test_parallel_fifths_are_found_where_they_are_heard() -> None:
    report = check(quarters(*FIFTHS), file="two.xml")
    fault = next(v for v in report.violations if v.rule == "parallel_fifths")
    assert (fault.bar, float(fault.beat), float(fault.onset)) == (1, 2.0, 1.0)
    assert fault.message == "Soprano and bass move in parallel fifths."
    assert [(n.voice, n.pitch) for n in fault.notes] == [("soprano", "A5"), ("bass", "D5")]
    assert fault.severity == "hard"


def test_a_plain_cadence_has_no_hard_fault() -> None:
    report = check(replace(quarters(*GOOD), phrase_ends=(Fraction(3),)))
    assert "hard" not in report.counts["severity"]
    assert report.beats == 4


def test_the_data_are_plain_and_complete() -> None:
    data = check_show.as_json(check(quarters(*FIFTHS), file="two.xml"))
    assert json.loads(json.dumps(data)) == data
    assert list(data) == ["file", "style", "beats", "violations", "counts"]
    fault = next(v for v in data["violations"] if v["rule"] == "parallel_fifths")
    assert list(fault) == [
        "rule", "title", "severity", "message", "advice", "source", "bar", "beat", "notes",
    ]  # fmt: skip
    assert fault["notes"][0] == {"voice": "soprano", "bar": 1, "beat": 2, "pitch": "A5"}
    assert data["counts"]["rule"]["parallel_fifths"] == 1


def test_a_user_overrides_severities() -> None:
    off = check(quarters(*FIFTHS), overrides={"parallel_fifths": "off"})
    assert "parallel_fifths" not in rules_of(off)
    mild = check(quarters(*FIFTHS), overrides={"parallel_fifths": "mild"})
    assert next(v for v in mild.violations if v.rule == "parallel_fifths").severity == "mild"


def test_a_users_own_rule_is_asked_too(tmp_path: Path) -> None:
    (tmp_path / "high_note.lp").write_text(
        'rule(high_note,"High note"). message(high_note,"{voice} goes up to {pitch}").\n'
        'advice(high_note,"Stay below."). source(high_note,"common practice").\n'
        "severity(high_note,hint).\n"
        'violation(high_note,T,(voice(V),pitch("B5"))) :- active(high_note), pitch(V,T,238).\n'
    )
    report = check(quarters(*FIFTHS), folders=(tmp_path,))
    fault = next(v for v in report.violations if v.rule == "high_note")
    assert fault.message == "Soprano goes up to B5."
    assert [n.pitch for n in fault.notes] == ["B5"]


def test_faults_are_marked_in_the_colour_of_the_worst(tmp_path: Path) -> None:
    report = check(quarters(*FIFTHS))
    found = check_show.marks(report)
    assert Mark("bass", Fraction(1), check_show.COLOURS["hard"], "") in found
    labels = [m.label for m in found if m.onset == 1 and m.label]
    assert len(labels) == 1 and "Parallel fifths" in labels[0]
    files = check_show.write_marked(report, tmp_path, "two")
    assert [f.name for f in files] == ["two.musicxml", "two.svg"]
    assert "Parallel fifths" in files[0].read_text()
    assert check_show.COLOURS["hard"] in files[0].read_text()
    assert read.read(files[0]).voices[0].notes[0].pitch == pitches.parse("G5")


def test_a_terminal_shows_place_sentence_and_count() -> None:
    text = shown(check(quarters(*FIFTHS), file="two.xml"))
    assert "Soprano and bass move in parallel fifths." in text
    assert "two.xml: " in text and " in 4 beats, style chorale." in text


def test_a_score_without_faults_says_so() -> None:
    report = check(quarters("C5"), overrides=dict.fromkeys(
        rules_of(check(quarters("C5"))), "off"))  # fmt: skip
    assert shown(report).startswith("The score: no faults in 4 beats, style chorale.")


@pytest.mark.parametrize("count", range(1, 9))
def test_any_number_of_voices_is_checked(count: int) -> None:
    lines = [f"{n}{o}" for o in (5, 4, 3, 2) for n in ("G", "C")][:count]
    score = quarters(*(f"{line} {line} {line} {line}" for line in lines))
    report = check(score)
    assert report.beats == 4
    assert all(v.message.endswith(".") and "{" not in v.message for v in report.violations)


def test_rests_are_no_faults() -> None:
    report = check(quarters("G5 - - C6", "C5 D5 - C4"))
    assert "parallel_fifths" not in rules_of(report)


def test_a_score_without_notes_is_refused() -> None:
    with pytest.raises(BadScore, match="no notes"):
        check(quarters("- - - -"))


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(BadRules, match="there is no style 'choral'"):
        check(quarters(*FIFTHS), style="choral")


def test_numerals_are_placed_by_bar_and_beat() -> None:
    chords = [Numeral(1, Fraction(b), "C", n, 0, n, b, 1) for b, n in ((1, "I"), (2, "IV"))]
    placed = checks.placed(quarters(*GOOD), chords)
    assert placed == ((Fraction(0), "C", "I"), (Fraction(1), "C", "IV"))
    assert [c.numeral for c in check(quarters(*GOOD), numerals=placed).score.chords] == ["I", "IV"]
    with pytest.raises(BadInput, match="no measure 9"):
        checks.placed(quarters(*GOOD), [replace(chords[0], measure=9)])
    with pytest.raises(BadInput, match="name no key"):
        checks.placed(quarters(*GOOD), [replace(chords[0], key=None)])


@pytest.mark.parametrize(("beat", "text"), [
    (Fraction(2), "2"), (Fraction(5, 2), "2.5"), (Fraction(4, 3), "1 1/3"),
])  # fmt: skip
def test_beats_are_written_as_musicians_do(beat: Fraction, text: str) -> None:
    assert words.beat_text(beat) == text


# Twenty chorales, and what an independent program hears in them.
ORACLE = (
    "1.6", "10.7", "101.7", "102.7", "104.6", "110.7", "112.5", "113.8", "116.6", "120.6",
    "153.1", "227.1", "244.3", "253", "269", "281", "302", "347", "40.8", "66.6",
)  # fmt: skip


def successions(score: Score) -> Iterator[tuple[Fraction, Fraction]]:
    """Neighbouring onsets within a phrase."""
    times = onsets(score)
    breaths = {last for _, _, last in facts.phrases(score, times)}
    yield from ((a, b) for a, b in pairwise(times) if a not in breaths)


@pytest.mark.parametrize("name", ORACLE)
def test_parallels_crossing_and_overlap_are_those_of_music21(name: str) -> None:
    from music21 import note, voiceLeading

    score = read_chorale(f"bach/bwv{name}.mxl")
    ours = {(v.rule, v.onset, *(n.voice for n in v.notes)) for v in check(score).violations}
    parallels = {"parallel_fifths": "parallelFifth", "parallel_octaves": "parallelOctave",
                 "parallel_unisons": "parallelUnison"}  # fmt: skip
    theirs, mine = set(), set()
    for before, now in successions(score):
        for i, v in enumerate(score.voices):
            for j, w in enumerate(score.voices[i + 1 :], i + 1):
                four = [note_at(x, t) for x in (v, w) for t in (before, now)]
                if any(n is None for n in four):
                    continue
                names = [pitches.name(n.pitch).replace("b", "-") for n in four if n]
                quartet = voiceLeading.VoiceLeadingQuartet(*(note.Note(n) for n in names))
                # music21 calls octaves in contrary motion parallel, too; that is another rule here.
                alike = quartet.similarMotion()
                for rule, method in parallels.items():
                    key = (rule, now, v.name, w.name)
                    theirs |= {key} if alike and getattr(quartet, method)() else set()
                    mine |= {key} & ours
                key = ("voice_overlap", now, v.name, w.name)
                if j == i + 1 and alike and quartet.voiceOverlap():
                    theirs.add(key)
                mine |= {key} & ours
                key = ("voice_crossing", now, v.name, w.name)
                struck = {n.onset for n in four[1::2] if n}
                if j == i + 1 and now in struck:
                    alone = voiceLeading.VoiceLeadingQuartet(
                        *(note.Note(n) for n in (names[1], names[1], names[3], names[3]))
                    )
                    theirs |= {key} if alone.voiceCrossing() else set()
                mine |= {key} & ours
    assert mine - theirs == set(), "heard by us alone"
    assert theirs - mine == set(), "heard by music21 alone"


def test_a_score_is_not_held_against_the_aims_of_invention_unless_one_is_named() -> None:
    tune = quarters("C5 G5 E5 D5 E5 D5 B4 C5")
    assert "climax_misplaced" not in rules_of(check(tune))
    assert "climax_misplaced" in rules_of(check(tune, overrides={"climax_misplaced": "hint"}))
