"""Invented melodies, textures and instruments: compose, then look at what came out."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction as F
from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest
from composing import ROOT, composed, hard, spec
from hypothesis import given, settings
from hypothesis import strategies as st

from cspcomposer import compose as composer
from cspcomposer import (
    ended,
    evaluate_heard,
    evaluate_structure,
    pitch,
    render,
    specfile,
    texture,
)
from cspcomposer.candidates_cells import cells, figures
from cspcomposer.compose import Composition
from cspcomposer.errors import BadSpec, OutOfTime
from cspcomposer.metre import Metre
from cspcomposer.render.midi import midi
from cspcomposer.render.musicxml import musicxml
from cspcomposer.render.parts import fifths, interval
from cspcomposer.score import Note, Part, Score, Voice, measure_at
from cspcomposer.search import Effort, Ending

CHORDS = """
style: song
key: C major
metre: {metre}
harmonic_rhythm: bar
phrases: [{{bars: 4, cadence: half}}, {{bars: 4, cadence: authentic}}]
given:
  numerals: |
    m1 C: I
    m2 IV
    m3 I6
    m4 V
    m5 I
    m6 IV
    m7 V7
    m8 I
seed: 1
"""
EXAMPLES = sorted((ROOT / "examples" / "textures").glob("*.yaml"))
METRES = [Metre(2, 4), Metre(3, 4), Metre(4, 4), Metre(6, 8), Metre(9, 8), Metre(2, 2)]


def piece(further: str, metre: str = "4/4", **said: int) -> Composition:
    return composed(CHORDS.format(metre=metre) + further, **said)


def bar_rhythm(score: Score, voice: str, number: int) -> list[tuple[F, F]]:
    """Where the notes of a bar are struck, and how long they last."""
    bar = next(m for m in score.measures if m.number == number)
    return [
        (n.onset - bar.onset, n.duration)
        for n in score.voice(voice).notes
        if bar.onset <= n.onset < bar.onset + bar.length
    ]


@pytest.fixture(scope="module")
def waltz() -> Composition:
    return piece("texture: waltz\n", "3/4")


@pytest.fixture(scope="module")
def clarinet_song() -> Composition:
    return piece("texture: song\ninstruments: {melody: clarinet}\n")


@given(st.sampled_from(METRES), st.sets(st.sampled_from(sorted({f for _, f in figures().strokes}))))
@settings(max_examples=40, deadline=None)
def test_a_rhythm_fills_its_bar_and_no_more(metre: Metre, allowed: set[str]) -> None:
    for cell in cells(metre, metre.full, allowed=allowed, most=6, syncopations=1):
        assert sum(length for _, length in cell.notes) == metre.full
        assert cell.onsets[0] == 0
        assert len(cell.onsets) <= 6
        assert set(cell.figures) <= allowed


def test_a_bar_without_syncopation_strikes_late_only_behind_a_dotted_note() -> None:
    for cell in cells(Metre(4, 4), F(4), allowed=("plain", "held", "offbeat"), most=8):
        for before, figure in zip(cell.figures, cell.figures[1:], strict=False):
            assert figure != "offbeat" or before == "plain"


def test_a_bar_may_rest_at_its_end_and_nowhere_else() -> None:
    allowed = ("plain", "held", "eighths", "rest")
    assert not any(c.hush for c in cells(Metre(4, 4), F(4), allowed=allowed))
    found = cells(Metre(4, 4), F(4), allowed=allowed, rests=1)
    resting = [c for c in found if c.hush]
    assert resting
    for cell in resting:
        assert cell.hush == 1
        assert cell.figures[-1] == "rest" and "rest" not in cell.figures[:-1]
        assert sum(length for _, length in cell.notes) == 3


def test_a_song_breathes_where_a_phrase_has_come_to_rest_and_a_hymn_does_not() -> None:
    silences = {}
    for style in ("song", "hymn"):
        chords = CHORDS.format(metre="3/4").replace("style: song", f"style: {style}")
        made = composed(chords + "texture: song\n")
        notes = made.score.voice("melody").notes
        gaps = [(a.end, b.onset) for a, b in pairwise(notes) if a.end < b.onset]
        silences[style] = gaps
        bars = {m.onset for m in made.score.measures}
        assert all(after in bars and after - before == 1 for before, after in gaps)
        ends = [n.end for n in notes if n.onset in made.score.phrase_ends]
        assert {before for before, _ in gaps} <= set(ends)
    assert len(silences["song"]) == 1
    assert silences["hymn"] == []


def test_a_bar_may_begin_with_a_note_held_over_its_bar_line_where_that_is_asked() -> None:
    allowed = ("plain", "held", "eighths", "tied", "tied_eighth")
    assert all(c.onsets[0] == 0 for c in cells(Metre(4, 4), F(4), allowed=allowed))
    found = cells(Metre(4, 4), F(4), allowed=allowed, bound=True)
    bound = [c for c in found if c.onsets[0]]
    assert {c.figures[0] for c in bound} == {"tied", "tied_eighth"}
    assert any(c.onsets[0] == F(1, 2) for c in bound)
    for cell in bound:
        assert not {"tied", "tied_eighth"} & set(cell.figures[1:])
        assert cell.onsets[0] + sum(length for _, length in cell.notes) == 4


def test_a_bar_may_rest_before_an_upbeat_and_not_in_it() -> None:
    allowed = ("plain", "held", "eighths", "rest")
    found = cells(Metre(4, 4), F(4), allowed=allowed, rests=1, upbeat=F(1))
    resting = [c for c in found if c.hush]
    assert resting
    for cell in resting:
        assert cell.figures[2] == "rest" and cell.figures.count("rest") == 1
        assert 3 in cell.onsets and cell.silence == 2
        assert all(end <= 2 for a, size in cell.notes for end in [a + size] if a < 3)


def held_over(score: Score, voice: str) -> set[int]:
    """The bars into which a voice holds a note."""
    return {
        m.number
        for m in score.measures
        for n in score.voice(voice).notes
        if n.onset < m.onset < n.end
    }


def test_a_song_holds_a_note_over_a_bar_line_and_a_minuet_none() -> None:
    chords = CHORDS.replace("harmonic_rhythm: bar", "harmonic_rhythm: half").format(metre="4/4")
    song = composed(chords + "texture: song\n").score
    firsts = {1, 5}
    assert held_over(song, "melody") and not held_over(song, "melody") & firsts
    assert all(t not in {m.onset for m in song.measures if m.number in held_over(song, "melody")}
               for t in song.phrase_ends)  # fmt: skip
    minuet = composed(chords.replace("style: song", "style: minuet") + "texture: song\n").score
    assert not held_over(minuet, "melody")


def test_every_phrase_of_a_piece_with_a_pick_up_begins_with_one() -> None:
    made = piece("texture: song\npickup: 1/4\n", "3/4").score
    melody = made.voice("melody").notes
    assert melody[0].onset == 0 and made.measures[0].length == 1
    assert made.measures[-1].length == 2 and melody[-1].duration == 2
    lines = [m.onset for m in made.measures if m.number == 5]
    assert any(n.onset == lines[0] - 1 for n in melody)


def test_a_section_may_begin_its_phrases_with_an_upbeat() -> None:
    made = composed(
        "style: song\nmetre: 3/4\nharmonic_rhythm: bar\nform: A B A\ntexture: song\n"
        "sections: {A: {bars: 4, form: phrase}, B: {bars: 4, form: phrase, upbeat: 1/4}}\n"
    ).score
    before = {m.number: m.onset - 1 for m in made.measures}
    struck = {n.onset for n in made.voice("melody").notes}
    assert made.measures[0].number == 1
    assert before[5] in struck
    assert before[9] not in struck
    assert bar_rhythm(made, "melody", 9) == bar_rhythm(made, "melody", 1)


def test_the_melody_is_highest_where_and_as_high_as_the_plan_has_it() -> None:
    made = composed(
        "style: song\nkey: F major\nharmonic_rhythm: half\ntexture: lead_sheet\nform: A B A\n"
        "sections: {A: {bars: 4, form: phrase}, B: {bars: 4, form: phrase}}\nseed: 1\n"
    )
    assert made.plan and made.plan.climax
    climax = made.plan.climax
    assert climax.pitch <= texture.instrument("voice").compass[1]
    notes = made.score.voice("melody").notes
    highest = [n.onset for n in notes if n.pitch == max(n.pitch for n in notes)]
    assert all(climax.begin <= onset < climax.end for onset in highest)
    assert max(n.pitch for n in notes) == climax.pitch


def test_a_pick_up_has_rhythms_of_its_own_length() -> None:
    found = cells(Metre(4, 4), F(1), allowed=("plain", "eighths"))
    assert {c.onsets for c in found} == {(F(0),), (F(0), F(1, 2))}


def test_the_second_phrase_takes_up_the_rhythm_of_the_first(waltz: Composition) -> None:
    for first, second in ((1, 5), (2, 6), (1, 3)):
        # The last note of a bar may be held over the next bar line in one of them alone.
        found, wanted = (
            [onset for onset, _ in bar_rhythm(waltz.score, "melody", n)] for n in (first, second)
        )
        assert found == wanted, (first, second)


def test_over_the_same_chord_the_idea_comes_back_note_for_note(waltz: Composition) -> None:
    notes = waltz.score.voice("melody").notes
    first = [n.pitch for n in notes if measure_at(waltz.score, n.onset).number == 1]
    again = [n.pitch for n in notes if measure_at(waltz.score, n.onset).number == 5]
    assert first == again


def test_a_phrase_ends_on_its_longest_note(waltz: Composition) -> None:
    notes = waltz.score.voice("melody").notes
    for end in waltz.score.phrase_ends:
        last = next(n for n in notes if n.onset == end)
        assert last.duration == max(n.duration for n in notes if n.onset <= end)


def test_the_melody_comes_home(waltz: Composition) -> None:
    assert pitch.class_name(pitch.class_of(waltz.score.voice("melody").notes[-1].pitch)) == "C"


def test_a_waltz_has_its_bass_on_the_bar_line_and_its_chords_behind(waltz: Composition) -> None:
    score = waltz.score
    for note in score.voice("bass").notes:
        assert note.onset in {m.onset for m in score.measures}
    last = score.measures[-1].onset
    for note in score.voice("chord_1").notes:
        assert note.onset == last or measure_at(score, note.onset).onset != note.onset


@pytest.mark.slow
@pytest.mark.parametrize("name", texture.textures())
def test_every_texture_makes_a_piece_without_hard_faults(name: str) -> None:
    made = piece(f"texture: {name}\n")
    assert hard(made) == []
    form = texture.texture(name)
    assert {v.name for v in made.score.voices} == set(form.roles)
    for voice in made.score.voices:
        assert voice.notes, voice.name
    low, high = form.compass.get("melody", texture.instrument("voice").compass)
    assert all(low <= n.pitch <= high for n in made.score.voice("melody").notes)
    assert musicxml(made.score)


@pytest.mark.slow
def test_a_contour_that_falls_begins_higher_than_it_ends() -> None:
    heights = {}
    for contour in ("fall", "rise"):
        notes = piece(f"texture: lead_sheet\ncontour: {contour}\n").score.voice("melody").notes
        half = len(notes) // 2
        first, second = (mean(n.pitch for n in part) for part in (notes[:half], notes[half:]))
        heights[contour] = second - first
    assert heights["fall"] < 0 < heights["rise"]


@pytest.mark.slow
def test_a_denser_melody_has_more_notes() -> None:
    sizes = [
        len(piece(f"texture: lead_sheet\nrhythm: {{density: {d}}}\n").score.voice("melody").notes)
        for d in (0.6, 1.8)
    ]
    assert sizes[0] < sizes[1]


@pytest.mark.slow
def test_a_curve_of_density_grows_where_it_grows() -> None:
    score = piece("texture: lead_sheet\nrhythm: {density: [0.5, 2]}\n").score
    assert len(bar_rhythm(score, "melody", 2)) < len(bar_rhythm(score, "melody", 7))


@pytest.mark.slow
def test_a_section_may_have_a_texture_of_its_own_and_comes_back_as_it_was() -> None:
    made = composed(
        "style: song\nkey: C major\nmetre: 4/4\nharmonic_rhythm: half\nform: A B A\n"
        "texture: block_chords\nsections:\n  A: {bars: 4, form: phrase}\n"
        "  B: {bars: 4, form: phrase, texture: arpeggio}\nseed: 1\n"
    )
    assert hard(made) == []
    rhythms = [bar_rhythm(made.score, "chord_1", bar) for bar in (1, 5, 9)]
    assert rhythms[1] != rhythms[0] == rhythms[2]
    assert {measure_at(made.score, n.onset).number for n in made.score.voice("chord_3").notes} <= {
        5, 6, 7, 8
    }  # fmt: skip
    for first, second in zip(range(1, 4), range(9, 12), strict=True):
        assert bar_rhythm(made.score, "melody", first) == bar_rhythm(made.score, "melody", second)


def test_only_the_figures_that_are_allowed_are_used() -> None:
    score = piece("texture: lead_sheet\nrhythm: {figures: [plain, held]}\n").score
    assert all(n.onset.denominator == 1 for n in score.voice("melody").notes)


def test_the_same_seed_gives_the_same_piece_and_another_another() -> None:
    melodies = [
        piece("texture: lead_sheet\n", seed=seed).score.voice("melody").notes for seed in (1, 1, 2)
    ]
    assert melodies[0] == melodies[1]
    assert melodies[0] != melodies[2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("texture: walz\n", "there is no texture 'walz'. Did you mean 'waltz'?"),
        ("texture: waltz\ninstruments: {melody: flue}\n", "'flue'. Did you mean 'flute'"),
        ("texture: waltz\ninstruments: {violin_1: flute}\n", "no part or voice 'violin_1'"),
        ("texture: waltz\nrhythm: {figures: [eigths]}\n", "'eigths'. Did you mean 'eighths'"),
        ("contour: arch\n", "there is no texture. Add a texture"),
    ],
)
def test_what_does_not_exist_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BadSpec) as caught:
        composer.task(spec(CHORDS.format(metre="4/4") + text))
    assert said in str(caught.value)
    assert "piece.yaml:1" in str(caught.value)


def test_a_density_that_nobody_plays_is_refused() -> None:
    with pytest.raises(BadSpec, match=r"0\.25 to 6"):
        spec(CHORDS.format(metre="4/4") + "texture: waltz\nrhythm: {density: 40}\n")


def test_an_instrument_that_transposes_reads_what_it_does_not_sound(
    clarinet_song: Composition,
) -> None:
    root = ET.fromstring(musicxml(clarinet_song.score))
    part = root.find("part")
    assert part is not None
    assert part.findtext(".//transpose/chromatic") == "-2"
    assert part.findtext(".//key/fifths") == "2"
    first = part.find(".//note/pitch")
    assert first is not None
    written = pitch.make(
        first.findtext("step", ""),
        int(first.findtext("alter", "0")),
        int(first.findtext("octave", "")),
    )
    assert written - clarinet_song.score.voice("melody").notes[0].pitch == interval((1, 2)) == 6


def test_music21_hears_every_part_as_it_sounds(clarinet_song: Composition) -> None:
    from music21 import converter

    stream = converter.parse(musicxml(clarinet_song.score), format="musicxml").toSoundingPitch()
    heard = sorted(
        (F(e.getOffsetInHierarchy(stream)), p.midi)
        for e in stream.recurse().notes
        if "Harmony" not in e.classes and not (e.tie and e.tie.type != "start")
        for p in e.pitches
    )
    meant = sorted(
        {
            (n.onset, pitch.midi(n.pitch), part.label)
            for part in clarinet_song.score.parts
            for staff in part.staves
            for name in staff
            for n in clarinet_song.score.voice(name).notes
        }
    )
    assert heard == [(onset, height) for onset, height, _ in meant]


def test_chords_are_named_where_they_change(clarinet_song: Composition) -> None:
    root = ET.fromstring(musicxml(clarinet_song.score))
    names = [
        (h.findtext("root/root-step"), h.findtext("kind"), h.findtext("bass/bass-step"))
        for h in root.iter("harmony")
    ]
    assert names == [
        ("C", "major", None), ("F", "major", None), ("C", "major", "E"), ("G", "major", None),
        ("C", "major", None), ("F", "major", None), ("G", "dominant", None), ("C", "major", None),
    ]  # fmt: skip


def test_chords_are_named_where_who_reads_them_plays_what_sounds(
    clarinet_song: Composition,
) -> None:
    from music21 import converter

    both = clarinet_song.score
    alone = replace(both, voices=(both.voice("melody"),), parts=both.parts[:1])
    assert any(alone.parts[0].written)
    for score, place in ((both, 1), (alone, 0)):
        stream = converter.parse(musicxml(score), format="musicxml")
        parts = [p for p in stream.parts if p.recurse().getElementsByClass("Harmony")]
        assert parts == [stream.parts[place]]
        roots = [
            pitch.class_of(pitch.make(h.root().step, int(h.root().alter), 4))
            for h in stream.toSoundingPitch().recurse().getElementsByClass("Harmony")
        ]
        assert roots == [symbol.root for symbol in score.symbols]


def test_midi_has_the_sound_of_each_instrument(clarinet_song: Composition) -> None:
    import io

    import mido

    file = mido.MidiFile(file=io.BytesIO(midi(clarinet_song.score)))
    sounds = {m.program for track in file.tracks for m in track if m.type == "program_change"}
    assert sounds == {71, 0}


def simple(*notes: tuple[str, int, int, str], part: Part) -> Score:
    """A score of one bar from voice, onset and length in quarters, and pitch."""
    from cspcomposer.score import Measure, Signature

    names = dict.fromkeys(n[0] for n in notes)
    voices = tuple(
        Voice(name, name, "bass", tuple(
            Note(F(a), F(b), pitch.parse(p)) for v, a, b, p in notes if v == name
        ))
        for name in names
    )  # fmt: skip
    bar = Measure(1, F(0), F(4), 4, 4)
    return Score("", "", F(100), voices, (bar,), (Signature(F(0), 0),), parts=(part,))


def test_voices_that_move_together_share_a_stem() -> None:
    part = Part("Piano", 0, (("up",), ("a", "b")), ("treble", "bass"))
    score = simple(("up", 0, 4, "C5"), ("a", 1, 1, "E3"), ("b", 1, 1, "C3"), part=part)
    notes = list(ET.fromstring(musicxml(score)).iter("note"))
    lower = [n for n in notes if n.findtext("staff") == "2" and n.find("pitch") is not None]
    assert [n.find("chord") is not None for n in lower] == [False, True]
    assert {n.findtext("duration") for n in lower} == {"1"}


def test_voices_that_do_not_move_together_have_stems_of_their_own() -> None:
    part = Part("Piano", 0, (("up",), ("a", "b")), ("treble", "bass"))
    score = simple(("up", 0, 4, "C5"), ("a", 1, 1, "E3"), ("b", 0, 4, "C3"), part=part)
    notes = list(ET.fromstring(musicxml(score)).iter("note"))
    lower = [n for n in notes if n.findtext("staff") == "2"]
    assert {n.findtext("voice") for n in lower} == {"2", "3"}
    assert not any(n.find("chord") is not None for n in lower)


def test_a_chord_on_one_staff_has_one_sign_for_each_altered_note() -> None:
    part = Part("Piano", 0, (("a", "b"),), ("bass",))
    score = simple(
        ("a", 0, 1, "F#3"), ("b", 0, 1, "C3"), ("a", 1, 1, "F#3"), ("b", 1, 1, "C#3"), part=part
    )
    signs = [n.findtext("accidental", "") for n in ET.fromstring(musicxml(score)).iter("note")]
    assert [s for s in signs if s] == ["sharp", "sharp"]


@pytest.mark.parametrize("name", sorted(texture.instruments()))
def test_an_instrument_is_read_in_a_key_that_fits_its_transposition(name: str) -> None:
    known = texture.instrument(name)
    assert known.compass[0] < known.compass[1]
    # A fifth up is seven semitones: the signature and the interval say the same.
    assert (fifths(known.written) * 7 - known.written[1]) % 12 == 0
    assert interval(known.written) % 40 in (0, 6, 23, 29)


def test_a_texture_cannot_be_composed_again_in_part(waltz: Composition) -> None:
    from cspcomposer.recompose import recompose
    from cspcomposer.recompose_parts import Part as Stretch
    from cspcomposer.recompose_parts import Parts

    loaded = spec(CHORDS.format(metre="3/4") + "texture: waltz\n")
    with pytest.raises(BadSpec, match="cannot be composed again"):
        recompose(loaded, waltz.score, Parts((Stretch(),)))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_keeps_the_hard_rules_and_has_its_form(path: Path, tmp_path: Path) -> None:
    made = composer.compose(specfile.load(path), effort=Effort(3000))
    assert hard(made) == []
    files = render.write(made.score, tmp_path, path.stem, ("musicxml", "midi", "svg"))
    assert all(file.stat().st_size for file in files)
    program = shutil.which("mscore3")
    if program:
        subprocess.run(
            [program, "-o", str(tmp_path / "out.mscx"), str(files[0])],
            check=True, capture_output=True, timeout=120,
            env={"QT_QPA_PLATFORM": "offscreen", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        )  # fmt: skip
        assert (tmp_path / "out.mscx").stat().st_size
    if made.plan:
        heard = evaluate_heard.heard(files[0])
        data = composer.as_data(made)["plan"]
        found = evaluate_structure.measured(heard, data, path.stem)
        # Upbeats of a section lead away in the bar in which a phrase has closed.
        unheard = [p for p in made.plan.phrases if made.plan.upbeat_to(p.end)]
        assert found.cadences[1] - found.cadences[0] <= len(unheard)
        assert found.told_apart in (1.0, None)


def test_what_is_right_over_the_bass_of_the_setting_stays_right_over_another_line() -> None:
    made = composed(
        "style: waltz\nmetre: 3/4\nharmonic_rhythm: bar\nform: A B\ntexture: two_voices\n"
        "prior: none\neffort: {conflicts: 200}\nsections: {A: {bars: 4}, B: {bars: 4}}\nseed: 3\n"
    )
    assert hard(made) == []


def test_hard_rules_that_a_piece_breaks_are_told(waltz: Composition) -> None:
    (found, *_) = waltz.report.violations
    broken = [replace(found, severity="hard", bar=bar) for bar in (1, 2, 3, 4)]
    made = replace(waltz, report=replace(waltz.report, violations=tuple(broken)))
    said = composer.remarks(made)
    assert said[0].startswith("bar 1, beat ") and found.rule in said[0]
    assert len(said) == 4 and said[-1].startswith("4 faults against hard rules, of which 3 are")
    assert composer.remarks(replace(made, report=replace(made.report, violations=()))) == []


def test_nothing_found_in_time_is_not_called_impossible() -> None:
    late = Ending(None, False, False, 0, 0.0, 3.0)
    with pytest.raises(OutOfTime, match="no melody was found in 3 seconds"):
        ended.best(iter([late]), "melody")
    assert ended.best(iter([replace(late, impossible=True)]), "melody") == (None, False)


def test_parts_are_optional(waltz: Composition) -> None:
    bare = replace(waltz.score, parts=())
    assert musicxml(bare) != musicxml(waltz.score)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sections: {B: {upbeat: 1/4}}", "an upbeat belongs to an invented melody"),
        ("texture: song\npickup: 1/4\nsections: {B: {upbeat: 1/4}}", "the piece has a pick-up"),
        ("texture: song\nsections: {B: {upbeat: 1/1}}", "expected less than a bar of 4/4"),
        ("texture: song\nsections: {A: {upbeat: 1/4}}", "an upbeat there is a pick-up"),
    ],
)
def test_an_upbeat_that_cannot_be_is_refused_with_its_reason(text: str, said: str) -> None:
    with pytest.raises(BadSpec, match=said):
        composed(f"form: A B A\nstyle: song\n{text}\n")
