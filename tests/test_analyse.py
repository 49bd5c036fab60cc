"""Keys and numerals are estimated as a musician reads them."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from cspcomposer import corpus, facts, rulebook, solver
from cspcomposer import pitch as pitches
from cspcomposer.analyse import analysed, figured, parse_key
from cspcomposer.analyse_tables import tables
from cspcomposer.errors import BadInput
from cspcomposer.read import read_chorale
from cspcomposer.score import Measure, Note, Score, Signature, Voice, note_at, onsets

CHORALES = ("bach/bwv66.6.mxl", "bach/bwv269.mxl", "bach/bwv153.1.mxl", "bach/bwv40.8.mxl")


def quarters(*lines: str, sharps: int = 0, ends: tuple[int, ...] = ()) -> Score:
    """Voices from the highest down, as many quarters each as there are names; "-" holds."""
    names = {1: ("soprano",), 2: ("soprano", "bass"), 4: ("soprano", "alto", "tenor", "bass")}
    voices, length = [], 0
    for name, line in zip(names[len(lines)], lines, strict=True):
        notes: list[Note] = []
        for time, word in enumerate(line.split()):
            if word == "-":
                last = notes.pop()
                notes.append(Note(last.onset, last.duration + 1, last.pitch))
            else:
                notes.append(Note(Fraction(time), Fraction(1), pitches.parse(word)))
        length = len(line.split())
        voices.append(Voice(name, name.title(), "treble", tuple(notes)))
    bars = -(-length // 4)
    return Score(
        "", "", Fraction(72), tuple(voices),
        tuple(Measure(i + 1, Fraction(4 * i), Fraction(4), 4, 4) for i in range(bars)),
        (Signature(Fraction(0), sharps),), phrase_ends=tuple(map(Fraction, ends)),
    )  # fmt: skip


CADENCE = ("E5 F5 D5 E5", "C5 C5 B4 C5", "G4 A4 G4 G4", "C4 F3 G3 C3")


@pytest.fixture(scope="module")
def chorales() -> list[Score]:
    return [analysed(read_chorale(name)) for name in CHORALES]


def test_a_cadence_is_read() -> None:
    score = analysed(quarters(*CADENCE, ends=(3,)))
    assert [str(k) for k in score.keys] == ["C major"]
    assert [c.figured for c in score.chords] == ["I", "IV", "V", "I"]


def test_the_relative_minor_is_told_from_the_major() -> None:
    score = analysed(quarters("A4 A4 G#4 A4", "E4 D4 E4 E4", "C4 A3 B3 C4", "A3 F3 E3 A2"))
    assert [str(k) for k in score.keys] == ["A minor"]
    assert [c.numeral for c in score.chords] == ["i", "iv", "V", "i"]


def test_inversions_and_sevenths_are_figured() -> None:
    score = analysed(quarters("C5 B4 C5 -", "G4 F4 E4 -", "E4 D4 C4 -", "C3 G3 C4 -"))
    assert [c.figured for c in score.chords] == ["I", "V7", "I"]
    score = analysed(quarters("C5 D5 C5 -", "G4 G4 G4 -", "E4 F4 E4 -", "C3 B2 C3 -"))
    assert [c.figured for c in score.chords] == ["I", "V6/5", "I"]


def test_a_modulation_to_the_dominant_is_heard() -> None:
    lines = ("E5 F5 D5 E5 D5 D5 C5 B4", "C5 C5 B4 C5 B4 A4 F#4 G4",
             "G4 A4 G4 G4 G4 F#4 A4 D4", "C4 F3 G3 C3 G3 D3 D3 G2")  # fmt: skip
    score = analysed(quarters(*lines, ends=(3, 7)))
    assert [str(k) for k in score.keys] == ["C major", "G major"]


def test_a_given_key_is_kept() -> None:
    score = analysed(quarters(*CADENCE), key="F major")
    assert [str(k) for k in score.keys] == ["F major"]
    assert score.chords[0].numeral in ("V", "V7")


def test_given_numerals_win() -> None:
    given = [(Fraction(0), "C major", "vi"), (Fraction(2), "a minor", "i")]
    score = analysed(quarters(*CADENCE), numerals=given)
    assert [(str(c.onset), c.numeral) for c in score.chords] == [("0", "vi"), ("2", "i")]
    assert [str(k) for k in score.keys] == ["C major", "A minor"]


def test_a_numeral_that_the_key_does_not_have_is_refused() -> None:
    with pytest.raises(BadInput, match="C major has no chord XI"):
        analysed(quarters(*CADENCE), numerals=[(Fraction(0), "C major", "XI")])


@pytest.mark.parametrize("text", ["H major", "C lydian", "", "C major extra"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is no key"):
        parse_key(text)


@pytest.mark.parametrize(
    ("numeral", "inversion", "expected"),
    [("I", 0, "I"), ("I", 2, "I6/4"), ("V7", 3, "V4/2"), ("V7/V", 1, "V6/5/V"),
     ("viio7/V", 0, "viio7/V"), ("ii/o7", 1, "iiø6/5"), ("vii/o7/V", 2, "viiø4/3/V")],
)  # fmt: skip
def test_figures_are_written_as_under_a_bass(numeral: str, inversion: int, expected: str) -> None:
    assert figured(numeral, inversion) == expected


@pytest.mark.parametrize("lines", [CADENCE[:1], CADENCE[::3], (*CADENCE,)], ids=len)
def test_any_number_of_voices_is_read(lines: tuple[str, ...]) -> None:
    assert analysed(quarters(*lines)).chords


def test_a_transposed_piece_is_read_alike() -> None:
    plain = analysed(quarters(*CADENCE))
    up = [" ".join(pitches.name(pitches.parse(n) + 6) for n in line.split()) for line in CADENCE]
    assert [c.figured for c in analysed(quarters(*up, sharps=2)).chords] == [
        c.figured for c in plain.chords
    ]


def test_what_sounds_on_the_beat_belongs_to_the_chord(chorales: list[Score]) -> None:
    inside = total = 0
    for score in chorales:
        for chord, following in pairwise([*score.chords, None]):
            assert chord
            key = facts.key_at(score.keys, chord.onset)
            tones = tables().members[key.tonic, key.mode, chord.numeral]
            for time in onsets(score):
                if chord.onset <= time < (following.onset if following else score.end):
                    sounding = [note_at(v, time) for v in score.voices]
                    if time.denominator == 1:
                        total += len(sounding)
                        inside += sum(
                            n is not None and pitches.class_of(n.pitch) in tones for n in sounding
                        )
    assert inside / total > 0.9


def test_phrases_rest_on_tonic_or_dominant(chorales: list[Score]) -> None:
    rests = [c.numeral for s in chorales for end in s.phrase_ends
             for c in [[c for c in s.chords if c.onset <= end][-1]]]  # fmt: skip
    assert sum(n in ("I", "i", "V") for n in rests) / len(rests) > 0.9


def test_keys_keep_near_the_signature(chorales: list[Score]) -> None:
    for score in chorales:
        assert all(abs(k.fifths - score.signatures[0].fifths) <= 3 for k in score.keys)


@pytest.mark.parametrize(("number", "name"), [(2, "bwv347"), (4, "bwv86.6"), (6, "bwv281")])
def test_roots_and_keys_are_those_of_a_printed_analysis(number: int, name: str) -> None:
    """The analyses of Riemenschneider's edition come with music21; prices were not fitted to these.

    Over the eight that were left out, roots agree on 95 and keys on 84 of 100 beats.
    """
    from music21 import converter

    score = analysed(read_chorale(f"bach/{name}.mxl"))
    path = corpus.folder() / f"bach/choraleAnalyses/riemenschneider{number:03}.rntxt"
    printed = []
    for numeral in converter.parse(path).recurse().getElementsByClass("RomanNumeral"):
        bar = numeral.getContextByClass("Measure").number
        measure = next(m for m in score.measures if m.number == bar)
        time = measure.onset + Fraction(numeral.offset).limit_denominator(24)
        key = f"{numeral.key.tonic.name.replace('-', 'b')} {numeral.key.mode}"
        printed.append((time, numeral.root().name.replace("-", "b"), key))
    roots = keys = 0
    for beat in range(int(score.end)):
        _, root, key = [p for p in printed if p[0] <= beat][-1]
        chord = [c for c in score.chords if c.onset <= beat][-1]
        ours = facts.key_at(score.keys, Fraction(beat))
        tones = tables().members[ours.tonic, ours.mode, chord.numeral]
        roots += any(m == "root" and pitches.class_name(c) == root for c, m in tones.items())
        keys += str(ours) == key
    assert roots / int(score.end) > 0.92
    assert keys / int(score.end) > 0.7


def test_every_numeral_of_a_family_has_a_price() -> None:
    paths = [*rulebook.theory(), *sorted((rulebook.folder() / "analysis").glob("*.lp"))]
    sources = [solver.Source(str(p), rulebook.base_part(p)) for p in paths]
    atoms, remarks = solver.consequences(sources, show={"family": 3, "rarity": 3})
    assert remarks == ()
    stated = {a.arguments for a in atoms if a.name == "family"}
    priced = {a.arguments[:2] for a in atoms if a.name == "rarity"}
    assert {(m, n) for m, n, family in stated if family.name != "second_names"} == priced
