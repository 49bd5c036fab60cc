"""MusicXML says what the score says, and says it as an engraver would."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render_scores import bars, chorale, hymn, jig, line, rhythms, voices

from cspcomposer import pitch
from cspcomposer.errors import BadInput, BadScore
from cspcomposer.render.marks import Mark
from cspcomposer.render.metre import KINDS
from cspcomposer.render.musicxml import musicxml
from cspcomposer.score import Chord, Measure, Note, Score, Signature, Voice

SCORES: dict[str, Callable[[], Score]] = {
    "hymn": hymn,
    "jig": jig,
    "rhythms": rhythms,
    "bwv66.6": lambda: chorale("bach/bwv66.6"),
    "bwv269": lambda: chorale("bach/bwv269"),
}
VALUES = {name: value for value, name in KINDS.items()}


def small(*lines: str, count: int = 1, beats: int = 4, unit: int = 4, fifths: int = 0) -> Score:
    measures = bars(count, beats, unit)
    return Score("", "", F(60), voices(*lines), measures, (Signature(F(0), fifths),))


def notes_of(text: str) -> list[ET.Element]:
    return list(ET.fromstring(text).iter("note"))


def accidentals(score: Score, *, layout: str = "") -> list[str]:
    return [n.findtext("accidental", "") for n in notes_of(musicxml(score, layout=layout))]


def read_back(text: str) -> list[list[tuple[F, F, str, tuple[str, ...], bool]]]:
    """Every voice as music21 hears it: onset, duration, pitch, words, fermata; ties joined."""
    from music21 import converter

    found = []
    for part in converter.parse(text, format="musicxml").parts:
        lines: dict[str, list[tuple[F, F, str, tuple[str, ...], bool]]] = {}
        for measure in part.getElementsByClass("Measure"):
            for voice in measure.voices or [measure]:
                line = lines.setdefault(str(voice.id) if measure.voices else "1", [])
                for note in voice.notes:
                    take(line, note, F(measure.offset) + F(note.offset))
        found += [lines[key] for key in sorted(lines)]
    return found


def take(line: list[tuple[F, F, str, tuple[str, ...], bool]], note: Any, onset: F) -> None:
    duration, name = F(note.quarterLength), pitch.name(pitch.parse(note.pitch.nameWithOctave))
    fermata = any("Fermata" in e.classes for e in note.expressions)
    words = tuple(
        (lyric.text or "") + ("-" if lyric.syllabic in ("begin", "middle") else "")
        for lyric in note.lyrics
        if lyric.identifier != "harmony"
    )
    if note.tie and note.tie.type in ("stop", "continue"):
        start, length, before, text, held = line[-1]
        assert (start + length, before) == (onset, name)
        line[-1] = start, length + duration, name, text, held or fermata
    else:
        line.append((onset, duration, name, words, fermata))


def written(score: Score) -> list[list[tuple[F, F, str, tuple[str, ...], bool]]]:
    return [
        [(n.onset, n.duration, pitch.name(n.pitch), tuple(filter(None, n.lyrics)), n.fermata)
         for n in voice.notes]
        for voice in score.voices
    ]  # fmt: skip


@pytest.mark.parametrize("layout", ["", "open"])
@pytest.mark.parametrize("name", SCORES)
def test_music21_reads_back_every_note_word_and_fermata(name: str, layout: str) -> None:
    score = SCORES[name]()
    assert read_back(musicxml(score, layout=layout)) == written(score)


@pytest.mark.parametrize("layout", ["", "open"])
@pytest.mark.parametrize("name", SCORES)
def test_in_every_measure_every_voice_fills_its_length_with_true_note_values(
    name: str, layout: str
) -> None:
    score = SCORES[name]()
    check_values(score, musicxml(score, layout=layout))


def check_values(score: Score, text: str) -> None:
    root = ET.fromstring(text)
    divisions = int(root.findtext(".//divisions", ""))
    assert len({n.get("id") for n in root.iter("note") if n.get("id")}) == len(
        [n for n in root.iter("note") if n.find("rest") is None]
    )
    for part in root.iter("part"):
        for measure, given_measure in zip(part.iter("measure"), score.measures, strict=True):
            filled: Counter[str] = Counter()
            for note in measure.iter("note"):
                duration = int(note.findtext("duration", ""))
                filled[note.findtext("voice", "")] += duration
                assert F(duration, divisions) == named_value(note, given_measure)
            assert {F(d, divisions) for d in filled.values()} == {given_measure.length}
            opened = [t.get("type") for t in measure.iter("tuplet")]
            assert opened.count("start") == opened.count("stop")


def named_value(note: ET.Element, measure: Measure) -> F:
    if note.find("type") is None:
        return measure.length
    value = VALUES[note.findtext("type", "")] * (2 - F(1, 2 ** len(note.findall("dot"))))
    actual = int(note.findtext("time-modification/actual-notes", "1"))
    return value * int(note.findtext("time-modification/normal-notes", "1")) / actual


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_rhythm_on_a_grid_of_triplet_sixteenths_can_be_written(data: st.DataObject) -> None:
    beats, unit = data.draw(
        st.sampled_from([(4, 4), (3, 4), (2, 2), (6, 8), (9, 8), (5, 8), (7, 8), (3, 8), (6, 4)])
    )
    pickup = data.draw(st.sampled_from([F(0), F(1, 2), F(1)]))
    measures = bars(3, beats, unit, pickup=pickup)
    end = int((measures[-1].onset + measures[-1].length) * 12)
    cuts = sorted({0, end} | set(data.draw(st.lists(st.integers(1, end - 1), max_size=20))))
    sounds = data.draw(st.lists(st.booleans(), min_size=len(cuts) - 1, max_size=len(cuts) - 1))
    notes = tuple(
        Note(F(a, 12), F(b - a, 12), 163)
        for a, b, sounds_ in zip(cuts, cuts[1:], sounds, strict=False)
        if sounds_
    )
    voice = Voice("one", "One", "treble", notes)
    score = Score("", "", F(60), (voice,), measures, (Signature(F(0), 0),))
    text = musicxml(score)
    check_values(score, text)
    divisions = int(ET.fromstring(text).findtext(".//divisions", ""))
    sounding = sum(
        int(n.findtext("duration", "")) for n in notes_of(text) if n.find("rest") is None
    )
    assert F(sounding, divisions) == sum(n.duration for n in notes)


def test_the_same_score_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from render_scores import hymn;"
        "from cspcomposer.render.musicxml import musicxml; sys.stdout.write(musicxml(hymn()))"
    )
    here = str(Path(__file__).parent)
    texts = {
        subprocess.run(
            [sys.executable, "-c", code, here],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            cwd=Path(here).parent,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {musicxml(hymn()).encode()}
    assert musicxml(hymn()) == musicxml(hymn())


def test_the_document_type_the_title_and_the_composer_stand_at_the_head() -> None:
    text = musicxml(hymn())
    root = ET.fromstring(text)
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"')
    assert (root.tag, root.get("version")) == ("score-partwise", "4.0")
    assert root.findtext("work/work-title") == "Hymn & tune"
    assert root.findtext("identification/creator") == "Anon. <after Crüger>"
    assert root.find(".//encoding-date") is None


def test_four_voices_stand_on_two_staves_and_can_be_opened() -> None:
    closed, opened = (ET.fromstring(musicxml(hymn(), layout=word)) for word in ("", "open"))
    assert [p.get("id") for p in closed.iter("part")] == ["P1", "P2"]
    assert [p.get("id") for p in opened.iter("part")] == ["P1", "P2", "P3", "P4"]
    assert [n.findtext("stem") for n in closed.iter("note") if n.findtext("voice") == "2"].count(
        "up"
    ) == 0
    assert [c.findtext("clef-octave-change") for c in opened.iter("clef")] == [
        None,
        None,
        "-1",
        None,
    ]
    assert opened.findtext(".//group-symbol") == "bracket"


def test_other_voices_cannot_be_closed() -> None:
    with pytest.raises(BadInput, match="layout 'closed' is not possible"):
        musicxml(jig(), layout="closed")


def test_a_pick_up_is_measure_0_and_holds_no_rests_before_it() -> None:
    first = next(ET.fromstring(musicxml(hymn())).iter("measure"))
    assert (first.get("number"), first.get("implicit")) == ("0", "yes")
    assert len(first.findall("note")) == 2


def test_a_silent_bar_has_one_rest_and_a_silent_pick_up_its_true_value() -> None:
    cello = ET.fromstring(musicxml(jig())).findall("part")[1].findall("measure")
    assert [n.findtext("type") for n in cello[0].iter("note")] == ["eighth"]
    (rest,) = cello[3].iter("rest")
    assert rest.get("measure") == "yes"


def test_key_and_metre_change_where_they_should() -> None:
    bass = ET.fromstring(musicxml(hymn())).findall("part")[1].findall("measure")
    assert [m.findtext("attributes/key/fifths") for m in bass] == ["1", None, None, None, "0", None]
    assert bass[4].findtext("attributes/key/cancel") == "1"
    metres = [
        m.findtext("attributes/time/beats") for m in ET.fromstring(musicxml(jig())).iter("measure")
    ]
    assert metres == ["6", None, None, None, None, None, "3"] * 2


def test_note_ids_name_the_voice_and_the_note_and_tied_heads_count_on() -> None:
    ids = [n.get("id") for n in notes_of(musicxml(hymn())) if n.get("id")]
    assert ids[:2] == ["n-soprano-0", "n-alto-0"]
    tenor = [i for i in ids if i and i.startswith("n-tenor-9")]
    assert tenor == ["n-tenor-9", "n-tenor-9-2"]


def test_syllables_know_their_place_in_the_word_and_held_ones_get_a_line() -> None:
    lyrics = [x for n in notes_of(musicxml(hymn())) for x in n.iter("lyric")]
    first = [x for x in lyrics if x.get("number") == "1" and x.get("name") is None]
    words = [(x.findtext("text"), x.findtext("syllabic")) for x in first]
    assert words[:7] == [
        ("Praise", "single"), ("to", "single"), ("the", "single"), ("Lord", "single"),
        ("al", "begin"), ("migh", "middle"), ("ty", "end"),
    ]  # fmt: skip
    assert [x.findtext("text") for x in first if x.find("extend") is not None] == ["the", "of"]


def test_two_staves_print_the_same_words_once_and_four_print_them_all() -> None:
    words = "C5:2{A-} C5:2{men}"
    score = small(words, words, words, words)
    assert [n.get("id") for n in notes_of(musicxml(score)) if n.find("lyric") is not None] == [
        "n-soprano-0", "n-soprano-1",
    ]  # fmt: skip
    opened = notes_of(musicxml(score, layout="open"))
    assert all(n.find("lyric") is not None for n in opened)


def test_two_voices_with_words_of_their_own_have_them_above_and_below_the_staff() -> None:
    score = small("C5:4{high}", "C4:4{low}", "C4:4", "C3:4")
    lyrics = [x for n in notes_of(musicxml(score)) for x in n.iter("lyric")]
    assert [(x.findtext("text"), x.get("placement")) for x in lyrics] == [
        ("high", "above"), ("low", None),
    ]  # fmt: skip


def test_numerals_stand_in_a_row_of_their_own_and_name_the_key_once() -> None:
    row = [x for n in notes_of(musicxml(hymn())) for x in n.findall("lyric[@name='harmony']")]
    assert [x.findtext("text") for x in row] == [
        "G: I", "V4/3", "V6/5", "ii", "V4/2/V", "a: I", "IV6", "I",
    ]  # fmt: skip
    assert {x.get("number") for x in row} == {"1"}


def test_a_numeral_without_a_note_of_its_own_is_not_lost() -> None:
    score = replace(
        small("C5:4", "E4:4", "G3:4", "C3:4"),
        chords=(Chord(F(0), "I", 0, "I"), Chord(F(2), "IV", 2, "IV6/4")),
    )
    (direction,) = (
        d
        for d in ET.fromstring(musicxml(score)).iter("direction")
        if d.find(".//words") is not None
    )
    assert direction.findtext(".//words") == "IV6/4"
    assert direction.findtext("offset") == "2"


def test_voices_that_pause_together_show_one_fermata_on_each_staff() -> None:
    shown = [
        (n.get("id"), n.findall("notations[fermata]")[0].get("print-object"))
        for n in notes_of(musicxml(small("C5:4~", "E4:4~", "G3:4~", "C3:4~")))
    ]
    assert shown == [
        ("n-soprano-0", None), ("n-alto-0", "no"), ("n-tenor-0", "no"), ("n-bass-0", None),
    ]  # fmt: skip


def test_an_accidental_holds_to_the_bar_line_and_is_then_called_back_as_a_courtesy() -> None:
    score = small("F#4:1 F#4:1 G4:1 F#4:1 F4:4", count=2)
    assert accidentals(score) == ["sharp", "", "", "", "natural"]


def test_a_tied_note_repeats_no_accidental_but_the_next_one_does() -> None:
    score = small("G4:2 F#4:4 F#4:2", count=2)
    assert accidentals(score) == ["", "sharp", "", "sharp"]


def test_notes_of_the_key_signature_need_no_accidental() -> None:
    assert accidentals(small("Bb4:1 Eb5:1 B4:1 Bb4:1", fifths=-3)) == ["", "", "natural", "flat"]


def test_a_voice_that_shares_its_staff_gets_the_accidentals_it_needs_alone() -> None:
    score = small("F#5:2 r:2", "r:2 F#5:2", "C4:4", "C3:4")
    assert accidentals(score)[:4] == ["sharp", "", "", "sharp"]


def test_a_unison_on_one_staff_has_one_accidental() -> None:
    assert accidentals(small("F#4:4", "F#4:4", "C4:4", "C3:4"))[:2] == ["sharp", ""]


def test_double_accidentals_are_written() -> None:
    assert accidentals(small("F##4:2 Bbb4:2")) == ["double-sharp", "flat-flat"]


@pytest.mark.parametrize(
    ("notes", "beats", "unit", "expected"),
    [
        ("C5:1/2 C5:1/2 C5:1/2 C5:1/2 C5:2", 4, 4, "begin end begin end -"),
        ("C5:1/2 C5:1/2 C5:1/2 C5:3/2", 6, 8, "begin continue end -"),
        ("C5:1/2 C5:1/2 C5:1/2 C5:1/2 C5:2", 2, 2, "begin continue continue end -"),
        ("C5:3/4 C5:1/4 C5:1/4 C5:3/4", 2, 4, "begin end,backward_hook begin,forward_hook end"),
        ("C5:1/2 r:1/2 C5:1/2 C5:1/2", 2, 4, "- - begin end"),
        ("C5:1/2 C5:1/2 C5:1/2 C5:1/2 C5:1/2", 5, 8, "begin end begin continue end"),
    ],
)  # fmt: skip
def test_beams_show_the_pulse(notes: str, beats: int, unit: int, expected: str) -> None:
    found = notes_of(musicxml(small(notes, beats=beats, unit=unit)))
    assert [",".join(b.text or "" for b in n.findall("beam")) or "-" for n in found] == [
        word.replace("_", " ") for word in expected.split()
    ]


@pytest.mark.parametrize(
    ("notes", "beats", "unit", "expected"),
    [
        ("C5:1/2 C5:1 C5:1 C5:1 C5:1/2", 4, 4, "1/2 1 1/2 1/2 1 1/2"),
        ("C5:1 C5:2 C5:1", 4, 4, "1 2 1"),
        ("C5:1 C5:3/2 C5:1/2 C5:1", 4, 4, "1 3/2 1/2 1"),
        ("C5:5/2 C5:3/2", 4, 4, "2 1/2 3/2"),
        ("C5:2 C5:1", 6, 8, "3/2 1/2 1"),
        ("C5:5", 5, 4, "2 3"),
        ("C5:1 r:2 C5:1", 4, 4, "1 1 1 1"),
        ("r:2 C5:1", 3, 4, "1 1 1"),
        ("C5:1/2 r:1 C5:3/2", 6, 8, "1/2 1/2 1/2 3/2"),
        ("r:1 C5:1/2 C5:3/2", 6, 8, "1 1/2 3/2"),
    ],
)
def test_notes_and_rests_are_divided_where_a_reader_needs_it(
    notes: str, beats: int, unit: int, expected: str
) -> None:
    score = small(notes, beats=beats, unit=unit)
    found = notes_of(musicxml(score))
    assert [named_value(n, score.measures[0]) for n in found] == [F(w) for w in expected.split()]


def test_a_beamed_triplet_has_no_bracket_and_an_unbeamed_one_has() -> None:
    score = small("C5:1/3 C5:1/3 C5:1/3 C5:2/3 C5:2/3 C5:2/3 C5:1")
    brackets = [t.get("bracket") for n in notes_of(musicxml(score)) for t in n.iter("tuplet")]
    assert brackets == ["no", None, "yes", None]


def test_marks_colour_the_note_and_set_each_label_once() -> None:
    marks = (
        Mark("alto", F(2), "#C00000", "parallel fifths"),
        Mark("bass", F(2), "#C00000", "parallel fifths"),
        Mark("tenor", F(14), "#0000C0"),
    )
    root = ET.fromstring(musicxml(hymn(), marks=marks))
    coloured = {n.get("id"): n.get("color") for n in root.iter("note") if n.get("color")}
    assert coloured == {
        "n-alto-2": "#C00000",
        "n-bass-2": "#C00000",
        "n-tenor-9": "#0000C0",
        "n-tenor-9-2": "#0000C0",
    }
    assert [w.text for w in root.iter("words")] == ["parallel fifths"]


def test_words_and_numerals_keep_their_own_colour_under_a_marked_note() -> None:
    text = musicxml(hymn(), marks=(Mark("bass", F(0), "#C00000"),))
    (note,) = (n for n in notes_of(text) if n.get("color"))
    assert [x.get("color") for x in note.findall("lyric")] == ["#000000"]


def test_the_tempo_counts_dotted_beats_in_compound_metres() -> None:
    root = ET.fromstring(musicxml(jig()))
    assert root.find(".//beat-unit-dot") is not None
    assert root.findtext(".//per-minute") == "80"
    sound = root.find(".//sound")
    assert sound is not None and sound.get("tempo") == "120"


def test_a_rhythm_beyond_notation_is_refused_with_its_bar() -> None:
    score = replace(small("C5:4"), voices=(Voice("one", "One", "treble", line("C5:1/17 C5:1")),))
    with pytest.raises(BadScore, match="bar 1"):
        musicxml(score)


def test_importing_the_writer_does_not_import_music21() -> None:
    code = "import sys, cspcomposer.render.musicxml; sys.exit('music21' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
