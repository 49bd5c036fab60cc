"""A batch looked at as a whole: a page for a browser, and a table for everything else."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from cspcomposer import batch_copied, batch_page, batch_values, rulebook, study
from cspcomposer.batch_copied import Copied
from cspcomposer.batch_distinct import Gallery, Near, likeness
from cspcomposer.batch_lines import Line, about, lines, piece_data, whole_data
from cspcomposer.batch_piece import COMPOSED
from cspcomposer.files import write_atomically
from cspcomposer.score_data import scored

NEAR = 0.2
MOST_PAIRS = 100
MOST_COPIED = 50
NONE = "none"
LOST = "lost"


@dataclass(frozen=True)
class Gathered:
    """What a report tells of.

    Attributes:
        about: What the batch as a whole is.
        axes: The swept keys.
        lines: What the manifest says, a line for each piece, in order.
        near: The nearest pairs of pieces.
        near_count: How many pairs are near each other.
        copied: For each piece and kind of passage, what of it stands in the corpus.
        corpus: What was looked in, as one says it; "" for nothing.
    """

    about: Mapping[str, Any]
    axes: tuple[str, ...]
    lines: Sequence[Line]
    near: Sequence[Near]
    near_count: int
    copied: Mapping[str, Mapping[str, Copied]]
    corpus: str


def write(
    folder: Path,
    *,
    out: Path | None = None,
    pictures: int = 200,
    corpus: str = study.BACH,
    jobs: int = 1,
    console: Console | None = None,
) -> list[Path]:
    """Write report.html and report.csv; return where they are.

    Args:
        folder: What a batch wrote; it may still be running.
        out: Where to write; that folder if left out.
        pictures: How many first lines are engraved at most.
        corpus: What may have been copied from: "bach", a folder of scores, or "none".
        jobs: How many processes read the corpus.
        console: Where progress is shown, if it is a terminal.

    Raises:
        BadInput: there is no batch in that folder, or no such corpus.
    """
    names = [] if corpus == NONE else study.named([corpus])
    told = [_looked_up(folder, line) for line in lines(folder)]
    composed = [line for line in told if line["status"] in COMPOSED]
    known = None
    if names and composed:
        known = batch_copied.Corpus(batch_copied.corpus(names, jobs=jobs, console=console))
    drawn = _chosen(composed, pictures)
    gallery, copied, openings = Gallery(), dict[str, dict[str, Copied]](), dict[str, str]()
    silent = console is None or not console.is_terminal
    for line in track(
        composed, "Looking at pieces", console=console, disable=silent, transient=True
    ):
        data = whole_data(folder, line)
        score = scored(data["score"])
        gallery.add(line["id"], likeness(score, data["given"]))
        if known:
            copied[line["id"]] = {
                found.kind: known.copied(found)
                for found in batch_copied.lines(score, data["given"])
            }
        if line["id"] in drawn:
            openings[line["id"]] = batch_page.opening(score)
    near, near_count = gallery.pairs(NEAR, MOST_PAIRS)
    whole = about(folder)
    where = "Bach's chorales" if corpus == study.BACH else corpus
    gathered = Gathered(
        whole, _axes(whole, told), told, near, near_count, copied, where if known else ""
    )
    place = out or folder
    table = _table(gathered)
    page = batch_page.page(gathered, openings, _titles(), folder, place)
    return [
        write_atomically(place / "report.html", page), write_atomically(place / "report.csv", table)
    ]  # fmt: skip


def _looked_up(folder: Path, line: Line) -> Line:
    """Return a line, or that its piece is lost."""
    if line["status"] not in COMPOSED or piece_data(folder, line):
        return line
    return {**line, "status": LOST, "reason": "its files are not whole: run the batch once more."}


def _axes(whole: Mapping[str, Any], told: Sequence[Line]) -> tuple[str, ...]:
    found = dict.fromkeys(whole.get("axes", {}))
    for line in told:
        found |= dict.fromkeys(line["inputs"])
    found.pop("seed", None)
    return tuple(found)


def _chosen(composed: Sequence[Line], most: int) -> set[str]:
    """Return the names of so many pieces, from all over the batch."""
    step = max(1.0, len(composed) / max(1, most))
    places = {int(i * step) for i in range(min(most, len(composed)))}
    return {line["id"] for place, line in enumerate(composed) if place in places}


def _titles() -> dict[str, str]:
    """Return the titles of the shipped rules; those of one's own go by their names."""
    return {rule.id: rule.title for rule in rulebook.read(rulebook.rule_files())}


def _table(gathered: Gathered) -> str:
    rules = sorted({rule for line in gathered.lines for rule in line.get("cost_by_rule", {})})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = ["number", "id", "status", "seed", *gathered.axes, "strong_faults", "cost", "bound"]
    heads += ["seconds", "quarter_notes"]
    sizes = batch_copied.SIZES if gathered.corpus else ()
    kinds = (batch_copied.TUNE, batch_copied.VOICES) if gathered.corpus else ()
    heads += [f"copied_{kind}_{size}" for kind in kinds for size in sizes]
    writer.writerow([*heads, *(f"rule_{rule}" for rule in rules), "files", "reason"])
    for number, line in enumerate(gathered.lines, 1):
        cost, bound = line.get("cost", []), line.get("bound", [])
        row = [number, line["id"], line["status"], line["seed"]]
        row += [batch_values.text(line["inputs"].get(axis, "")) for axis in gathered.axes]
        row += [sum(cost[:-1]) if cost else "", *(cost[-1:] or [""]), *(bound[-1:] or [""])]
        row += [line["seconds"]["total"], line.get("beats", "")]
        found = gathered.copied.get(line["id"], {})
        for kind in kinds:
            shares = found[kind].shares if kind in found else {}
            row += [f"{shares[size]:.4f}" if size in shares else "" for size in sizes]
        counts = line.get("cost_by_rule", {})
        row += [counts[r]["count"] if r in counts else (0 if cost else "") for r in rules]
        writer.writerow([*row, " ".join(line.get("files", ())), line.get("reason", "")])
    return out.getvalue()


def reasons(told: Sequence[Line]) -> Iterator[tuple[str, str, list[int]]]:
    """Yield why there is no piece, and the numbers of those for which this is why."""
    found: dict[tuple[str, str], list[int]] = {}
    for number, line in enumerate(told, 1):
        if line["status"] not in COMPOSED:
            found.setdefault((line["status"], line.get("reason", "")), []).append(number)
    for (status, reason), numbers in sorted(found.items(), key=lambda item: -len(item[1])):
        yield status, reason, numbers
