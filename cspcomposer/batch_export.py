"""A batch as a data set for others' training: records or files, in splits, with a card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cspcomposer import batch_card, batch_owned
from cspcomposer.batch_lines import Line, about, lines, whole_data
from cspcomposer.batch_piece import COMPOSED
from cspcomposer.batch_record import Record, record, schema
from cspcomposer.batch_splits import SHARES, SPLITS, divided
from cspcomposer.errors import BadInput, Fault
from cspcomposer.files import write_atomically
from cspcomposer.render.midi import midi
from cspcomposer.score_data import scored

CARD = "README.md"
# So many records are written to a table at a time.
TOGETHER = 500


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
    """Write a batch as a data set; return how many pieces each split has that was to have some.

    Args:
        folder: What a batch wrote.
        format: "jsonl", "midi" or "parquet".
        out: A folder of its own; what an earlier export wrote there is replaced, nothing else.
        splits: Percentages for training, validation and test.

    Raises:
        BadInput: there is no batch, or nothing composed, or no such format; or the folder holds
            something that no export wrote.
    """
    if format not in WRITERS:
        raise BadInput(Fault(f"'{format}' is no format: expected one of {', '.join(WRITERS)}."))
    composed = [line for line in lines(folder) if line["status"] in COMPOSED]
    if not composed:
        raise BadInput(Fault("no piece of this batch is there yet.", folder))
    where, grouped = divided(folder, composed, tuple(splits or SHARES))
    told = Told(folder, composed, where, grouped)
    if format == "parquet":
        _arrow()
    batch_owned.claim(out, [CARD, *_names(told, format)])
    WRITERS[format](told, out)
    counts = Counter(where[line["id"]] for line in composed)
    sizes = {name: counts[name] for name in SPLITS if counts[name]}
    text = batch_card.card(about(folder), composed, format, sizes, grouped)
    write_atomically(out / CARD, text)
    asked = zip(SPLITS, splits or SHARES, strict=True)
    return {name: counts[name] for name, share in asked if share or counts[name]}


def _names(told: Told, format: str) -> Iterator[str]:
    """Yield the files that are written beside the card."""
    for split in _there(told):
        yield f"{split}.{format}" if format != "midi" else f"{split}/metadata.jsonl"
    if format == "midi":
        yield from (f"{told.splits[line['id']]}/{line['id']}.mid" for line in told.lines)


def records(told: Told, split: str) -> Iterator[Record]:
    """Yield everything there is to say about the pieces of a split."""
    for line in told.lines:
        if told.splits[line["id"]] == split:
            yield record(line, whole_data(told.folder, line), split)


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
                score = scored(whole_data(told.folder, line)["score"])
                name = f"{line['id']}.mid"
                (out / split / name).write_bytes(midi(score))
                more = {"file_name": name, "key": str(score.keys[0]) if score.keys else ""}
                more |= {name: line[name] for name in ("inputs", "seed", "status", "cost")}
                file.write(json.dumps(more, ensure_ascii=False) + "\n")


def _parquet(told: Told, out: Path) -> None:
    arrow, parquet = _arrow()
    for split in _there(told):
        with _begun(out / f"{split}.parquet") as path:
            writer = None
            for several in _together(records(told, split), TOGETHER):
                # What was swept differs from batch to batch, in kind too: it is a text here.
                rows = [one | {"inputs": json.dumps(one["inputs"])} for one in several]
                table = arrow.Table.from_pylist(rows, schema=schema(arrow))
                writer = writer or parquet.ParquetWriter(path, table.schema)
                writer.write_table(table)
            if writer:
                writer.close()


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        hint = "Install it with: pip install 'cspcomposer[parquet]'; or export as jsonl."
        raise BadInput(
            Fault("--format parquet needs pyarrow, which is not installed.", hint=hint)
        ) from None
    return pyarrow, parquet


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
