"""The surface: what moves between the beats, and what must not come of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from composing import composed, spec, sung

from cspcomposer import brief, compose, pitch, stages, surface_study
from cspcomposer.analyse import figured
from cspcomposer.check import check
from cspcomposer.facts import Outline
from cspcomposer.read import read_chorale
from cspcomposer.score import Chord, Key, Measure, Note, Score, Signature, Voice, note_at
from cspcomposer.search import Effort
from cspcomposer.solver import Solver
from cspcomposer.spec import Surface
from cspcomposer.surface import decorated

PIECES = {
    "major": "key: G major\nphrases: [{bars: 4, cadence: half}, {bars: 4, cadence: authentic}]\n",
    "minor": "key: A minor\nphrases: [{bars: 4, cadence: half}, {bars: 4, cadence: authentic}]\n",
    "three": "key: F major\nmetre: 3/4\nbars: 6\n",
}
NAMES = ("soprano", "alto", "tenor", "bass")
SEEDS = range(12)


@pytest.fixture(scope="module")
def solver() -> Iterator[Solver]:
    with Solver() as process:
        yield process


@pytest.fixture(scope="module", params=PIECES)
def bare(request: pytest.FixtureRequest) -> tuple[Score, Outline]:
    """A composed piece of one note to a beat."""
    text = PIECES[request.param] + "surface: none\n"
    loaded = spec(text)
    return composed(text).score, stages.outline(loaded, brief.given_scores(loaded))


def setting(chords: str, *lines: str, key: str = "C") -> tuple[Score, Outline]:
    """A piece in quarters: numerals, and one line of notes for each voice.

    An inversion stands after the numeral ("V.1"); the last chord ends the phrase.
    """
    beats = [c.partition(".") for c in chords.split()]
    length = Fraction(len(beats))
    voices = tuple(
        Voice(name, name, "treble", tuple(
            Note(Fraction(i), Fraction(1), pitch.parse(note)) for i, note in enumerate(line.split())
        ))
        for name, line in zip(NAMES, lines, strict=False)
    )  # fmt: skip
    tonic, mode = pitch.parse_class(key.split()[0]), "minor" if "minor" in key else "major"
    numerals = tuple(
        Chord(Fraction(i), name, int(place or 0), figured(name, int(place or 0)))
        for i, (name, _, place) in enumerate(beats)
    )
    home = Key(Fraction(0), tonic, mode)
    score = Score(
        "", "", Fraction(72), voices, (Measure(1, Fraction(0), length, len(beats), 4),),
        (Signature(Fraction(0), home.fifths),), (home,), numerals, (length - 1,),
    )  # fmt: skip
    empty = tuple(Voice(v.name, v.label, v.clef, ()) for v in voices)
    plan = Outline(
        Score("", "", score.tempo, empty, score.measures, score.signatures, (home,), (),
              score.phrase_ends),
        tuple(c.onset for c in numerals),
        {name: frozenset(c.onset for c in numerals) for name in NAMES},
    )  # fmt: skip
    return score, plan


def adorned(
    solver: Solver, piece: tuple[Score, Outline], *, seed: int = 0, density: Surface = "some"
) -> Score:
    return decorated(solver, *piece, style="chorale", seed=seed, density=density).score


def off_beat(score: Score) -> list[tuple[str, Note]]:
    return [(v.name, n) for v in score.voices for n in v.notes if n.onset.denominator > 1]


def faults(score: Score, severity: str) -> list[tuple[str, Fraction]]:
    return [(v.rule, v.onset) for v in check(score).violations if v.severity == severity]


def test_a_composed_piece_moves_between_its_beats() -> None:
    piece = composed("key: G major\nbars: 6\n")
    assert off_beat(piece.score)
    assert "surface" in piece.seconds


def test_without_a_surface_every_note_is_on_a_beat() -> None:
    assert not off_beat(composed("key: G major\nbars: 4\nsurface: none\n").score)


def test_a_richer_surface_has_more_notes_off_the_beat(
    solver: Solver, bare: tuple[Score, Outline]
) -> None:
    counts = []
    for density in ("none", "some", "rich"):
        all_of_them = [adorned(solver, bare, seed=s, density=density) for s in (1, 2, 3)]
        counts.append(sum(len(off_beat(score)) for score in all_of_them))
    assert 0 == counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize("density", ["some", "rich"])
def test_no_hard_fault_and_no_strong_one_comes_with_the_surface(
    solver: Solver, bare: tuple[Score, Outline], density: Surface
) -> None:
    score = adorned(solver, bare, seed=4, density=density)
    for severity in ("hard", "strong"):
        before = [rule for rule, _ in faults(bare[0], severity)]
        assert len(faults(score, severity)) <= len(before)
    rules = {v.rule for v in check(score).violations}
    assert not rules & {"unexplained_dissonance", "suspension_unresolved"}


def test_the_chords_and_what_sounds_at_the_ends_of_phrases_stay(
    solver: Solver, bare: tuple[Score, Outline]
) -> None:
    score = adorned(solver, bare, seed=5, density="rich")
    assert score.chords == bare[0].chords
    for old, new in zip(bare[0].voices, score.voices, strict=True):
        for end in score.phrase_ends:
            first, last = note_at(old, end), note_at(new, end)
            assert first and last and (first.pitch, first.end) == (last.pitch, last.end)


def test_no_voice_falls_silent_or_sounds_twice(solver: Solver, bare: tuple[Score, Outline]) -> None:
    score = adorned(solver, bare, seed=6, density="rich")
    for old, new in zip(bare[0].voices, score.voices, strict=True):
        assert sum(n.duration for n in old.notes) == sum(n.duration for n in new.notes)
        assert all(a.end <= b.onset for a, b in zip(new.notes, new.notes[1:], strict=False))


def test_the_same_seed_gives_the_same_surface_and_another_another(
    solver: Solver, bare: tuple[Score, Outline]
) -> None:
    first, again, other = (sung(adorned(solver, bare, seed=s)) for s in (7, 7, 8))
    assert first == again != other


def test_a_third_is_filled_by_the_step_between(solver: Solver) -> None:
    piece = setting("I I.1 V I", "C5 C5 D5 C5", "G4 G4 G4 E4", "E4 C4 B3 C4", "C3 E3 G3 C3")
    notes = [n for s in SEEDS for v, n in off_beat(adorned(solver, piece, seed=s)) if v == "bass"]
    between = {pitch.name(n.pitch) for n in notes if n.onset == Fraction(1, 2)}
    assert between == {"D3"}


def test_a_passing_note_that_would_make_parallel_fifths_is_not_taken(solver: Solver) -> None:
    """From B to D the bass would meet the soprano's G and A with C and D, in fifths."""
    inner = ("D4 D4 D4", "D4 F#4 G4", "B2 D3 G2")
    bad = setting("I.1 V I", "G4 A4 B4", *inner, key="G")
    good = setting("I.1 V I", "G4 F#4 G4", "D4 D4 D4", "D4 A3 B3", "B2 D3 G2", key="G")
    found = [
        [any(v == "bass" and pitch.name(n.pitch) == "C3" for v, n in off_beat(score))
         for score in (adorned(solver, piece, seed=s) for s in SEEDS)]
        for piece in (bad, good)
    ]  # fmt: skip
    assert not any(found[0])
    assert any(found[1])


