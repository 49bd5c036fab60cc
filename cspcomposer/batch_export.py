"""A batch as a data set for others' training: records or files, in splits, with a card.

Pieces that share a given line, or are near copies of each other, are never in two splits.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cspcomposer import batch_card, facts
from cspcomposer import pitch as pitches
from cspcomposer.batch_distinct import Gallery, likeness
from cspcomposer.batch_manifest import Line, about, lines, piece_data
from cspcomposer.batch_piece import COMPOSED
from cspcomposer.errors import BadInput, Fault
from cspcomposer.facts import Outline, grid, phrases
from cspcomposer.files import write_atomically
from cspcomposer.render.midi import midi
from cspcomposer.score import Score, measure_at
from cspcomposer.score_data import scored

SPLITS = ("train", "validation", "test")
SHARES = (80, 10, 10)
NEAR = 0.1
# So many records are written to a table at a time.
TOGETHER = 500
Record = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What is exported, and where each piece belongs.

    Attributes:
        folder: The batch.
        lines: What the manifest says of the composed pieces, in order.
        splits: The split of each, by its name.
        grouped: How the splits were made: "group" or "piece".
    """

    folder: Path
    lines: Sequence[Line]
    splits: Mapping[str, str]
    grouped: str


def export(
    folder: Path, format: str, out: Path, *, splits: Sequence[int] | None = None
) -> dict[str, int]:
    """Write a batch as a data set; return how many pieces each split has.

    Args:
        folder: What a batch wrote.
        format: "jsonl", "midi" or "parquet".
        out: A folder of its own; what an earlier export wrote there is replaced.
        splits: Percentages for training, validation and test.

    Raises:
        BadInput: there is no batch, or nothing composed, or no such format.
    """
    if format not in WRITERS:
        raise BadInput(Fault(f"'{format}' is no format: expected one of {', '.join(WRITERS)}."))
    composed = [line for line in lines(folder) if line["status"] in COMPOSED]
    if not composed:
        raise BadInput(Fault("no piece of this batch is there yet.", folder))
    where, grouped = divided(folder, composed, tuple(splits or SHARES))
    told = Told(folder, composed, where, grouped)
    for name in SPLITS:
        shutil.rmtree(out / name, ignore_errors=True)
        for ending in ("jsonl", "parquet"):
            (out / f"{name}.{ending}").unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    WRITERS[format](told, out)
    counts = Counter(where[line["id"]] for line in composed)
    sizes = {name: counts[name] for name in SPLITS if counts[name]}
    text = batch_card.card(about(folder), composed, format, sizes, grouped)
    write_atomically(out / "README.md", text)
    return sizes


def divided(
    folder: Path, composed: Sequence[Line], shares: tuple[int, ...]
) -> tuple[dict[str, str], str]:
    """Return the split of each piece, and what was kept together: "group" or "piece".

    Where all pieces belong together there would be one split only; then each stands for itself.
    """
    heads = {line["id"]: line["id"] for line in composed}

    def head(name: str) -> str:
        while heads[name] != name:
            heads[name] = heads[heads[name]]
            name = heads[name]
        return name

    gallery, given = Gallery(), dict[str, str]()
    for line in composed:
        data = _data(folder, line)
        score = scored(data["score"])
        gallery.add(line["id"], likeness(score, data["given"]))
        sung = [
            [(str(n.onset), str(n.duration), n.pitch) for n in score.voice(name).notes]
            for name in data["given"] if name in {v.name for v in score.voices}
        ]  # fmt: skip
        if sung:
            first = given.setdefault(json.dumps(sung), line["id"])
            heads[head(line["id"])] = head(first)
    for pair in gallery.pairs(NEAR):
        heads[head(pair.one)] = head(pair.other)
    groups = {name: head(name) for name in heads}
    grouped = "group" if len(set(groups.values())) > 1 or len(groups) == 1 else "piece"
    if grouped == "piece":
        groups = {name: name for name in heads}
    return {name: _split(group, shares) for name, group in groups.items()}, grouped


def _split(group: str, shares: tuple[int, ...]) -> str:
    """Return the split of a group: its name's digest decides, not what else there is."""
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") % 100
    for name, share in zip(SPLITS, shares, strict=True):
        if place < share:
            return name
        place -= share
    return SPLITS[0]


def records(told: Told, split: str) -> Iterator[Record]:
    """Yield everything there is to say about the pieces of a split."""
    for line in told.lines:
        if told.splits[line["id"]] == split:
            yield record(line, _data(told.folder, line), split)


def record(line: Line, data: Mapping[str, Any], split: str) -> Record:
    """Return everything there is to say about a piece; times are in quarter notes."""
    score = scored(data["score"])
    given = set(data["given"])
    first = score.measures[0]
    return {
        "id": line["id"], "split": split, "title": score.title, "seed": line["seed"],
        "inputs": line["inputs"], "status": line["status"],
        "cost": line["cost"], "bound": line["bound"],
        "key": str(score.keys[0]) if score.keys else "", "metre": f"{first.beats}/{first.unit}",
        "tempo": float(score.tempo), "quarters": float(score.end),
        "voices": [
            {
                "name": voice.name, "given": voice.name in given,
                "notes": [
                    {"onset": float(n.onset), "duration": float(n.duration),
                     "midi": pitches.midi(n.pitch), "pitch": pitches.name(n.pitch),
                     "fermata": n.fermata}
                    for n in voice.notes
                ],
            }
            for voice in score.voices
        ],
        "measures": [
            {"number": m.number, "onset": float(m.onset), "length": float(m.length)}
            for m in score.measures
        ],
        "keys": [{"onset": float(k.onset), "key": str(k)} for k in score.keys],
        "chords": [
            {"onset": float(c.onset), "numeral": c.numeral, "inversion": c.inversion,
             "figured": c.figured}
            for c in score.chords
        ],
        "form": list(_form(score, data["specification"].get("phrases", ()))),
        "violations": [
            {"rule": v["rule"], "severity": v["severity"], "bar": v["bar"],
             "beat": str(v["beat"]), "message": v["message"]}
            for v in data["violations"]
        ],
        "facts": facts.facts(Outline(score, tuple(c.onset for c in score.chords))),
    }  # fmt: skip


