"""Reading: what a score file says is what the score holds; a bad file is one clear sentence."""

# mypy: disable-error-code="comparison-overlap"
# Fractions are compared with whole numbers here, which mypy takes for a mistake.

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import mido
import pytest

from cspcomposer import cache, pitch
from cspcomposer.errors import BadScore
from cspcomposer.read import bach_chorales, read, read_chorale, read_corpus, titles
from cspcomposer.score import Score

Write = Callable[..., Path]

ATTRIBUTES = """<attributes><divisions>2</divisions><key><fifths>1</fifths></key>
<time><beats>4</beats><beat-type>4</beat-type></time>
<clef><sign>G</sign><line>2</line></clef></attributes>"""


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(content: str | bytes, name: str = "score.musicxml") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


def note(name: str, length: int, inside: str = "", *, chord: bool = False) -> str:
    """One note of so many eighths: "F#4", or "rest"."""
    if name == "rest":
        what = "<rest/>"
    else:
        letter, alter, octave = pitch.parts(pitch.parse(name))
        altered = f"<alter>{alter}</alter>" if alter else ""
        what = f"<pitch><step>{letter}</step>{altered}<octave>{octave}</octave></pitch>"
    joined = "<chord/>" if chord else ""
    return f"<note>{joined}{what}<duration>{length}</duration>{inside}</note>"


def voice(number: int, *notes: str) -> str:
    """Notes of one voice, and back to where they began."""
    return "".join(n.replace("</note>", f"<voice>{number}</voice></note>") for n in notes)


def back(length: int) -> str:
    return f"<backup><duration>{length}</duration></backup>"


def part(name: str, *bars: str, attributes: str = ATTRIBUTES, first: int = 1) -> tuple[str, str]:
    measures = "".join(
        f'<measure number="{n}">{attributes if n == first else ""}{bar}</measure>'
        for n, bar in enumerate(bars, start=first)
    )
    return name, measures


def musicxml(*parts: tuple[str, str], head: str = "") -> str:
    listed = "".join(
        f'<score-part id="P{i}"><part-name>{name}</part-name></score-part>'
        for i, (name, _) in enumerate(parts)
    )
    bodies = "".join(f'<part id="P{i}">{body}</part>' for i, (_, body) in enumerate(parts))
    return (
        f'<?xml version="1.0"?><score-partwise version="4.0">{head}'
        f"<part-list>{listed}</part-list>{bodies}</score-partwise>"
    )


def melody(score: Score, index: int = 0) -> list[str]:
    """A voice as "pitch:length" words."""
    return [f"{pitch.name(n.pitch)}:{n.duration}" for n in score.voices[index].notes]


def refusal(path: Path, **options: int) -> str:
    with pytest.raises(BadScore) as caught:
        read(path, **options)
    assert all(fault.file == path for fault in caught.value.faults)
    return str(caught.value)


# What a MusicXML file says


def test_title_composer_tempo_key_and_metre_are_read(write: Write) -> None:
    head = (
        "<work><work-title>A Tune</work-title></work><identification>"
        '<creator type="composer">Anon</creator></identification>'
    )
    bar = '<direction><sound tempo="72"/></direction>' + note("G4", 8)
    score = read(write(musicxml(part("Voice", bar), head=head)))
    assert (score.title, score.composer, score.tempo) == ("A Tune", "Anon", 72)
    assert [(s.onset, s.fifths) for s in score.signatures] == [(0, 1)]
    assert [(m.number, m.length, m.beats, m.unit) for m in score.measures] == [(1, 4, 4, 4)]


def test_a_named_mode_gives_a_key(write: Write) -> None:
    attributes = ATTRIBUTES.replace("</fifths>", "</fifths><mode>minor</mode>")
    score = read(write(musicxml(part("Voice", note("E4", 8), attributes=attributes))))
    assert [str(key) for key in score.keys] == ["E minor"]


def test_tied_notes_are_joined_over_the_bar_line(write: Write) -> None:
    bars = (
        note("G4", 6) + note("A4", 2, '<tie type="start"/>'),
        note("A4", 4, '<tie type="stop"/>') + note("A4", 4),
    )
    assert melody(read(write(musicxml(part("Voice", *bars))))) == ["G4:3", "A4:3", "A4:2"]


