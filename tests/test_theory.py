"""The theory says of small inline pieces what a musician would say of them."""

from __future__ import annotations

import pytest

from cspcomposer import rulebook, solver


def derived(piece: str, *names: str) -> set[str]:
    """Return the atoms of these names that the theory derives from a piece in example shorthand."""
    paths = [*rulebook.theory(), rulebook.folder() / "choose" / "example.lp"]
    sources = [solver.Source(str(path), path.read_text(encoding="utf-8")) for path in paths]
    atoms, remarks = solver.consequences([*sources, solver.Source("piece", piece)])
    assert not remarks
    return {str(atom) for atom in atoms if atom.name in names}


def line(voice: str, notes: str, start: int = 0) -> str:
    """Return facts for a line: ``c5 d5 - e5`` is three notes, the second of them two long."""
    facts = []
    for time, word in enumerate(notes.split(), start):
        if word == "r":
            facts.append(f"rest({voice},{time}).")
        elif word != "-":
            facts.append(f"note({voice},{time},{word[:-1]},{word[-1]}).")
    return " ".join(facts)


def chords(*names: str) -> str:
    """Return facts for one harmony at each time; an empty name lets the last one go on."""
    return " ".join(f'new_harmony({t},"{name}").' for t, name in enumerate(names) if name)


def spelling(key: str, mode: str, numeral: str) -> str:
    """Return the names of a chord's notes, from its root upwards."""
    order = ["root", "third", "fourth", "fifth", "sixth", "seventh"]
    piece = f"tonality({key},{mode}). note(bass,0,c,3)."
    piece += f'called(M,L) :- spelled(_,_,"{numeral}",M,C), class_name(L,C).'
    found = {}
    for atom in derived(piece, "called"):
        member, name = atom.removeprefix("called(").removesuffix(")").split(",")
        found[member] = name
    return " ".join(found[member] for member in order if member in found)


@pytest.mark.parametrize(
    ("key", "mode", "numeral", "notes"),
    [
        ("c", "major", "I", "c e g"),
        ("c", "major", "ii7", "d f a c"),
        ("d", "major", "V7", "a cis e g"),
        ("bes", "major", "viio", "a c es"),
        ("c", "major", "vii/o7", "b d f a"),
        ("a", "minor", "i", "a c e"),
        ("a", "minor", "V", "e gis b"),
        ("a", "minor", "v", "e g b"),
        ("a", "minor", "VII", "g b d"),
        ("a", "minor", "III+", "c e gis"),
        ("a", "minor", "vio", "fis a c"),
        ("g", "minor", "viio7", "fis a c es"),
        ("g", "minor", "ii/o7", "a c es g"),
        ("g", "minor", "IV7", "c e g bes"),
        ("g", "minor", "vi/o7", "e g bes d"),
        ("g", "major", "viio7/V", "cis e g bes"),
        ("g", "major", "V/V", "a cis e"),
        ("c", "major", "V7/ii", "a cis e g"),
        ("c", "major", "V7/IV", "c e g bes"),
        ("c", "major", "viio7/vi", "gis b d f"),
        ("c", "major", "viio/iii", "dis fis a"),
        ("d", "minor", "V7/III", "c e g bes"),
        ("d", "minor", "viio7/V", "gis b d f"),
        ("d", "minor", "vii/o7/VI", "a c es g"),
        ("c", "major", "iv", "f as c"),
        ("c", "major", "bVI", "as c es"),
        ("c", "major", "bVI7", "as c es g"),
        ("a", "minor", "I", "a cis e"),
        ("e", "minor", "N", "f a c"),
        ("c", "minor", "It", "as c fis"),
        ("c", "minor", "Fr", "as c d fis"),
        ("c", "minor", "Ger", "as c es fis"),
        ("e", "major", "Ger", "c e g ais"),
    ],
)
def test_a_numeral_spells_its_notes(key: str, mode: str, numeral: str, notes: str) -> None:
    assert spelling(key, mode, numeral) == notes


def test_a_second_name_spells_the_same_chord_and_is_in_a_family_of_its_own() -> None:
    assert spelling("d", "minor", "V/III") == spelling("d", "minor", "VII")
    assert spelling("d", "minor", "IV7") == spelling("d", "minor", "V7/VII")
    assert spelling("d", "minor", "vii/o7/III") == spelling("d", "minor", "ii/o7")
    families = derived("note(bass,0,c,3).", "family")
    assert {f for f in families if '"V/III"' in f} == {'family(minor,"V/III",second_names)'}
    assert {f for f in families if 'minor,"IV7"' in f} == {'family(minor,"IV7",second_names)'}