def _form(score: Score, asked: Sequence[Mapping[str, Any]]) -> Iterator[Record]:
    """Yield the phrases: where each begins and ends, how it was to close, on which chord it does.

    Args:
        score: The piece.
        asked: The phrases of its specification; none where that says only how long it is.
    """
    times = grid(Outline(score, tuple(chord.onset for chord in score.chords)))
    for number, (begin, arrival, last) in enumerate(phrases(score, times)):
        chord = next((c for c in reversed(score.chords) if c.onset <= arrival), None)
        key = next((k for k in reversed(score.keys) if k.onset <= arrival), None)
        said = asked[number] if number < len(asked) else {}
        yield {
            "phrase": number + 1, "onset": float(begin), "arrival": float(arrival),
            "last": float(last), "from_bar": measure_at(score, begin).number,
            "to_bar": measure_at(score, arrival).number, "cadence": said.get("cadence", "any"),
            "ends_on": chord.figured if chord else "", "key": str(key) if key else "",
        }  # fmt: skip


def _data(folder: Path, line: Line) -> dict[str, Any]:
    found = piece_data(folder, line)
    if not found:
        hint = "Run the batch once more: it composes again what is not whole."
        raise BadInput(Fault(f"the files of {line['id']} are not whole.", folder, hint=hint))
    return found


@contextmanager
def _begun(path: Path) -> Iterator[Path]:
    """Give a file another name until it is whole."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _jsonl(told: Told, out: Path) -> None:
    for split in _there(told):
        with (
            _begun(out / f"{split}.jsonl") as path,
            path.open("w", encoding="utf-8") as file,
        ):
            for one in records(told, split):
                file.write(json.dumps(one, ensure_ascii=False) + "\n")


def _midi(told: Told, out: Path) -> None:
    for split in _there(told):
        (out / split).mkdir(parents=True, exist_ok=True)
        with (
            _begun(out / split / "metadata.jsonl") as path,
            path.open("w", encoding="utf-8") as file,
        ):
            for line in told.lines:
                if told.splits[line["id"]] != split:
                    continue
                score = scored(_data(told.folder, line)["score"])
                name = f"{line['id']}.mid"
                (out / split / name).write_bytes(midi(score))
                more = {"file_name": name, "key": str(score.keys[0]) if score.keys else ""}
                more |= {name: line[name] for name in ("inputs", "seed", "status", "cost")}
                file.write(json.dumps(more, ensure_ascii=False) + "\n")


def _parquet(told: Told, out: Path) -> None:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        hint = "Install it with: pip install 'cspcomposer[parquet]'; or export as jsonl."
        raise BadInput(
            Fault("--format parquet needs pyarrow, which is not installed.", hint=hint)
        ) from None
    for split in _there(told):
        with _begun(out / f"{split}.parquet") as path:
            writer = None
            for several in _together(records(told, split), TOGETHER):
                # What was swept differs from batch to batch, in kind too: it is a text here.
                rows = [one | {"inputs": json.dumps(one["inputs"])} for one in several]
                table = arrow.Table.from_pylist(rows, schema=_schema(arrow))
                writer = writer or parquet.ParquetWriter(path, table.schema)
                writer.write_table(table)
            if writer:
                writer.close()


def _schema(arrow: Any) -> Any:
    text, real, whole, yes = arrow.string(), arrow.float64(), arrow.int64(), arrow.bool_()

    def rows(**fields: Any) -> Any:
        return arrow.list_(arrow.struct(fields.items()))

    notes = rows(onset=real, duration=real, midi=whole, pitch=text, fermata=yes)
    return arrow.schema({
        "id": text, "split": text, "title": text, "seed": whole, "inputs": text, "status": text,
        "cost": arrow.list_(whole), "bound": arrow.list_(whole), "key": text, "metre": text,
        "tempo": real, "quarters": real, "voices": rows(name=text, given=yes, notes=notes),
        "measures": rows(number=whole, onset=real, length=real), "keys": rows(onset=real, key=text),
        "chords": rows(onset=real, numeral=text, inversion=whole, figured=text),
        "form": rows(phrase=whole, onset=real, arrival=real, last=real, from_bar=whole,
                     to_bar=whole, cadence=text, ends_on=text, key=text),
        "violations": rows(rule=text, severity=text, bar=whole, beat=text, message=text),
        "facts": text,
    })  # fmt: skip


def _together(several: Iterator[Record], count: int) -> Iterator[list[Record]]:
    rows: list[Record] = []
    for one in several:
        rows.append(one)
        if len(rows) == count:
            yield rows
            rows = []
    if rows:
        yield rows


def _there(told: Told) -> list[str]:
    return [name for name in SPLITS if name in set(told.splits.values())]


WRITERS: dict[str, Callable[[Told, Path], None]] = {
    "jsonl": _jsonl, "midi": _midi, "parquet": _parquet,
}  # fmt: skip