def test_a_short_first_bar_is_a_pick_up_with_number_0(write: Write) -> None:
    score = read(write(musicxml(part("Voice", note("D4", 2), note("G4", 8), note("G4", 8)))))
    assert [(m.number, m.onset, m.length) for m in score.measures] == [
        (0, 0, 1),
        (1, 1, 4),
        (2, 5, 4),
    ]


def test_a_bar_cut_by_a_repeat_is_one_bar_again(write: Write) -> None:
    bars = (note("G4", 8), note("A4", 6), note("B4", 2), note("G4", 8))
    score = read(write(musicxml(part("Voice", *bars))))
    assert [m.length for m in score.measures] == [4, 4, 4]


def test_a_metre_may_change(write: Write) -> None:
    change = "<attributes><time><beats>3</beats><beat-type>8</beat-type></time></attributes>"
    score = read(write(musicxml(part("Voice", note("G4", 8), change + note("A4", 3)))))
    assert [(m.beats, m.unit, m.length) for m in score.measures] == [
        (4, 4, 4),
        (3, 8, Fraction(3, 2)),
    ]


def test_triplets_are_exact(write: Write) -> None:
    attributes = ATTRIBUTES.replace("<divisions>2", "<divisions>3")
    bar = note("G4", 1) + note("A4", 1) + note("B4", 1) + note("G4", 9)
    score = read(write(musicxml(part("Voice", bar, attributes=attributes))))
    assert melody(score) == ["G4:1/3", "A4:1/3", "B4:1/3", "G4:3"]


def test_lyrics_of_two_verses_are_read_and_broken_words_marked(write: Write) -> None:
    first = (
        '<lyric number="1"><syllabic>begin</syllabic><text>Glo</text></lyric>'
        '<lyric number="2"><syllabic>single</syllabic><text>Now</text></lyric>'
    )
    second = '<lyric number="1"><syllabic>end</syllabic><text>ry</text></lyric>'
    score = read(write(musicxml(part("Voice", note("G4", 4, first) + note("A4", 4, second)))))
    assert [n.lyrics for n in score.voices[0].notes] == [("Glo-", "Now"), ("ry",)]


def test_fermatas_of_the_top_voice_end_phrases(write: Write) -> None:
    held = "<notations><fermata/></notations>"
    score = read(write(musicxml(part("Voice", note("G4", 4) + note("A4", 4, held)))))
    assert [n.fermata for n in score.voices[0].notes] == [False, True]
    assert score.phrase_ends == (2,)


def test_grace_notes_are_left_out(write: Write) -> None:
    grace = "<note><grace/><pitch><step>A</step><octave>4</octave></pitch></note>"
    assert melody(read(write(musicxml(part("Voice", grace + note("G4", 8)))))) == ["G4:4"]


def test_a_transposing_instrument_is_read_as_it_sounds(write: Write) -> None:
    shift = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose></attributes>"
    attributes = ATTRIBUTES.replace("</attributes>", shift)
    score = read(write(musicxml(part("Clarinet in Bb", note("A4", 8), attributes=attributes))))
    assert melody(score) == ["G4:4"]
    assert score.signatures[0].fifths == -1


# Voices


def test_two_voices_on_one_staff_are_two_voices(write: Write) -> None:
    bar = voice(1, note("B4", 8)) + back(8) + voice(2, note("G4", 4), note("F#4", 4))
    score = read(write(musicxml(part("Choir", bar))))
    assert [v.name for v in score.voices] == ["soprano", "bass"]
    assert [melody(score, 0), melody(score, 1)] == [["B4:4"], ["G4:2", "F#4:2"]]


def test_a_bar_of_chords_between_bars_of_voices_goes_to_both_voices(write: Write) -> None:
    two = voice(1, note("B4", 8)) + back(8) + voice(2, note("G4", 8))
    one = note("A4", 4) + note("F#4", 4, chord=True) + note("G4", 4)
    score = read(write(musicxml(part("Choir", two, one))))
    assert melody(score, 0) == ["B4:4", "A4:2", "G4:2"]
    assert melody(score, 1) == ["G4:4", "F#4:2", "G4:2"]


