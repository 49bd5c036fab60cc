"""Roman numerals in RomanText."""

from __future__ import annotations

from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import pytest

from cspcomposer.errors import BadInput, Fault
from cspcomposer.metre import Metre
from cspcomposer.passage import Passage
from cspcomposer.romantext import Numeral, chord, numerals, onset, read
from cspcomposer.score import Measure


def chords(text: str, metre: Metre | None = None) -> tuple[Numeral, ...]:
    found, faults = numerals(Passage(text), metre)
    assert not faults, faults
    return found


def wrong(text: str, metre: Metre | None = None) -> tuple[Fault, ...]:
    return numerals(Passage(text, key="given.numerals"), metre)[1]


@pytest.mark.parametrize(
    ("written", "numeral", "inversion"),
    [
        ("I", "I", 0), ("V6", "V", 1), ("I64", "I", 2), ("i6/4", "i", 2), ("V7", "V7", 0),
        ("V65", "V7", 1), ("V6/5", "V7", 1), ("V43", "V7", 2), ("V42", "V7", 3), ("V2", "V7", 3),
        ("V65/V", "V7/V", 1), ("V6/5/ii", "V7/ii", 1), ("V/vi", "V/vi", 0), ("viio6", "viio", 1),
        ("viio7/V", "viio7/V", 0), ("viio42/V", "viio7/V", 3), ("vii°7", "viio7", 0),
        ("#viio7", "#viio7", 0), ("ii/o65", "ii/o7", 1), ("iiø65", "ii/o7", 1),
        ("vii/o43/V", "vii/o7/V", 2), ("bVI", "bVI", 0), ("bII6", "bII", 1), ("N6", "N", 1),
        ("N", "N", 0), ("It6", "It", 0), ("Fr43", "Fr", 0), ("Ger65", "Ger", 0), ("Ger", "Ger", 0),
        ("Cad64", "I", 2), ("III+", "III+", 0), ("III+6", "III+", 1), ("III6+", "III+", 1),
        ("V[no3]", "V", 0), ("V7/bVI", "V7/bVI", 0),
    ],
)  # fmt: skip
def test_figures_become_an_inversion(written: str, numeral: str, inversion: int) -> None:
    assert chord(written) == (numeral, inversion)


def test_the_cadential_six_four_takes_the_mode_of_its_key() -> None:
    assert [c.numeral for c in chords("m1 c: Cad64 b2 V C: b3 Cad64")] == ["i", "V", "I"]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("V9", "not supported"),
        ("Vi", "no Roman numeral"), ("IIII", "no Roman numeral"), ("H", "no Roman numeral"),
        ("VIIo7", "small"), ("ii/o", "needs a seventh"), ("N7", "not known"), ("Ger7", "not known"),
        ("Cad", "Cad64"), ("V7/X", "no Roman numeral"), ("V7/iiii", "no Roman numeral"),
        ("bN6", "no sign"), ("V65/", "no Roman numeral"), ("", "no Roman numeral"),
    ],
)  # fmt: skip
def test_a_chord_that_is_not_known_is_refused_with_a_reason(written: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        chord(written)


def test_measures_beats_and_keys_are_read_and_the_key_holds_on() -> None:
    found = chords("m0 b4 G: I\nm1 V6 b2.5 V65 b3 e: i ||\nm3 iv")
    assert [(c.measure, c.beat, c.key, c.numeral, c.inversion) for c in found] == [
        (0, 4, "G", "I", 0), (1, 1, "G", "V", 1), (1, Fraction(5, 2), "G", "V7", 1),
        (1, 3, "e", "i", 0), (3, 1, "e", "iv", 0),
    ]  # fmt: skip
    assert (found[2].line, found[2].column, found[2].figured) == (2, 12, "V65")


def test_one_line_may_hold_several_measures() -> None:
    assert [c.measure for c in chords("m1 C: I b3 V m2 I")] == [1, 1, 2]


def test_of_a_pivot_chord_the_later_name_counts() -> None:
    assert [(c.key, c.numeral) for c in chords("m1 C: I b3 vi G: ii b4 V")] == [
        ("C", "I"), ("G", "ii"), ("G", "V"),
    ]  # fmt: skip


def test_headers_notes_variants_and_comments_are_passed_over() -> None:
    text = "Composer: Anon\nTime Signature: 3/4\n% no\nm1 C: I\nNote: m9 odd\nm1var1 V\nm2 V"
    assert [c.numeral for c in chords(text)] == ["I", "V"]


def test_measures_are_copied() -> None:
    found = chords("m1 C: I b2 V\nm2 I\nm3-4 = m1-2\nm5 V")
    assert [c.measure for c in found] == [1, 1, 2, 3, 3, 4, 5]
    assert [c.beat for c in found] == [1, 2, 1, 1, 2, 1, 1]


def test_thirds_of_a_beat_are_written_as_decimals() -> None:
    found = chords("m1 C: I b1.33 V b1.67 I b2.25 V b3.5 I")
    assert [c.beat for c in found] == [
        1, Fraction(4, 3), Fraction(5, 3), Fraction(9, 4), Fraction(7, 2),
    ]  # fmt: skip


def test_beats_in_six_eight_are_dotted_quarters() -> None:
    first, second = chords("m1 C: I b2 V", Metre(6, 8))
    bar = Measure(number=1, onset=Fraction(3), length=Fraction(3), beats=6, unit=8)
    assert [onset(c, bar) for c in (first, second)] == [3, Fraction(9, 2)]


def test_the_pick_up_counts_back_from_its_bar_line() -> None:
    (upbeat,) = chords("m0 b4 C: V")
    bar = Measure(number=0, onset=Fraction(0), length=Fraction(1), beats=4, unit=4)
    assert onset(upbeat, bar) == 0


def test_every_fault_is_found_with_its_place() -> None:
    faults = wrong("I\nm1 C: I b6 V b2 IV9\nm1 H: V x\nm3 b3 I b2 V b4 IV V\nm7a I", Metre(4, 4))
    assert [(f.line, f.column) for f in faults] == [
        (1, 1), (2, 1), (2, 9), (2, 17), (3, 1), (3, 4), (3, 9), (4, 9), (4, 20), (5, 1), (5, 5),
    ]  # fmt: skip
    assert all(f.key == "given.numerals" for f in faults)


@pytest.mark.parametrize("text", ["", "Note: nothing", "m3-4 = m1-2", "m1 C: I\nm2-4 = m1"])
def test_no_chords_and_copies_of_nothing_are_faults(text: str) -> None:
    assert wrong(text)


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "hymn.rntxt"
    path.write_bytes("\ufeffTitle: Hymn\r\nTime Signature: 4/4\r\nm1 C: I b3 V\r\n".encode())
    assert [c.numeral for c in read(path)] == ["I", "V"]


def test_a_file_that_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "hymn.rntxt"
    for content in (b"\xff\xfe\x00", b"m1 C: Q", b""):
        path.write_bytes(content)
        with pytest.raises(BadInput) as caught:
            read(path)
        assert caught.value.faults[0].file == path and caught.value.faults[0].line == 1
    for missing in (tmp_path, tmp_path / "none", Path("a\0b")):
        with pytest.raises(BadInput):
            read(missing)


def test_bachs_analyses_are_understood_but_for_chords_that_are_not_supported() -> None:
    package = find_spec("music21")
    assert package and package.origin
    folder = Path(package.origin).parent / "corpus" / "bach" / "choraleAnalyses"
    for path in sorted(folder.glob("*.rntxt")):
        try:
            assert read(path)
        except BadInput as error:
            assert all("not supported" in f.message or "[" in f.message for f in error.faults)