def test_every_numeral_is_in_exactly_one_family() -> None:
    atoms = derived("note(bass,0,c,3).", "numeral", "family")
    named = {a.split(",")[0].split("(")[1] + a.split(",")[1] for a in atoms if a[0] == "n"}
    sorted_in = [a.split(",")[0].split("(")[1] + a.split(",")[1] for a in atoms if a[0] == "f"]
    assert named == set(sorted_in)
    assert len(sorted_in) == len(named)


def test_degrees_are_letters_and_altered_notes_are_foreign_to_the_key() -> None:
    piece = line("soprano", "fis4 g4 b4 bes4") + "tonality(g,minor)."
    found = derived(piece, "degree", "altered")
    assert {f"degree(soprano,{t},{d})" for t, d in enumerate((7, 1, 3, 3))} <= found
    assert {a for a in found if a.startswith("altered")} == {"altered(soprano,2)"}


def test_an_augmented_sixth_has_no_degree_for_a_root() -> None:
    piece = line("bass", "as2 g2") + chords("Ger", "V") + "tonality(c,minor)."
    assert derived(piece, "degree_of") == {"degree_of(1,5)"}


def test_a_dominant_resolves_to_its_target_in_another_key_too() -> None:
    piece = line("bass", "d3 g3") + 'new_harmony(0,"V/V"). new_harmony(1,"I"). key_at_g.'
    piece += "key(1,26,major)."
    assert "resolves(0,1)" in derived(piece, "resolves")


def test_a_dominant_resolves_into_the_six_four_that_delays_it() -> None:
    piece = line("bass", "r r r fis3 g3 g3") + 'new_harmony(3,"viio7/V").'
    piece += 'new_harmony(4,"I"). new_harmony(5,"V").'
    assert derived(piece, "resolves") == {"resolves(3,4)"}


def test_a_dominant_that_goes_a_step_up_deceives() -> None:
    assert derived(line("bass", "g3 a3") + chords("V7", "vi"), "deceives") == {"deceives(0,1)"}
    assert derived(line("bass", "e3 f3") + chords("V/vi", "IV"), "deceives") == {"deceives(0,1)"}


def test_the_same_chord_in_a_new_key_is_no_change() -> None:
    piece = line("bass", "c3 c3") + chords("I", "IV") + "tonality(c,major)."
    assert derived(piece, "changes") == {"changes(0,1)"}
    pivot = line("bass", "c3 c3") + chords("I", "I")
    assert derived(pivot, "changes") == set()
    assert derived(pivot, "continues") == {"continues(0,1)"}


def test_a_chord_is_whole_when_its_members_come_one_after_the_other() -> None:
    piece = line("soprano", "c5 e5 g5") + line("bass", "c3") + chords("I")
    assert derived(piece, "heard") == {f"heard(0,{m})" for m in ("root", "third", "fifth")}


@pytest.mark.parametrize(
    ("soprano", "bass", "names", "key", "kinds"),
    [
        ("b4 c5", "g3 c3", ("V7", "I"), "c,major", {"authentic"}),
        ("d5 c5", "b3 c3", ("V7", "I"), "c,major", {"leading"}),
        ("b4 c5", "d3 c3", ("viio", "I"), "c,major", {"leading"}),
        ("b4 c5", "d3 e3", ("viio", "I"), "c,major", set()),
        ("c5 b4", "d3 g3", ("ii", "V"), "c,major", {"half"}),
        ("c5 b4", "a3 g3", ("vi", "V"), "c,major", {"half"}),
        ("c5 b4", "as3 g3", ("iv", "V"), "c,minor", {"half", "phrygian"}),
        ("c5 b4", "f3 g3", ("iv", "V"), "c,minor", {"half"}),
        ("f4 e4", "f3 c3", ("IV", "I"), "c,major", {"plagal"}),
        ("a4 g4", "f3 c3", ("ii7", "I"), "c,major", {"added_sixth"}),
        ("b4 c5", "g3 a3", ("V", "vi"), "c,major", {"deceptive"}),
        ("b4 c5", "g3 as3", ("V", "VI"), "c,minor", {"deceptive"}),
        ("d4 e4", "g3 c3", ("V", "I"), "c,minor", {"authentic"}),
        ("g4 a4", "c3 f3", ("V7/IV", "IV"), "c,major", {"tonicised"}),
        ("c5 d5", "c3 d3", ("I", "ii"), "c,major", set()),
    ],
)
def test_a_phrase_closes_with_the_cadence_that_its_last_chords_make(
    soprano: str, bass: str, names: tuple[str, ...], key: str, kinds: set[str]
) -> None:
    piece = line("soprano", soprano) + line("bass", bass) + chords(*names)
    found = derived(f"{piece} tonality({key}). breath_after(1).", "cadence")
    assert found == {f"cadence(1,{kind})" for kind in kinds}


