"""The report on a batch as one page that needs nothing else: no network, no other file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cspcomposer import batch_values
from cspcomposer.batch_copied import SIZES
from cspcomposer.render.musicxml import musicxml
from cspcomposer.render.svg import one_line
from cspcomposer.score import Score, Voice

if TYPE_CHECKING:
    from cspcomposer.batch_report import Gathered

# As many bars as one reads at a glance.
BARS, BEATS = 4, 16
_GLYPH = re.compile(r'<g id="(E[0-9A-F]+)-\w+">(.*?)</g>', re.DOTALL)
_FONT = re.compile(r"<style[^>]*>\s*@font-face.*?</style>", re.DOTALL)
_MARKS = ("musicxml", "mid", "svg", "png", "pdf", "json")
MOST_REASON = 2000
_NAME = re.compile(r"\b[0-9a-f]{16}\b")


def opening(score: Score) -> str:
    """Return the first line of a piece, engraved."""
    return one_line(musicxml(begun(score)))


def begun(score: Score) -> Score:
    """Return the first few bars of a piece."""
    bars = [m for m in score.measures if m.number > 0]
    fit = max(1, min(BARS, int(BEATS / bars[0].full)) if bars else 1)
    kept = [m for m in score.measures if m.number <= fit]
    end = kept[-1].onset + kept[-1].length
    return replace(
        score,
        title="",
        composer="",
        voices=tuple(_until(voice, end) for voice in score.voices),
        measures=tuple(kept),
        signatures=tuple(s for s in score.signatures if s.onset < end),
        keys=tuple(k for k in score.keys if k.onset < end),
        chords=tuple(c for c in score.chords if c.onset < end),
        phrase_ends=tuple(t for t in score.phrase_ends if t < end),
    )


def _until(voice: Voice, end: Fraction) -> Voice:
    notes = (n for n in voice.notes if n.onset < end)
    kept = tuple(replace(n, duration=min(n.duration, end - n.onset)) for n in notes)
    return replace(voice, notes=kept)


class _Glyphs:
    """The signs of all pictures, each once: they are most of what a picture holds."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.font = ""

    def taken(self, drawn: str) -> str:
        """Return a picture that refers to the page's signs instead of bringing its own."""
        font = _FONT.search(drawn)
        if font and not self.font:
            self.font = font[0]
        drawn = _FONT.sub("", drawn)
        for name, shape in _GLYPH.findall(drawn):
            self.known.setdefault(name, shape.strip())
        drawn = re.sub(r"<(defs|desc|title)\b[^>]*>.*?</\1>", "", drawn, flags=re.DOTALL)
        drawn = re.sub(r'(href="#E[0-9A-F]+)-\w+"', r'\1"', drawn)
        # A rule of one picture's style sheet would hold for all of them.
        drawn = re.sub(r'\s(?:id|xmlns:xlink|version)="[^"]*"', "", drawn)
        drawn = re.sub(r"<style[^>]*>.*?</style>", "", drawn, flags=re.DOTALL)
        drawn = re.sub(r' class="(?!tempo)(?:(?!placeholder)[^"])*"', "", drawn)
        return re.sub(r">\s+<", "><", drawn)

    def text(self) -> str:
        """Return the signs as one hidden picture."""
        shapes = "".join(f'<g id="{name}">{shape}</g>' for name, shape in self.known.items())
        return f'<svg width="0" height="0" style="position:absolute"><defs>{shapes}</defs></svg>'


def page(
    gathered: Gathered, openings: Mapping[str, str], titles: Mapping[str, str], folder: Path,
    place: Path,
) -> str:  # fmt: skip
    """Return the page.

    Args:
        gathered: What it tells of.
        openings: The first lines that were engraved, by the names of their pieces.
        titles: Of rules, by their names.
        folder: Where the pieces are.
        place: Where the page will be.
    """
    glyphs = _Glyphs()
    pictures = {name: glyphs.taken(drawn) for name, drawn in openings.items()}
    data = _data(gathered, titles, os.path.relpath(folder, place))
    data["pictures"] = pictures
    told = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # What would end the script, or begin a comment in it.
    told = re.sub(r"<(?=[/!]|script)", r"\\u003c", told, flags=re.IGNORECASE)
    text = (files("cspcomposer") / "batch_page.html").read_text(encoding="utf-8")
    title = str(gathered.about.get("title") or folder.absolute().name)
    for mark, said in {
        "TITLE": escape(title), "GLYPHS": glyphs.text(), "FONT": glyphs.font, "DATA": told
    }.items():  # fmt: skip
        text = text.replace(f"<!--{mark}-->", said)
    return text


