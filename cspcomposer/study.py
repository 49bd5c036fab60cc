"""Count the rules over a corpus: how often real music breaks each, and where to look.

A study is many checks, in several processes; it knows no rule and no composer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.table import Table

from cspcomposer import corpus, read, rulebook
from cspcomposer.analyse import analysed
from cspcomposer.check import check_all, heard, told
from cspcomposer.errors import BadInput, CSPComposerError, Fault, counted
from cspcomposer.habits import HEADER
from cspcomposer.habits import counted as counted_habits
from cspcomposer.rulebook import SEVERITIES
from cspcomposer.rulebook_slice import Signature
from cspcomposer.score import Score
from cspcomposer.spread import spread
from cspcomposer.words import beat_text

BACH = "bach"
PLACES = 10
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, order=True)
class Spot:
    """One place where a rule is broken."""

    piece: str
    bar: int
    beat: Fraction

    def __str__(self) -> str:
        return f"{self.piece} {self.bar}:{beat_text(self.beat)}"


@dataclass(frozen=True)
class Count:
    """What a study found of one rule.

    Attributes:
        rule: The rule's id.
        title: Its title.
        severity: As the style has it.
        count: How often it is broken.
        rate: How often in 100 quarter notes.
        clean: The share of pieces that never break it.
        spots: Some of the places, from as many pieces as possible.
    """

    rule: str
    title: str
    severity: str
    count: int
    rate: float
    clean: float
    spots: tuple[Spot, ...]


@dataclass(frozen=True)
class Study:
    """What a study found.

    Attributes:
        sources: What was studied, as asked for.
        style: The style that it was held against.
        pieces: How many pieces were checked.
        beats: How many quarter notes these last.
        rules: The most often broken first.
        silent: Rules that say nothing of a score: they speak of plans and wishes.
        failures: Pieces that could not be checked, with the reason.
    """

    sources: tuple[str, ...]
    style: str
    pieces: int
    beats: Fraction
    rules: tuple[Count, ...]
    silent: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Piece:
    name: str
    beats: Fraction
    faults: tuple[tuple[str, int, Fraction], ...]
    told: frozenset[Signature] = frozenset()
    failure: str = ""


def study(
    sources: Sequence[str | Path],
    *,
    style: str = "chorale",
    overrides: Mapping[str, str] = _NOTHING,
    folders: Iterable[Path] = (),
    jobs: int = 2,
    console: Console | None = None,
) -> Study:
    """Return how often each rule is broken in many pieces.

    Args:
        sources: "bach" (the chorales of music21's corpus), score files, folders of score files.
        style: Name of a style.
        overrides: Severities by rule id.
        folders: Folders with rule files of the user's own.
        jobs: How many processes check at a time.
        console: Where a progress bar is drawn, if it is a terminal.

    Raises:
        BadInput: a source that is not there, or holds no score.
        BadRules: there is no such style or rule.
    """
    folders = tuple(folders)
    names = named(sources)
    severities = rulebook.severities(style, overrides, folders)
    work = partial(_checked, style=style, overrides=dict(overrides), folders=folders)
    pieces = spread(work, names, label="Checking", jobs=jobs, console=console)
    good = [p for p in pieces if not p.failure]
    if not good:
        raise BadInput(*(Fault(p.failure) for p in pieces))
    beats = sum((p.beats for p in good), Fraction(0))
    known = frozenset[Signature]().union(*(p.told for p in good))
    able = heard(known, style=style, overrides=overrides, folders=folders)
    on = {rule for rule, severity in severities.items() if severity != "off"}
    titles = {r.id: r.title for r in rulebook.read(rulebook.rule_files(folders))}
    counts = [
        _count(rule, titles[rule], severities[rule], good, beats)
        for rule in on if rule in able
    ]  # fmt: skip
    counts.sort(key=lambda c: (-c.count, c.rule))
    return Study(
        tuple(map(str, sources)), style, len(good), beats, tuple(counts),
        tuple(sorted(on - able)),
        tuple((p.name, p.failure) for p in pieces if p.failure),
    )  # fmt: skip


def named(sources: Iterable[str | Path]) -> list[str]:
    """Return the names of the scores that some sources stand for, each once.

    Raises:
        BadInput: a source that is not there, or holds no score.
    """
    return list(dict.fromkeys(name for source in sources for name in _named(source)))


def _named(source: str | Path) -> Iterator[str]:
    if str(source) == BACH:
        yield from corpus.bach_chorales()
        return
    path = Path(source)
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in read.FORMATS)
        if not found:
            raise BadInput(Fault("There are no scores in this folder.", file=path))
        yield from map(str, found)
    elif path.is_file():
        yield str(path)
    else:
        hint = f"Name a score, a folder of scores, or '{BACH}' for the chorales."
        raise BadInput(Fault("There is no such file or folder.", file=path, hint=hint))


def habits(sources: Sequence[str | Path], *, command: str) -> str:
    """Return what the harmonies of many pieces like, as the text of a prior.

    Args:
        sources: As for `study`.
        command: What the file says that it was written by.
    """
    names = named(sources)
    facts = counted_habits(analysed(opened(name)) for name in names)
    whose = "Bach's chorales" if list(map(str, sources)) == [BACH] else ", ".join(map(str, sources))
    return HEADER.format(whose=whose, count=len(names), command=command) + facts + "\n"


def opened(name: str) -> Score:
    """Return the score of a name that `named` gave."""
    return read.read_chorale(name) if name in corpus.bach_chorales() else read.read(name)


def _checked(
    names: Sequence[str], *, style: str, overrides: Mapping[str, str], folders: Sequence[Path]
) -> list[_Piece]:
    """Check pieces together; where one of them cannot be checked, each by itself."""
    try:
        scores = list(map(opened, names))
        reports = check_all(scores, style=style, overrides=overrides, folders=folders)
    except CSPComposerError as error:
        if len(names) == 1:
            return [_Piece(short(names[0]), Fraction(0), (), failure=str(error))]
        work = partial(_checked, style=style, overrides=overrides, folders=folders)
        return [piece for name in names for piece in work([name])]
    return [
        _Piece(
            short(name),
            report.beats,
            tuple((v.rule, v.bar, v.beat) for v in report.violations),
            told(report.score),
        )
        for name, report in zip(names, reports, strict=True)
    ]


def short(name: str) -> str:
    """Return a score's name as tables show it."""
    return name.removeprefix("bach/").rsplit(".", 1)[0] if name.startswith("bach/") else name


def _count(
    rule: str, title: str, severity: str, pieces: Sequence[_Piece], beats: Fraction
) -> Count:
    broken = [[Spot(p.name, b, t) for r, b, t in p.faults if r == rule] for p in pieces]
    total = sum(map(len, broken))
    touched = [spots for spots in broken if spots]
    # One spot from each of some pieces, spread over the corpus; then what is left.
    stride = max(1, len(touched) // PLACES)
    spots = [several[0] for several in touched[::stride]][:PLACES]
    spots += [s for several in touched for s in several[1:]][: PLACES - len(spots)]
    return Count(
        rule, title, severity, total, float(100 * total / beats) if beats else 0.0,
        1 - len(touched) / len(pieces) if pieces else 1.0, tuple(sorted(spots)),
    )  # fmt: skip


def as_json(study: Study) -> dict[str, Any]:
    """Return a study as plain data for `json.dumps`."""
    return {
        "sources": list(study.sources),
        "style": study.style,
        "pieces": study.pieces,
        "beats": float(study.beats),
        "rules": [
            {
                "rule": c.rule, "title": c.title, "severity": c.severity, "count": c.count,
                "per_100_beats": round(c.rate, 4), "pieces_without": round(c.clean, 4),
                "places": [
                    {"piece": s.piece, "bar": s.bar, "beat": float(s.beat)} for s in c.spots
                ],
            }
            for c in study.rules
        ],
        "silent": list(study.silent),
        "failures": [{"piece": name, "reason": reason} for name, reason in study.failures],
    }  # fmt: skip


def markdown(study: Study, *, command: str = "", notes: str = "") -> str:
    """Return a study as a page.

    Args:
        study: What was found.
        command: The command that makes the page anew; made up from the sources when empty.
        notes: What is to be said about the figures, in Markdown, below the first table; those
            that come with the rules when empty, if the chorales were studied.
    """
    if not command:
        command = f"cspcomposer study {' '.join(study.sources)} --style {study.style}"
    if not notes and (study.sources, study.style) == ((BACH,), "chorale"):
        notes = (rulebook.folder() / "study_notes.md").read_text(encoding="utf-8")
    words = Counter(c.severity for c in study.rules)
    severe = ", ".join(f"{words[s]} {s}" for s in SEVERITIES if words[s])
    lines = [
        f"# How often {', '.join(study.sources)} breaks the rules", "",
        f"Written by `{command}`; not edited by hand.", "",
        f"{study.pieces} pieces, {float(study.beats):,.0f} quarter-note beats, style "
        f"`{study.style}`, {len(study.rules)} rules ({severe}).",
        "Keys and numerals are estimated. Severities are the style's.",
        f"{counted(len(study.silent), 'rule')} more speak of what no score says: of plans and "
        "wishes, and of what is invented.", "",
        "| rule | severity | faults | per 100 beats | pieces without |",
        "|---|---|---:|---:|---:|",
    ]  # fmt: skip
    for c in study.rules:
        lines.append(f"| `{c.rule}` | {c.severity} | {c.count} | {c.rate:.3f} | {c.clean:.1%} |")
    if study.failures:
        lines += ["", "## Not checked", ""]
        lines += [f"- {name}: {reason}" for name, reason in study.failures]
    if notes:
        lines += ["", notes.strip()]
    lines += ["", "## Where to look", "", "Piece, bar and beat.", ""]
    lines += [f"- `{c.rule}`: {'; '.join(map(str, c.spots))}" for c in study.rules if c.spots]
    return "\n".join(lines) + "\n"


def table(study: Study) -> Table:
    """Return a study for a terminal."""
    out = Table(title=f"{study.pieces} pieces, {float(study.beats):,.0f} beats, {study.style}")
    out.add_column("Rule")
    out.add_column("Severity")
    for name in ("Faults", "Per 100 beats", "Pieces without"):
        out.add_column(name, justify="right")
    for c in study.rules:
        out.add_row(c.title, c.severity, str(c.count), f"{c.rate:.3f}", f"{c.clean:.1%}")
    return out