def test_a_cadential_six_four_before_the_dominant_leaves_the_cadence_authentic() -> None:
    piece = line("soprano", "e5 d5 c5 -") + line("bass", "g3 g2 c3 -") + chords("I", "V7", "I")
    found = derived(piece + "breath_after(2).", "cadence", "cadential_six_four")
    assert found == {"cadence(2,authentic)", "cadential_six_four(0)"}


def test_a_cadence_may_come_while_the_last_melody_note_is_held() -> None:
    piece = line("soprano", "a4 g4 -") + line("bass", "f3 g3 c3") + chords("IV", "V", "I")
    assert derived(piece + "breath_after(2).", "cadence") == {"cadence(1,authentic)"}


def test_a_cadence_may_be_weakened_by_a_repeated_tonic() -> None:
    piece = line("soprano", "b4 c5 c5") + line("bass", "g3 c3 c3") + chords("V", "I", "I")
    assert derived(piece + "breath_after(2).", "cadence") == {"cadence(2,authentic)"}


def test_a_cadence_does_not_reach_back_into_the_phrase_before() -> None:
    piece = line("soprano", "b4 c5") + line("bass", "g3 c3") + chords("V", "I")
    assert derived(piece + "breath_after(0). breath_after(1).", "cadence") == {"cadence(0,half)"}


def test_a_perfect_cadence_ends_with_the_tonic_on_top() -> None:
    def met(soprano: str) -> set[str]:
        piece = line("soprano", soprano) + line("bass", "g3 c3") + chords("V", "I")
        return derived(piece + "breath_after(1).", "meets")

    assert met("b4 c5") == {"meets(1,authentic)", "meets(1,perfect)"}
    assert met("d5 e5") == {"meets(1,authentic)", "meets(1,imperfect)"}


@pytest.mark.parametrize(
    ("bass", "names", "kind"),
    [
        ("f3 - g3 g2 c3", ("IV", "", "I", "V", "I"), "cadential_six_four(2)"),
        ("f3 g3 g2 c3", ("IV", "I", "V", "I"), None),
        ("e3 d3 c3", ("I", "V", "I"), "passing_six_four(1)"),
        ("c3 c3 c3", ("I", "IV", "I"), "pedal_six_four(1)"),
        ("c3 g3 c3", ("I", "I", "I"), "arpeggiated_six_four(1)"),
        ("d3 g3 d3", ("ii", "I", "ii"), None),
        ("a3 g3 g2", ("vi", "I", "V"), None),
    ],
)
def test_a_six_four_is_justified_in_one_of_four_ways(
    bass: str, names: tuple[str, ...], kind: str | None
) -> None:
    kinds = [f"{k}_six_four" for k in ("cadential", "passing", "pedal", "arpeggiated")]
    piece = line("soprano", "g4") + line("bass", bass) + chords(*names)
    assert derived(piece, *kinds) == ({kind} if kind else set())


def test_a_diminished_triad_over_its_fifth_is_no_six_four() -> None:
    piece = line("bass", "f3") + chords("viio")
    assert derived(piece, "six_four") == set()