def test_a_suspension_is_held_over_the_beat_and_falls_a_step(solver: Solver) -> None:
    piece = setting("I IV V I", "E5 F5 D5 E5", "G4 A4 G4 G4", "C4 C4 B3 C4", "C3 F3 G3 C3")
    held = set()
    for seed in SEEDS:
        score = adorned(solver, piece, seed=seed)
        tenor = note_at(score.voice("tenor"), Fraction(2))
        assert tenor
        if tenor.onset < 2:
            after = note_at(score.voice("tenor"), tenor.end)
            assert after
            held.add((pitch.name(tenor.pitch), tenor.end, pitch.name(after.pitch)))
    assert held == {("C4", Fraction(5, 2), "B3")}


def test_what_is_given_is_not_adorned() -> None:
    line = "given: {soprano: \"e''4 c'' d'' e'' f'' d'' c''2\"}"
    score = composed(f"key: C major\nbars: 2\n{line}\nsurface: rich\n").score
    assert [n.onset.denominator for n in score.voice("soprano").notes] == [1] * 7


def test_in_minor_what_passes_up_to_the_leading_tone_is_raised_too(solver: Solver) -> None:
    piece = setting(
        "i V i i", "A4 B4 C5 A4", "E4 G#4 A4 A4", "C4 E4 E4 E4", "A2 E3 A3 A2", key="A minor"
    )
    notes = [n for s in SEEDS for v, n in off_beat(adorned(solver, piece, seed=s)) if v == "alto"]
    names = {pitch.name(n.pitch) for n in notes if n.onset < 1}
    assert "F#4" in names
    assert "F4" not in names


