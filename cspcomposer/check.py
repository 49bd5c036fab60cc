"""Check a score: every rule that is not off says where it is broken, in a sentence.

Nothing is forbidden here and nothing chosen: the notes are facts, keys and numerals are estimated
where the score does not state them, and `policy/report` lets the rules speak. Knows no rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from cspcomposer import pitch as pitches
from cspcomposer import rulebook, rulebook_pieces, solver, words
from cspcomposer.analyse import analysed, analysed_all, known_numerals, parse_key
from cspcomposer.errors import BadInput, BadScore, Fault
from cspcomposer.facts import Outline, clock, facts
from cspcomposer.romantext import Numeral, onset
from cspcomposer.rulebook import SEVERITIES, Rule
from cspcomposer.rulebook_able import able
from cspcomposer.rulebook_slice import Signature, sliced
from cspcomposer.score import Score, note_at, position

_SHOWN = {"violation": 3, "effective": 2}
# The stages whose rules are aims of an invented line: a finished score is not held against them,
# unless a specification names one.
INVENTION = ("rhythm", "tune")
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Place:
    """A note that takes part in a fault.

    Attributes:
        voice: The voice's name.
        bar: Of the note's beginning, as printed.
        beat: Of the note's beginning, from 1.
        pitch: "F#4".
        onset: In quarter notes.
    """

    voice: str
    bar: int
    beat: Fraction
    pitch: str
    onset: Fraction


@dataclass(frozen=True)
class Violation:
    """A rule broken in one place.

    Attributes:
        rule: The rule's id.
        title: Its title.
        severity: "hard", "strong", "mild" or "hint", as this check takes it.
        message: A sentence that names the voices.
        advice: What to do about it; may be empty.
        source: Where the rule is taught; may be empty.
        bar: Where it is heard, as printed.
        beat: From 1; 5/2 is half way through the second beat.
        notes: The notes that sound then in the voices at fault; in all voices where the rule
            names none.
        onset: Where it is heard, in quarter notes.
        given: Whether it lies in what was given alone; it is then told as a hint.
    """

    rule: str
    title: str
    severity: str
    message: str
    advice: str
    source: str
    bar: int
    beat: Fraction
    notes: tuple[Place, ...]
    onset: Fraction
    given: bool = False


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        file: Where the score is from; may be empty.
        style: The style that it was held against.
        beats: How many quarter notes of music there are.
        violations: In the order of time, the most severe first.
        counts: How many of each severity, and of each rule, by name.
        score: The score with the keys and numerals that the check went by.
    """

    file: str
    style: str
    beats: Fraction
    violations: tuple[Violation, ...]
    counts: Mapping[str, Mapping[str, int]]
    score: Score


def check(
    score: Score,
    *,
    file: str = "",
    style: str = "chorale",
    overrides: Mapping[str, str] = _NOTHING,
    folders: Iterable[Path] = (),
    key: str | None = None,
    numerals: Sequence[tuple[Fraction, str, str]] = (),
    excused: Collection[tuple[str, Fraction, str]] = (),
) -> Report:
    """Return where a score breaks which rules.

    Args:
        score: One to any number of voices; rules that need more voices than there are are silent.
        file: What the report says that it is about.
        style: Name of a style.
        overrides: Severities by rule id, before those of the style.
        folders: Folders with rule files of the user's own.
        key: The key, if it is known ("G major"); else it is estimated, and may change.
        numerals: Chords that are known: time, key ("G major"), numeral ("V7"); else estimated.
        excused: Faults that lie in what was given: rule, time, and who, as a term.

    Raises:
        BadScore: there are no notes.
        BadRules: there is no such style or rule, or a rule file cannot be used.
        BadInput: there is no such key or numeral.
    """
    _not_silent(score, file)
    score = analysed(score, key=key, numerals=numerals)
    (report,) = _reports([score], [file], style, overrides, folders, excused)
    return report


def check_all(
    scores: Sequence[Score],
    *,
    files: Sequence[str] = (),
    style: str = "chorale",
    overrides: Mapping[str, str] = _NOTHING,
    folders: Iterable[Path] = (),
) -> list[Report]:
    """Return what `check` says of each score; together they take less time than one by one.

    Args:
        scores: As for `check`. Some twenty at a time are enough.
        files: What each report says that it is about.
        style: Name of a style.
        overrides: Severities by rule id, before those of the style.
        folders: Folders with rule files of the user's own.

    Raises:
        BadScore: there are no notes in one of them.
        BadRules: as for `check`.
    """
    names = list(files) or [""] * len(scores)
    for score, file in zip(scores, names, strict=True):
        _not_silent(score, file)
    return _reports(analysed_all(scores), names, style, overrides, folders)


def told(score: Score) -> frozenset[Signature]:
    """Return the predicates of the facts that are told of an analysed score."""
    lines = facts(_outline(score)).splitlines()
    return frozenset((line.partition("(")[0], line.count(",") + 1) for line in lines)


def heard(
    told: Collection[Signature],
    *,
    style: str = "chorale",
    overrides: Mapping[str, str] = _NOTHING,
    folders: Iterable[Path] = (),
) -> frozenset[str]:
    """Return the rules that scores can break; others speak of plans, wishes, what is invented.

    Args:
        told: The predicates of the facts that are told of any of them.
        style: Name of a style.
        overrides: Severities by rule id, before those of the style.
        folders: Folders with rule files of the user's own.

    Raises:
        BadRules: as for `check`.
    """
    _, sources = _prepared(style, tuple(sorted(overrides.items())), tuple(folders))
    return able(sources, told)


