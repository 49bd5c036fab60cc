"""What a check found, for others: as plain data, as a table, and in the colours of the notes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cspcomposer import render
from cspcomposer.check import Report
from cspcomposer.render.marks import Mark
from cspcomposer.rulebook import SEVERITIES
from cspcomposer.words import beat_text

COLOURS = {"hard": "#D00000", "strong": "#E87500", "mild": "#B8860B", "hint": "#2060C0"}
_STYLES = {"hard": "bold red", "strong": "dark_orange", "mild": "yellow", "hint": "blue"}


def as_json(report: Report) -> dict[str, Any]:
    """Return a report as plain data for `json.dumps`."""
    return {
        "file": report.file,
        "style": report.style,
        "beats": _number(report.beats),
        "violations": [
            {
                "rule": v.rule, "title": v.title, "severity": v.severity, "message": v.message,
                "advice": v.advice, "source": v.source, "bar": v.bar, "beat": _number(v.beat),
                "notes": [
                    {"voice": n.voice, "bar": n.bar, "beat": _number(n.beat), "pitch": n.pitch}
                    for n in v.notes
                ],
            }
            for v in report.violations
        ],
        "counts": {name: dict(counts) for name, counts in report.counts.items()},
    }  # fmt: skip


def _number(time: Fraction) -> int | float:
    return int(time) if time.denominator == 1 else round(float(time), 4)


def marks(report: Report) -> tuple[Mark, ...]:
    """Return what shows the faults in the notes: each note in the colour of its worst fault.

    The titles of the faults heard at one time are the label of their first note.
    """
    worst: dict[tuple[Fraction, str], str] = {}
    labels: dict[Fraction, list[str]] = {}
    for v in report.violations:
        for note in v.notes:
            place = (note.onset, note.voice)
            if SEVERITIES.index(v.severity) < SEVERITIES.index(worst.get(place, "off")):
                worst[place] = v.severity
        if v.notes:
            titles = labels.setdefault(max(n.onset for n in v.notes), [])
            if v.title not in titles:
                titles.append(v.title)
    order = {voice.name: i for i, voice in enumerate(report.score.voices)}
    out = []
    for time, voice in sorted(worst, key=lambda p: (p[0], order[p[1]])):
        label = ", ".join(labels.pop(time, ()))
        out.append(Mark(voice, time, COLOURS[worst[time, voice]], label))
    return tuple(out)


def write_marked(report: Report, folder: Path, name: str) -> list[Path]:
    """Write NAME.musicxml and NAME.svg with the faults coloured and labelled; return the files."""
    return render.write(report.score, folder, name, ("musicxml", "svg"), marks(report))


def table(report: Report) -> RenderableType:
    """Return a report for a terminal: where, who, what, how grave; then how many of each."""
    places = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Bar", "Beat"):
        places.add_column(name, justify="right")
    for name in ("Voices", "What", "Severity"):
        places.add_column(name)
    for v in report.violations:
        voices = ", ".join(n.voice.replace("_", " ") for n in v.notes)
        style = _STYLES[v.severity]
        places.add_row(
            str(v.bar), beat_text(v.beat), voices, v.message, Text(v.severity, style=style)
        )
    total = Text(f"{report.file or 'The score'}: {summary(report)}")
    if not report.violations:
        return total
    rules = Table(box=None, pad_edge=False, header_style="bold")
    rules.add_column("Count", justify="right")
    rules.add_column("Rule")
    titles = {v.rule: (v.title, v.severity) for v in report.violations}
    for rule, count in report.counts["rule"].items():
        title, severity = titles[rule]
        rules.add_row(str(count), Text(title, style=_STYLES[severity]))
    return Group(total, "", places, "", rules)


def summary(report: Report) -> str:
    """Return how many faults there are, as half a sentence with its full stop."""
    length = _number(report.beats)
    beats_of = f"in {length} {'beat' if length == 1 else 'beats'}, style {report.style}."
    if not report.violations:
        return f"no faults {beats_of}"
    each = ", ".join(f"{n} {s}" for s, n in report.counts["severity"].items())
    total = len(report.violations)
    return f"{total} fault{'' if total == 1 else 's'} ({each}) {beats_of}"