# Each line is heard over a bass that leaves the chord alone; `ticks(2)` makes the steps eighths.
@pytest.mark.parametrize(
    ("soprano", "names", "kinds"),
    [
        ("c5 d5 e5", ("I",), {1: {"passing"}}),
        ("g4 a4 b4 c5", ("I",), {1: {"passing"}, 2: {"passing"}}),
        ("g4 gis4 a4", ("I", "", "IV"), {1: {"passing"}}),
        ("c5 d5 c5", ("I",), {1: {"neighbour"}}),
        ("c5 b4 c5", ("I",), {1: {"neighbour"}}),
        ("c5 d5 b4 c5", ("I",), {1: {"neighbour", "escape"}, 2: {"neighbour", "appoggiatura"}}),
        ("c5 b4 g4 a4", ("I", "", "", "IV"), {1: {"cambiata"}}),
        ("c5 - c5 b4", ("I", "", "V"), {2: {"suspension"}}),
        ("c5 - - b4", ("I", "", "V"), {2: {"suspension"}}),
        ("c5 - - g4 b4", ("I", "", "V"), {2: {"suspension"}}),
        ("c5 - - g4 d5", ("I", "", "V"), {}),
        ("b4 - - c5", ("V", "", "I"), {2: {"retardation"}}),
        ("c5 - f5 e5", ("I",), {2: {"appoggiatura"}}),
        ("r - f5 e5", ("I",), {2: {"appoggiatura"}}),
        ("c5 f5 c5", ("I",), {}),
        ("b4 c5 c5", ("V", "", "I"), {1: {"anticipation"}}),
        ("b4 c5 -", ("V", "", "I"), {1: {"anticipation"}}),
        ("b4 a4 a4 e4", ("V", "", "I"), {}),
        ("e5 f5 d5", ("I", "", "V"), {1: {"escape"}}),
        ("e5 - f5 c5", ("I", "", "I"), {2: {"escape"}}),
        ("e5 - g5 d5", ("I", "", "ii"), {}),
        ("c5 - - - - e5", ("I", "", "V", "", "I"), {2: {"pedal"}}),
        ("c5 d5 d5 e5", ("I",), {1: {"passing"}, 2: {"passing"}}),
    ],
)
def test_a_non_chord_tone_is_known_by_how_it_comes_and_goes(
    soprano: str, names: tuple[str, ...], kinds: dict[int, set[str]]
) -> None:
    piece = f"ticks(2). {line('soprano', soprano)} {chords(*names)}"
    found = derived(piece, "explained")
    assert found == {f"explained(soprano,{t},{k})" for t, all_ in kinds.items() for k in all_}


def test_a_note_that_becomes_foreign_is_told_once() -> None:
    piece = line("soprano", "e5 d5 - -") + line("bass", "c3 - e3 c3") + chords("I")
    assert derived(piece, "alien") == {"alien(soprano,1)"}
    assert "explained(soprano,3,passing)" not in derived(piece, "explained")


def test_a_failed_non_chord_tone_fails_in_one_way_only() -> None:
    lines = {
        "c5 - - g4 d5": ("I", "", "V"), "c5 f5 c5": ("I",), "c5 d5 g5": ("I",),
        "b4 a4 a4 e4": ("V", "", "I"), "c5 d5 r": ("I",), "c5 - d5 a4": ("I", "", "IV"),
    }  # fmt: skip
    expected = {"suspension", "appoggiatura", "passing", "anticipation", "neighbour", "escape"}
    found = []
    for notes, names in lines.items():
        piece = f"ticks(2). {line('soprano', notes)} {line('bass', 'r')} {chords(*names)}"
        (atom,) = derived(piece, "fails")
        found.append(atom.rsplit(",", 1)[1].removesuffix(")"))
    assert set(found) == expected


def accents(metre: str, last: int, extra: str = "") -> list[int]:
    """Return the accents of onsets 0 to `last`."""
    notes = " ".join(["c3"] * (last + 1))
    atoms = derived(f"metre({metre}). {extra} {line('bass', notes)}", "accent")
    pairs = (a.removeprefix("accent(").removesuffix(")").split(",") for a in atoms)
    table = {int(t): int(a) for t, a in pairs}
    return [table[t] for t in range(last + 1)]


def test_four_beats_have_a_lighter_accent_in_the_middle() -> None:
    assert accents("4,4", 4) == [3, 1, 2, 1, 3]


def test_three_beats_have_one_accent() -> None:
    assert accents("3,4", 3) == [3, 1, 1, 3]


def test_a_pick_up_is_the_end_of_a_bar() -> None:
    assert accents("4,4", 5, "pick_up(1).") == [1, 3, 1, 2, 1, 3]
    assert accents("3,4", 4, "pick_up(1).") == [1, 3, 1, 1, 3]


def test_a_note_between_beats_has_no_accent() -> None:
    assert accents("4,4", 4, "ticks(2).") == [3, 0, 1, 0, 2]


def test_compound_metres_count_three_eighths_to_a_beat() -> None:
    assert accents("6,8", 6, "ticks(2).") == [3, 0, 0, 1, 0, 0, 3]
    assert accents("12,8", 9, "ticks(2).") == [3, 0, 0, 1, 0, 0, 2, 0, 0, 1]
    assert accents("6,4", 6, "ticks(1).") == [3, 0, 0, 1, 0, 0, 3]


def test_three_eight_is_no_compound_metre() -> None:
    assert accents("3,8", 3, "ticks(2).") == [3, 1, 1, 3]


def test_halves_may_be_the_beat() -> None:
    assert accents("2,2", 4) == [3, 0, 1, 0, 3]