def test_beats_are_counted_within_phrases() -> None:
    found = surface_study.counted([read_chorale("bach/bwv66.6")])
    assert found.beats == 36 - 6  # nothing leads from the end of a phrase
    assert 0.4 < 1 - found.busy[0] / found.beats < 0.9


def test_the_counts_are_written_as_the_prior_has_them(tmp_path: Path) -> None:
    found = surface_study.Surface()
    found.fills.update({("alto", 2, 1): 30, ("alto", 2, "plain"): 10, ("alto", 2, 3): 2})
    found.late.update({("alto", True): 10, ("alto", False): 90})
    text = surface_study.facts(found)
    assert "habit_filling(alto,2,1,3)." in text
    assert "habit_filling(alto,2,3" not in text
    assert "habit_waiting(alto,late,23)." in text


def test_a_chosen_note_may_lead_to_a_given_one_that_stays_as_it_is(solver: Solver) -> None:
    score, plan = setting("I IV V I", "E5 F5 G5 G5", "C5 C5 B4 C5", "G4 A4 D4 E4", "C4 A3 G3 C3")
    kept = {"bass": 1, "tenor": 1, "alto": 0, "soprano": 0}  # from which note on it is given
    given = tuple(replace(v, notes=v.notes[kept[v.name] :]) for v in score.voices)
    plan = replace(plan, score=replace(plan.score, voices=given))
    found = [adorned(solver, (score, plan), seed=s, density="rich") for s in range(4)]
    for new in found:
        for name, first in kept.items():
            assert score.voice(name).notes[first:] == new.voice(name).notes[-4 + first :]
    seams = {(v, n.onset) for new in found for v, n in off_beat(new)}
    assert ("bass", Fraction(1, 2)) in seams and not any(onset > 1 for _, onset in seams)


def test_in_a_long_chord_a_voice_moves_on_its_last_beat_or_off_it_and_once() -> None:
    made = compose.compose(spec("bars: 4\nharmonic_rhythm: half\nsurface: rich\nprior: tables\n"),
                           effort=Effort(800)).score  # fmt: skip
    chords = {chord.onset for chord in made.chords}
    between = [
        n.onset for v in made.voices for n in v.notes if n.onset % 2 and n.onset not in chords
    ]
    assert {time % 2 for time in between} <= {1, Fraction(3, 2)}
    assert any(time % 2 == 1 for time in between)
    for voice in made.voices:
        for first in (n.onset for n in voice.notes if not n.onset % 2):
            assert sum(first < n.onset < first + 2 for n in voice.notes) <= 1


def test_a_section_may_change_its_chords_faster_than_another() -> None:
    text = """
form: A B A
harmonic_rhythm: half
surface: none
prior: tables
sections:
  A: {bars: 4, form: phrase, cadence: perfect, key: C major}
  B: {bars: 4, form: phrase, cadence: half, harmonic_rhythm: beat}
"""
    made = compose.compose(spec(text), effort=Effort(800)).score
    lasting = [{n.duration for v in made.voices for n in v.notes if at <= n.onset < at + 14}
               for at in (0, 16, 32)]  # fmt: skip
    assert min(lasting[0]) == min(lasting[2]) == 2
    assert min(lasting[1]) == 1


def test_a_section_may_have_a_surface_of_its_own() -> None:
    text = """
form: A A'
key: G major
surface: some
prior: tables
sections:
  A: {bars: 4, cadence: perfect, density: none}
  A': {changes: ornament, density: rich}
"""
    made = compose.compose(spec(text), effort=Effort(800))
    half = made.score.measures[4].onset
    short = [n.onset for v in made.score.voices for n in v.notes if n.duration < 1]
    assert [time for time in short if time < half] == []
    assert len([time for time in short if time >= half]) > 8