def _not_silent(score: Score, file: str) -> None:
    if not any(voice.notes for voice in score.voices):
        raise BadScore(Fault("there are no notes to check.", Path(file) if file else None))


def _reports(
    scores: Sequence[Score],
    files: Sequence[str],
    style: str,
    overrides: Mapping[str, str],
    folders: Iterable[Path],
    excused: Collection[tuple[str, Fraction, str]] = (),
) -> list[Report]:
    ordered = tuple(sorted(overrides.items()))
    rules, sources = _prepared(style, ordered, tuple(folders))
    outlines = list(map(_outline, scores))
    found = rulebook_pieces.consequences(sources, [facts(o) for o in outlines], show=_SHOWN)
    return [
        _report(outline, file, style, rules, atoms, excused)
        for outline, file, atoms in zip(outlines, files, found, strict=True)
    ]


def _outline(score: Score) -> Outline:
    return Outline(score, tuple(c.onset for c in score.chords))


def _report(
    outline: Outline,
    file: str,
    style: str,
    rules: Mapping[str, Rule],
    atoms: Sequence[solver.Term],
    excused: Collection[tuple[str, Fraction, str]],
) -> Report:
    severities = {a.arguments[0].name: a.arguments[1].name for a in atoms if a.name == "effective"}
    score, ticking = outline.score, clock(outline)
    found = []
    for atom in atoms:
        if atom.name == "violation":
            rule, tick, who = atom.arguments
            time = ticking.time(tick)
            fault = _violation(score, rules[rule.name], severities[rule.name], time, who)
            given = (rule.name, time, str(who)) in excused
            found.append(replace(fault, severity="hint", given=True) if given else fault)
    found.sort(key=lambda v: (v.onset, SEVERITIES.index(v.severity), v.rule, v.message))
    return Report(file, style, beats(score), tuple(found), _counts(found), score)


def placed(
    score: Score, numerals: Sequence[Numeral], *, file: Path | None = None
) -> tuple[tuple[Fraction, str, str], ...]:
    """Return numerals that were written by measure and beat as `check` takes them.

    Args:
        score: The score.
        numerals: The chords.
        file: Where they stand, for messages.

    Raises:
        BadInput: a measure that the score does not have, no key named, or a chord that the key
            does not have.
    """
    measures = {m.number: m for m in reversed(score.measures)}
    out, faults = [], []
    for numeral in numerals:
        measure = measures.get(numeral.measure)
        key = numeral.key or (str(score.keys[0]) if score.keys else "")
        message = hint = ""
        if measure is None:
            last = score.measures[-1].number
            message = f"there is no measure {numeral.measure}: the score ends with {last}."
        elif not key:
            message, hint = "the chords name no key.", "Write such as 'G:' before the first."
        elif numeral.numeral not in (known := known_numerals(key)):
            message = f"{parse_key(key)} has no chord {numeral.numeral}."
            hint = rulebook.near(numeral.numeral, known)
        else:
            out.append((onset(numeral, measure), key, numeral.numeral))
        if message:
            faults.append(Fault(message, file, numeral.line, numeral.column, hint=hint))
    if faults:
        raise BadInput(*faults)
    return tuple(out)


def beats(score: Score) -> Fraction:
    """Return how many quarter notes a score lasts."""
    return score.end - score.measures[0].onset


@lru_cache(maxsize=8)
def _prepared(
    style: str, overrides: tuple[tuple[str, str], ...], folders: tuple[Path, ...]
) -> tuple[Mapping[str, Rule], list[solver.Source]]:
    """Return the rules by id, and the program that a score's facts are added to."""
    rules = {rule.id: rule for rule in rulebook.read(rulebook.rule_files(folders))}
    asked = dict(overrides)
    program = rulebook.program(["given"], "report", style=style, overrides=asked, folders=folders)
    heard = [s for s in program if not _of_invention(Path(s.name)) or Path(s.name).stem in asked]
    return rules, sliced(heard, list(_SHOWN.items()))


def _of_invention(path: Path) -> bool:
    """Return whether a shipped rule says what to strive for when a line is invented."""
    return path.parent.parent == rulebook.folder() / "rules" and path.parent.name in INVENTION


def _violation(
    score: Score, rule: Rule, severity: str, time: Fraction, who: solver.Term
) -> Violation:
    named = set(words.terms(who).values())
    voices = [v.name for v in score.voices if v.name in named]
    bar, beat = position(score, time)
    return Violation(
        rule.id, rule.title, severity, words.sentence(rule, who), rule.advice,
        rule.source, bar, beat, tuple(_places(score, time, voices)), time,
    )  # fmt: skip


def _places(score: Score, time: Fraction, voices: Sequence[str]) -> Iterable[Place]:
    for voice in score.voices:
        note = note_at(voice, time) if not voices or voice.name in voices else None
        if note:
            bar, beat = position(score, note.onset)
            yield Place(voice.name, bar, beat, pitches.name(note.pitch), note.onset)


def _counts(found: Sequence[Violation]) -> dict[str, dict[str, int]]:
    severities = Counter(v.severity for v in found)
    rules = Counter(v.rule for v in found)
    return {
        "severity": {s: severities[s] for s in SEVERITIES if severities[s]},
        "rule": dict(sorted(rules.items(), key=lambda item: (-item[1], item[0]))),
    }