def _data(gathered: Gathered, titles: Mapping[str, str], way: str) -> dict[str, Any]:
    from cspcomposer.batch_report import MOST_COPIED, reasons

    rules = sorted({rule for line in gathered.lines for rule in line.get("cost_by_rule", {})})
    numbers = {line["id"]: number for number, line in enumerate(gathered.lines)}
    labels: dict[str, dict[str, str]] = {axis: {} for axis in gathered.axes}
    labels |= gathered.about.get("axes", {})
    places = {axis: {text: n for n, text in enumerate(known)} for axis, known in labels.items()}
    pieces = []
    for line in gathered.lines:
        cost, bound = line.get("cost", []), line.get("bound", [])
        values = []
        for axis in gathered.axes:
            said = line["inputs"].get(axis, "as it stands")
            text, table = batch_values.text(said), places[axis]
            values.append(table.setdefault(text, len(table)))
            labels[axis].setdefault(text, batch_values.label(said))
        counts = line.get("cost_by_rule", {})
        pieces.append({
            "i": line["id"], "s": line["status"], "n": line["seed"], "v": values,
            "c": cost[-1] if cost else None, "f": sum(cost[:-1]), "b": bound[-1] if bound else None,
            "t": line["seconds"]["total"], "q": line.get("beats", 0),
            "r": [counts[rule]["count"] if rule in counts else 0 for rule in rules],
            "e": [
                name.rpartition(line["id"])[2] for name in line.get("files", ())
            ],
        })  # fmt: skip
    copied: list[tuple[int, str, int, int, str]] = []
    for name, kinds in gathered.copied.items():
        for kind, found in kinds.items():
            if found.longest:
                where = (numbers[name], kind, found.longest, found.bar, found.source)
                copied.append(where)
    copied.sort(key=lambda row: -row[2])
    return {
        "about": {k: v for k, v in gathered.about.items() if k not in ("text", "axes")},
        "axes": [{"name": axis, "values": batch_values.told_apart(list(labels[axis].values()))}
                 for axis in gathered.axes],
        "rules": [[rule, titles.get(rule, rule.replace("_", " ").capitalize())] for rule in rules],
        "severity": _severities(gathered),
        "pieces": pieces,
        "way": way,
        "reasons": [[s, _numbered(r[:MOST_REASON], numbers), n]
                    for s, r, n in reasons(gathered.lines)],
        "near": [[numbers[p.one], numbers[p.other], round(p.distance, 4)]
                 for p in gathered.near],
        "nearCount": gathered.near_count,
        "corpus": gathered.corpus,
        "copied": copied[:MOST_COPIED],
        "shares": _shares(gathered),
    }  # fmt: skip


def _numbered(reason: str, numbers: Mapping[str, int]) -> str:
    """Return a reason that speaks of other pieces by their numbers, as the page does."""
    return _NAME.sub(lambda m: f"piece {numbers[m[0]] + 1}" if m[0] in numbers else m[0], reason)


def _severities(gathered: Gathered) -> dict[str, str]:
    return {
        rule: str(said["severity"])
        for line in gathered.lines
        for rule, said in line.get("cost_by_rule", {}).items()
    }


def _shares(gathered: Gathered) -> list[list[Any]]:
    """Return for each kind and size of passage the mean share that stands in the corpus."""
    out: list[list[Any]] = []
    for kind in ("tune", "voices"):
        row: list[Any] = [kind]
        for size in SIZES:
            found = [
                kinds[kind].shares[size]
                for kinds in gathered.copied.values()
                if kind in kinds and size in kinds[kind].shares
            ]
            row.append(round(sum(found) / len(found), 4) if found else None)
        if any(share is not None for share in row[1:]):
            out.append(row)
    return [["size", *SIZES], *out] if out else []