def test_four_voices_in_chords_on_two_staves_are_four_voices(write: Write) -> None:
    upper = note("D5", 4) + note("B4", 4, chord=True) + note("G4", 4)
    lower = note("D4", 4) + note("G3", 4, chord=True) + note("B3", 4) + note("G3", 4, chord=True)
    score = read(write(musicxml(part("", upper), part("", lower))))
    assert [v.name for v in score.voices] == ["soprano", "alto", "tenor", "bass"]
    assert [melody(score, i) for i in range(4)] == [
        ["D5:2", "G4:2"],
        ["B4:2", "G4:2"],
        ["D4:2", "B3:2"],
        ["G3:2", "G3:2"],
    ]


def test_two_staves_of_one_part_are_read_with_their_voices(write: Write) -> None:
    attributes = ATTRIBUTES.replace("<clef>", "<staves>2</staves><clef>")
    bar = note("G4", 8, "<voice>1</voice><staff>1</staff>") + back(8)
    bar += note("G3", 8, "<voice>5</voice><staff>2</staff>")
    score = read(write(musicxml(part("Piano", bar, attributes=attributes))))
    assert [melody(score, 0), melody(score, 1)] == [["G4:4"], ["G3:4"]]


def test_an_odd_double_stop_is_refused_with_bar_and_beat(write: Write) -> None:
    bars = (note("G4", 8), note("B4", 4) + note("D5", 4) + note("G4", 4, chord=True))
    found = refusal(write(musicxml(part("Violin", *bars))))
    assert "Violin: Bar 2, beat 3 has 2 notes on one stem" in found


def test_parts_named_after_voices_are_put_in_order(write: Write) -> None:
    parts = [part(name, note("G4", 8)) for name in ("Bass", "Soprano", "Tenor", "Alto")]
    score = read(write(musicxml(*parts)))
    assert [v.label for v in score.voices] == ["Soprano", "Alto", "Tenor", "Bass"]


def test_parts_whose_names_say_nothing_are_put_in_order_of_height(write: Write) -> None:
    score = read(write(musicxml(part("Part 1", note("G3", 8)), part("Part 2", note("G4", 8)))))
    assert [(v.label, *melody(score, i)) for i, v in enumerate(score.voices)] == [
        ("Soprano", "G4:4"),
        ("Bass", "G3:4"),
    ]


def test_other_parts_stay_in_the_printed_order(write: Write) -> None:
    score = read(write(musicxml(part("Viola", note("G3", 8)), part("Violin", note("G4", 8)))))
    assert [v.label for v in score.voices] == ["Viola", "Violin"]


def test_a_part_is_chosen_by_name_or_number(write: Write) -> None:
    path = write(musicxml(part("Violin", note("G5", 8)), part("Cello", note("G2", 8))))
    assert melody(read(path, part="cello")) == melody(read(path, part=2)) == ["G2:4"]
    with pytest.raises(BadScore, match=r"There is no part 'Oboe'.*1 Violin, 2 Cello"):
        read(path, part="Oboe")


def test_nine_parts_are_refused_and_listed(write: Write) -> None:
    found = refusal(write(musicxml(*(part(f"Flute {i}", note("G5", 8)) for i in range(9)))))
    assert "9 parts; at most 8" in found and "9 Flute 8" in found


# Other formats


def test_an_abc_tune_is_read(write: Write) -> None:
    path = write("X:1\nT:Up\nM:3/4\nL:1/4\nK:D\nA|DEF|G3|]\n", "tune.abc")
    score = read(path)
    assert melody(score) == ["A4:1", "D4:1", "E4:1", "F#4:1", "G4:3"]
    assert (score.title, score.measures[0].number, str(score.keys[0])) == ("Up", 0, "D major")


