"""Given lines in LilyPond's notation: melodies and figured basses."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cspcomposer import pitch as pitches
from cspcomposer.errors import Fault
from cspcomposer.figures import Figure, Figures, figured_bass
from cspcomposer.metre import Metre, parse, position
from cspcomposer.notation import GivenNote, melody
from cspcomposer.passage import Passage, origins

COMMON = Metre(4, 4)


def notes(text: str, metre: Metre = COMMON, pickup: int = 0) -> tuple[GivenNote, ...]:
    found, faults = melody(Passage(text), metre, Fraction(pickup))
    assert not faults, faults
    return found


def wrong(text: str, metre: Metre = COMMON, pickup: int = 0) -> tuple[Fault, ...]:
    return melody(Passage(text), metre, Fraction(pickup))[1]


def figures(text: str) -> tuple[Figures, ...]:
    found, faults = figured_bass(Passage(text), COMMON)
    assert not faults, faults
    return found


def names(text: str) -> list[str]:
    return [pitches.name(n.pitch) if n.pitch is not None else "r" for n in notes(text)]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("c'", "C4"), ("c", "C3"), ("c,", "C2"), ("c''", "C5"), ("fis'", "F#4"), ("bes", "Bb3"),
        ("es'", "Eb4"), ("ees'", "Eb4"), ("as'", "Ab4"), ("aes'", "Ab4"), ("eses'", "Ebb4"),
        ("eeses'", "Ebb4"), ("ases", "Abb3"), ("cisis'", "C##4"), ("ais", "A#3"), ("eis", "E#3"),
        ("b'", "B4"), ("ces'", "Cb4"), ("fis'!", "F#4"), ("fis'?", "F#4"),
    ],
)  # fmt: skip
def test_pitches_are_absolute_with_dutch_names(written: str, name: str) -> None:
    assert names(written) == [name]


def test_a_duration_holds_until_another_is_written() -> None:
    lengths = [n.duration for n in notes("c'4. d'8 e' f'2 g'1 a'")]
    assert lengths == [Fraction(3, 2), Fraction(1, 2), Fraction(1, 2), 2, 4, 4]


def test_a_line_without_any_duration_is_in_quarters() -> None:
    assert [n.onset for n in notes("c' d' e' f'")] == [0, 1, 2, 3]


def test_rests_are_given_and_spacers_are_free() -> None:
    found = notes("c'4 r d' s | s1*2 | e'1")
    assert [n.onset for n in found] == [0, 1, 2, 12]
    assert [n.pitch is None for n in found] == [False, True, False, False]


def test_tied_notes_are_one() -> None:
    (note,) = notes("c'2.~ c'4~ | c'1")
    assert note.duration == 8


def test_tuplets_squeeze_and_may_be_nested() -> None:
    found = notes(r"\tuplet 3/2 { c'8 d' e' } \times 2/3 { f'4 g' a' } b'4")
    assert [n.onset for n in found] == [
        0, Fraction(1, 3), Fraction(2, 3), 1, Fraction(5, 3), Fraction(7, 3), 3,
    ]  # fmt: skip


def test_a_fermata_is_kept_and_slurs_and_beams_are_passed_over() -> None:
    found = notes(r"c'8[( d')] e'4 f'2\fermata | c'1^\fermata")
    assert [n.fermata for n in found] == [False, False, False, True, True]


def test_a_comment_ends_with_its_line() -> None:
    assert names("c'4 % not d'\n e'") == ["C4", "E4"]


def test_bar_checks_count_from_the_pick_up() -> None:
    assert len(notes("d'4 | g'2. | a'4 b' c''", Metre(3, 4), 1)) == 5


def test_a_wrong_bar_check_names_the_bar_and_both_beats_and_cries_once() -> None:
    (fault,) = wrong("c'4 d' e' f' | g'4 a' | b'1 | c''1 |")
    assert "bar 2" in fault.message
    assert "at beat 3, expected at beat 5" in fault.message
    assert "2 too few" in fault.hint
    assert (fault.line, fault.column) == (1, 23)


def test_an_overfull_bar_and_a_short_pick_up_are_found() -> None:
    (fault,) = wrong("c'4 d' e' f' g' | c'1 |")
    assert "bar 1" in fault.message and "1 too many" in fault.hint
    (fault,) = wrong("c'8 | c'1", pickup=1)
    assert "bar 0" in fault.message and "expected at beat 5" in fault.message


def test_every_fault_of_a_text_is_found_with_its_place() -> None:
    faults = wrong("c'4 h' d'3 x |\n \\fermta e'4~ f' } <c e> g''''''''1")
    assert [(f.line, f.column) for f in faults] == [
        (1, 5), (1, 10), (1, 12), (2, 2), (2, 15), (2, 18), (2, 20), (2, 26),
    ]  # fmt: skip
    assert "bar 1, beat 2: 'h'' is no note" in faults[0].message
    assert "Did you mean '\\fermata'?" in faults[3].hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("h'4", "Dutch"), ("fsharp'4", "Dutch"), ("C4", "small letters"), ("bb'4", "Dutch"),
        (r"\relative c'' c", "absolute"), (r"\time 3/4 c", "metre"), (r"\key g c4", "'key'"),
        ("c'4 < 5", "> closes"), ("c'3", "a quarter"), ("{ c'4", "Write }"),
    ],
)  # fmt: skip
def test_what_people_write_by_habit_gets_its_own_hint(text: str, hint: str) -> None:
    assert any(hint in fault.hint for fault in wrong(text))


@pytest.mark.parametrize("text", ["c'4~", "c'4~ r", "r4~ c'", "c'4~ d'", "~ c'4", "", "  "])
def test_a_tie_that_joins_nothing_and_an_empty_text_are_faults(text: str) -> None:
    assert wrong(text)


@pytest.mark.parametrize(
    "text",
    ["c1*9999*9999", "c4" + "*1/9999" * 50, "{" * 5000, "c" + "'" * 9999, "c4" + "." * 9999,
     "c" + "9" * 9999, r"\tuplet 0/0 { c }", r"\tuplet 97/89 { c1 " * 200, "s1*9999 " * 9],
)  # fmt: skip
def test_absurd_sizes_are_faults(text: str) -> None:
    assert wrong(text)


def test_figures_carry_number_accidental_and_stroke() -> None:
    found = figures(
        r"<6>4 <6 4> <_+> <7! 5-> | <4\+ 2>2 <5/>4 <6\\ 3--> | <6+ 4\! >2 <[6 5]> | <_>1"
    )
    assert [f.figures for f in found] == [
        (Figure(6),), (Figure(6), Figure(4)), (Figure(3, 1),), (Figure(7, 0), Figure(5, -1)),
        (Figure(4, None, 1), Figure(2)), (Figure(5, None, -1),),
        (Figure(6, None, 1), Figure(3, -2)),
        (Figure(6, 1), Figure(4)), (Figure(6), Figure(5)), (),
    ]  # fmt: skip


def test_figures_say_nothing_where_there_is_a_rest_or_a_spacer() -> None:
    assert [f.onset for f in figures("<6>4 r s <7>")] == [0, 3]


@pytest.mark.parametrize("text", ["<16>4", "<6 6>", "6", "<6", "<x>", "c'4", "", "<1>"])
def test_wrong_figures_are_faults(text: str) -> None:
    _, faults = figured_bass(Passage(text, key="given.figures"), COMMON)
    assert faults and all(f.line == 1 and f.key == "given.figures" for f in faults)


def test_a_compound_metre_has_a_dotted_pulse() -> None:
    assert [Metre(*m).pulse for m in ((4, 4), (6, 8), (3, 8), (2, 2), (6, 4), (3, 4))] == [
        1, Fraction(3, 2), Fraction(3, 2), 2, 3, 1,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["4", "4/5", "0/4", "33/4", "a/4", "4/4/4", "-3/4"])
def test_what_is_no_metre_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse(text)


def test_the_pick_up_is_bar_nought_and_counts_back_from_the_bar_line() -> None:
    assert position(Metre(4, 4), Fraction(1), Fraction(0)) == (0, Fraction(4))
    assert position(Metre(6, 8), Fraction(1, 2), Fraction(0)) == (0, Fraction(6))


def test_an_escaped_text_leads_back_to_its_source() -> None:
    source = 'x: "c\\u0027 \\\n   d"'
    assert origins(source, 4, "c' d", '"') == (4, 5, 11, 17, 18)
