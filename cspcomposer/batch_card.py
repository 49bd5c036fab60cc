"""The card of a data set: what is in it, how it was made, and what it is not. Knows no music."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cspcomposer import batch_values
from cspcomposer.batch_lines import Line
from cspcomposer.errors import counted

_SIZES = ((1000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**9, "100K<n<1M"))
_FIELDS = """
| field | what it is |
|---|---|
| `id` | of everything that the piece was made from: specification, seed, rules, versions |
| `inputs`, `seed` | the swept values that it was composed with |
| `status`, `cost`, `bound` | `optimal` is proven; the cost: strong faults, then tenths of a nat; \
none costs less than the bound |
| `key`, `metre`, `tempo`, `quarters` | as at the beginning; quarter notes in a minute; length |
| `voices` | from the highest to the lowest: notes with onset and duration in quarter notes, MIDI \
number and spelled pitch; `given` voices were not composed |
| `measures`, `keys`, `chords` | by onset; chords as Roman numerals in the key in force |
| `sections` | of a planned form: place in it ("2.1" is part of "2"), label, what it is made as, \
bars, key, which one returns and how it is changed |
| `form` | phrases: where each begins, arrives and ends, the cadence asked for, the chord reached, \
its section and the label of the part of the form |
| `violations` | the rules that the piece breaks, with severity, bar and beat |
| `facts` | the piece as facts for answer-set programs, in the words of CSPComposer's rules |
"""
_FILES = {
    "jsonl": "`{split}.jsonl`: a JSON object on each line.",
    "parquet": "`{split}.parquet`; `inputs` is JSON in a text column.",
    "midi": "`{split}/`: MIDI files, and `metadata.jsonl` beside them.",
}
_GROUPED = {
    "group": "Pieces with the same given line, and pieces that differ in less than a tenth of "
    "their places, are in one split.",
    "piece": "All pieces share a given line or are near copies, so each piece was put in a split "
    "by itself: **the splits are not independent**.",
}


def card(
    about: Mapping[str, Any], lines: Sequence[Line], format: str, splits: Mapping[str, int],
    grouped: str,
) -> str:  # fmt: skip
    """Return the card as Markdown, with a head that data set hubs read.

    Args:
        about: What the batch as a whole is.
        lines: What its manifest says of the pieces.
        format: What was exported.
        splits: How many pieces each split has.
        grouped: What was kept together, see `batch_splits`.
    """
    title = about.get("title") or "A batch"
    size = next(word for limit, word in _SIZES if len(lines) < limit)
    head = ["---", f"pretty_name: {_quoted(str(title))}"]
    head += ["tags: [music, symbolic-music, synthetic]", f"size_categories: [{size}]"]
    if format in ("jsonl", "parquet"):
        head += ["configs:", "- config_name: default", "  data_files:"]
        head += [f"  - {{split: {name}, path: {name}.{format}}}" for name in splits]
    head += ["---", ""]
    beats = sum(line.get("beats", 0) for line in lines)
    keys = Counter(line["status"] for line in lines)
    proven = f", {keys['optimal']} of them proven best" if keys["optimal"] else ""
    body = [
        f"# {title}",
        "",
        f"{counted(len(lines), 'piece')} of music, {beats:,.0f} quarter notes{proven}: composed by "
        "a program, CSPComposer, from rules of harmony and voice leading. No person wrote them.",
        "",
        f"Files: {_FILES[format].format(split='{split}')}",
        "",
        "| split | pieces |",
        "|---|--:|",
        *(f"| {name} | {count} |" for name, count in splits.items()),
        "",
        _GROUPED[grouped],
        "",
        "## What varies",
        "",
        *_axes(about),
        "",
        *(["## Fields", "", _FIELDS.strip("\n"), ""] if format != "midi" else []),
        "## What it was made from",
        "",
        *_origin(about, lines),
        "",
        "## What it is not",
        "",
        "* The music keeps rules that were written down and measured on Bach's chorales; it is no "
        "sample of what people compose, and what breaks those rules on purpose is not in it.",
        *_priors(lines),
        "* Chords and phrases are what the program meant, not a listener's analysis.",
        "* Pieces that came to nothing are not in it; the batch's manifest names them.",
        "",
        "The rights in composed pieces are yours to settle; CSPComposer claims none.",
    ]
    return "\n".join([*head, *body]) + "\n"


def _axes(about: Mapping[str, Any]) -> list[str]:
    axes = about.get("axes", {})
    out = []
    for axis, known in axes.items():
        values = batch_values.told_apart(list(known.values()))
        some = ", ".join(map(str, values[:12])) + (", ..." if len(values) > 12 else "")
        out.append(f"* `{axis}`: {some}")
    seeds = about.get("seeds", 0)
    return [*out, *([f"* `seed`: {seeds} of them"] if seeds > 1 else [])] or ["* nothing"]


def _origin(about: Mapping[str, Any], lines: Sequence[Line]) -> list[str]:
    versions = {f"{n} {v}" for line in lines for n, v in line.get("versions", {}).items()}
    rules = sorted({line["sha256"]["rules"] for line in lines if "rules" in line["sha256"]})
    out = [f"* Programs: {', '.join(sorted(versions))}"]
    out.append(f"* Rule files, SHA-256: {', '.join(f'`{rule}`' for rule in rules)}")
    if about.get("text"):
        name = about.get("specification", "")
        text = str(about["text"]).rstrip()
        out += [f"* The specification, `{name}`:", "", "```yaml", text, "```"]
    return out


def _priors(lines: Sequence[Line]) -> list[str]:
    if any("network" in line["sha256"] for line in lines):
        return ["* What was preferred among correct answers was learnt from Bach's chorales by a "
                "small network, in whose spirit the pieces are."]  # fmt: skip
    return []


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