def test_one_tune_of_many_is_chosen_by_number(write: Write) -> None:
    path = write("X:1\nT:One\nL:1/4\nK:C\nCDEF|\n\nX:2\nT:Two\nL:1/4\nK:C\nGGGG|\n", "book.abc")
    assert titles(path) == ["One", "Two"]
    assert read(path, tune=2).title == "Two"
    assert "holds 2 tunes" in refusal(path)
    assert "no tune 3" in refusal(path, tune=3)


def test_a_humdrum_file_is_read(write: Write) -> None:
    rows = ("**kern **kern", "*M2/4 *M2/4", "=1 =1", "4C 2g", "4D .", "=2 =2", "2E 2e", "*- *-")
    path = write("\n".join(rows).replace(" ", "\t") + "\n", "two.krn")
    score = read(path)
    assert [melody(score, 0), melody(score, 1)] == [["G4:2", "E4:2"], ["C3:1", "D3:1", "E3:2"]]


def test_an_endless_note_in_a_text_format_is_refused(write: Write) -> None:
    assert "length such as 99999" in refusal(write("X:1\nL:1/4\nK:C\nC99999|\n", "long.abc"))
    assert "length such as 99999" in refusal(write("**kern\n4c\n99999d\n*-\n", "long.krn"))


def midi_file(*keys: int, channel: int = 0) -> bytes:
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
    for key in keys:
        track.append(mido.Message("note_on", note=key, velocity=64, time=5, channel=channel))
        track.append(mido.Message("note_off", note=key, velocity=64, time=475, channel=channel))
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def test_midi_is_quantised_and_spelled_in_its_key(write: Write) -> None:
    score = read(write(midi_file(57, 59, 60, 62, 64, 64, 68, 69), "minor.mid"))
    assert [pitch.name(n.pitch) for n in score.voices[0].notes][-2:] == ["G#4", "A4"]
    assert all(n.onset.denominator == 1 for n in score.voices[0].notes)


def test_midi_drums_are_refused(write: Write) -> None:
    assert "percussion" in refusal(write(midi_file(36, channel=9), "drums.mid"))


def test_compressed_musicxml_is_read(write: Write) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", musicxml(part("Voice", note("G4", 8))))
    assert melody(read(write(packed.getvalue(), "score.mxl"))) == ["G4:4"]


# Files that are no scores


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.musicxml", b" \n", "empty"),
        ("shopping.txt", b"eggs", "Files ending in '.txt' are not read"),
        ("score.musicxml", b"%PDF-1.7", "a PDF, a picture of music"),
        ("score.mxl", b"PK\x03\x04 score.mscx", "MuseScore's own .mscz: in MuseScore, export it"),
        ("score.mscz", b"PK\x03\x04", "MuseScore's own .mscz: in MuseScore, export it"),
        ("score.mxl", b"PK\x03\x04 nothing", "archive is damaged"),
        ("score.mid", b"<score-partwise/>", "looks like MusicXML"),
        ("score.mid", b"MThd\0\0\0\6\0\1", "damaged"),
        ("score.xml", b"<score-timewise/>", "timewise"),
        ("score.xml", b"<html></html>", "a web page"),
        ("score.xml", b"<svg></svg>", "another kind"),
        ("score.xml", b"<score-partwise>", "no well-formed XML"),
        ("score.xml", b"<score-partwise/>", "lists no parts"),
        ("score.xml", b'<!DOCTYPE s [<!ENTITY a "b">]><score-partwise/>', "entities"),
        ("score.xml", musicxml(part("A", note("rest", 8))).encode(), "no notes"),
    ],
)
def test_what_is_no_score_gets_a_plain_sentence(
    write: Write, name: str, content: bytes, says: str
) -> None:
    assert says in refusal(write(content, name))


def test_a_missing_file_and_a_folder_get_a_plain_sentence(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "missing.musicxml")
    assert "a folder" in refusal(tmp_path)


