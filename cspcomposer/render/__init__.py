"""Scores as files: one format, one module; nothing is imported before it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from cspcomposer.errors import BadInput
from cspcomposer.files import write_atomically
from cspcomposer.render.marks import Mark
from cspcomposer.score import Score

Marks = tuple[Mark, ...]
Writer = Callable[[Score, Path, str, Marks], list[Path]]


def write(
    score: Score,
    directory: Path,
    name: str,
    formats: Iterable[str],
    marks: Sequence[Mark] = (),
) -> list[Path]:
    """Write a score in each of these formats: NAME.musicxml, NAME.mid, NAME.svg...

    Pages of SVG and PNG after the first are NAME-2.svg, NAME-3.svg...

    Args:
        score: What to write.
        directory: Made if it is missing.
        name: The files' name without ending.
        formats: Keys of `FORMATS`.
        marks: Coloured notes and their labels; MIDI has none.

    Returns:
        The files, in the order of the formats.

    Raises:
        BadInput: a format that does not exist.
        BadScore: something that notation or the format cannot say.
        OSError: the disk refused; each file is whole, old or not there.
    """
    wanted = list(dict.fromkeys(formats))
    for word in wanted:
        if word not in FORMATS:
            raise BadInput(f"'{word}' is no format: expected one of {', '.join(FORMATS)}")
    return [p for word in wanted for p in FORMATS[word](score, directory, name, tuple(marks))]


def _musicxml(score: Score, directory: Path, name: str, marks: Marks) -> list[Path]:
    return _files(directory, name, "musicxml", [_text(score, marks).encode()])


def _midi(score: Score, directory: Path, name: str, marks: Marks) -> list[Path]:
    from cspcomposer.render.midi import midi

    return _files(directory, name, "mid", [midi(score)])


def _svg(score: Score, directory: Path, name: str, marks: Marks) -> list[Path]:
    from cspcomposer.render.svg import svg_pages

    return _files(
        directory, name, "svg", [page.encode() for page in svg_pages(_text(score, marks))]
    )


def _png(score: Score, directory: Path, name: str, marks: Marks) -> list[Path]:
    return _files(directory, name, "png", _sheet(score, marks, "png"))


def _pdf(score: Score, directory: Path, name: str, marks: Marks) -> list[Path]:
    return _files(directory, name, "pdf", _sheet(score, marks, "pdf"))


def _sheet(score: Score, marks: Marks, to: Literal["pdf", "png"]) -> list[bytes]:
    from cspcomposer.render.sheet import sheet

    return sheet(_text(score, marks), title=score.title, composer=score.composer, to=to)


@lru_cache(maxsize=2)
def _text(score: Score, marks: Marks) -> str:
    from cspcomposer.render.musicxml import musicxml

    return musicxml(score, marks=marks)


def _files(directory: Path, name: str, ending: str, pages: list[bytes]) -> list[Path]:
    names = [name if page == 1 else f"{name}-{page}" for page in range(1, len(pages) + 1)]
    return [
        write_atomically(directory / f"{stem}.{ending}", content)
        for stem, content in zip(names, pages, strict=True)
    ]


FORMATS: dict[str, Writer] = {
    "musicxml": _musicxml,
    "midi": _midi,
    "svg": _svg,
    "png": _png,
    "pdf": _pdf,
}