def test_a_zip_bomb_is_not_unpacked(write: Write) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", b"<a>" + b" " * 60_000_000)
    assert "more than 50 MB" in refusal(write(packed.getvalue(), "bomb.mxl"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<duration>4<", "<duration>-4<", "Bar 1: a duration is negative"),
        ("<duration>4<", "<duration>99999999<", "would last 50000000 quarter notes"),
        ("<duration>4<", "<duration>four<", "Bar 1: a duration is no number"),
        ("<divisions>2</divisions>", "", "Bar 1: durations stand there, but no <divisions>"),
        ("<divisions>2<", "<divisions>0<", "Bar 1: its divisions are no number above 0"),
        ("<step>G<", "<step>H<", "Bar 1: <step> is 'H'"),
        ("<step>G</step>", "<step>G</step><alter>3</alter>", "Bar 1, beat 1: G altered by 3"),
        ("<step>G</step>", "<step>G</step><alter>0.5</alter>", "is a quarter tone"),
        ("<beats>4<", "<beats>0<", "Bar 1: <beats> is '0'"),
        ("<pitch><step>G</step><octave>4</octave></pitch>", "<unpitched/>", "unpitched percussion"),
    ],
)
def test_an_impossible_bar_is_named(write: Write, old: str, new: str, says: str) -> None:
    text = musicxml(part("Voice", note("G4", 4) + note("A4", 4)))
    assert old in text
    assert says in refusal(write(text.replace(old, new, 1)))


# What was read before


def test_a_score_read_twice_is_the_same_and_the_second_is_kept(write: Write) -> None:
    path = write(musicxml(part("Voice", note("G4", 8))))
    first = read(path)
    (kept,) = cache.folder().glob("*.json")
    assert read(path) == first == cache.load(kept.stem)


def test_a_broken_kept_score_is_read_anew(write: Write) -> None:
    path = write(musicxml(part("Voice", note("G4", 8))))
    first = read(path)
    (kept,) = cache.folder().glob("*.json")
    for broken in (b"", b"{}", b"[1]", kept.read_bytes()[:40], b"\xff"):
        kept.write_bytes(broken)
        assert read(path) == first
    assert cache.load(kept.stem) == first


def test_a_cache_that_cannot_be_written_is_no_error(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(write("a file", "blocked")))
    assert melody(read(write(musicxml(part("Voice", note("G4", 8)))))) == ["G4:4"]


# The corpus


def test_the_corpus_has_407_chorales_in_four_parts() -> None:
    names = bach_chorales()
    assert len(names) == 407
    assert "bach/bwv66.6.mxl" in names and "bach/bwv227.3.mxl" not in names


def test_a_chorale_is_read_with_pick_up_key_and_phrases() -> None:
    score = read_chorale("bach/bwv66.6")
    assert [v.label for v in score.voices] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert (score.measures[0].number, score.measures[0].length) == (0, 1)
    assert str(score.keys[0]) == "F# minor"
    assert len(score.phrase_ends) == 6


def test_a_chorale_with_instruments_is_read_without_them() -> None:
    assert len(read_corpus("bach/bwv124.6").voices) == 5
    assert [v.label.split()[0] for v in read_chorale("bach/bwv41.6").voices] == [
        "Soprano",
        "Alto",
        "Tenor",
        "Bass",
    ]


def test_an_unknown_corpus_name_shows_what_is_near() -> None:
    with pytest.raises(BadScore, match=r"no score 'bach/bwv66.9'.*bwv66.6"):
        read_corpus("bach/bwv66.9")


@pytest.mark.slow
def test_every_chorale_reads_and_no_voice_overlaps_itself() -> None:
    for name in bach_chorales():
        score = read_chorale(name)
        assert len(score.voices) == 4, name
        for line in score.voices:
            pairs = zip(line.notes, line.notes[1:], strict=False)
            assert all(a.end <= b.onset for a, b in pairs), name
            assert line.notes[-1].end <= score.end, name


def test_a_line_without_a_clef_gets_one_by_its_height(tmp_path: Path) -> None:
    path = tmp_path / "three.abc"
    path.write_text("X:1\nM:4/4\nL:1/4\nK:C\nV:1\ncdef|\nV:2\nA,B,CD|\nV:3\nA,,B,,C,D,|\n")
    assert [v.clef for v in read(path).voices] == ["treble", "treble8", "bass"]
    path.write_text("X:1\nM:4/4\nL:1/4\nK:C clef=bass\nCDEF|\n")
    assert [v.clef for v in read(path).voices] == ["bass"]
