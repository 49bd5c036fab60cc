"""Scores out of files: MusicXML, MIDI, ABC and Humdrum, one to eight voices.

music21 parses; what is asked of a file, and what is said of a bad one, is decided here. Whatever
goes wrong is a `BadScore` that names the file. Knows files, not rules.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from cspcomposer import cache as kept
from cspcomposer import read_measures, read_midi, read_musicxml, read_parts, read_voices
from cspcomposer.corpus import CHORALE_PARTS, bach_chorales, path_of
from cspcomposer.errors import BadScore, Fault
from cspcomposer.read_parts import Choice, Line
from cspcomposer.score import Score

__all__ = ["bach_chorales", "read", "read_chorale", "read_corpus", "titles"]

FORMATS = {
    ".musicxml": "MusicXML",
    ".xml": "MusicXML",
    ".mxl": "MusicXML",
    ".mid": "MIDI",
    ".midi": "MIDI",
    ".abc": "ABC",
    ".krn": "Humdrum",
}
_READABLE = "MusicXML (.musicxml, .xml, .mxl), MIDI (.mid), ABC (.abc) and Humdrum (.krn)"
_FOREIGN = {
    ".mscz": "MuseScore's own .mscz: in MuseScore, export it as MusicXML.",
    ".mscx": "MuseScore's own .mscx: in MuseScore, export it as MusicXML.",
    ".sib": "Sibelius's own .sib: in Sibelius, export it as MusicXML.",
    ".mus": "Finale's own .mus: in Finale, export it as MusicXML.",
    ".musx": "Finale's own .musx: in Finale, export it as MusicXML.",
    ".ly": "LilyPond's source: export it as MIDI, or import it elsewhere and export MusicXML.",
    ".pdf": "a PDF, a picture of music: scan it with a music reader that exports MusicXML.",
    ".mei": "an MEI file: export it as MusicXML.",
} | dict.fromkeys(
    (".yaml", ".yml", ".json", ".toml"), "a specification: `cspcomposer compose` takes it."
)
_MAX_BYTES = 50_000_000
# Numbers in the music of a text format that would make one note last for ever.
_ENDLESS = {
    "ABC": re.compile(r"^(?:[MLQ]:|(?![A-Za-z]:|%))[^\"\n%]*?(\d{4,}|\d{3,}/\d)", re.MULTILINE),
    "Humdrum": re.compile(r"^(?![!=*])(?:.*\t)?[^\t=*\n]*?(\d{4,})", re.MULTILINE),
}
_TITLE = re.compile(r"^T:\s*(.*?)\s*$", re.MULTILINE)
_TUNE = re.compile(r"^(?=X:)", re.MULTILINE)


def read(path: Path | str, *, part: Choice = None, tune: int | None = None) -> Score:
    """Return the score in a file.

    Args:
        path: A MusicXML, MIDI, ABC or Humdrum file.
        part: The parts to read: a name or its first word, a number from 1, or several of these.
            None reads every part.
        tune: Which tune of an ABC file that holds several, from 1.

    Raises:
        BadScore: the file cannot be read; every fault names the file, and the bar where known.
    """
    path = Path(path)
    try:
        content = _content(path)
        kind = _kind(path, content)
        if kind == "ABC":
            content = _one_tune(content, tune)
        name = kept.key(content, kind, repr(part), _reader())
        score = kept.load(name)
        if score is None:
            score = _score(content, kind, part)
            kept.store(name, score)
    except BadScore as error:
        raise BadScore(*(replace(f, file=path) for f in error.faults)) from error
    return score


def read_corpus(name: str, *, part: Choice = None, tune: int | None = None) -> Score:
    """Return a score of music21's corpus: "bach/bwv66.6"; see `read`."""
    return read(path_of(name), part=part, tune=tune)


def read_chorale(name: str) -> Score:
    """Return the four voices of one of `bach_chorales`, without its instruments."""
    return read_corpus(name, part=CHORALE_PARTS)


def titles(path: Path | str) -> list[str]:
    """Return the titles of the tunes in an ABC file, in order; "" for one without."""
    _, tunes = _tunes(_content(Path(path)))
    return _titles(tunes)


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise BadScore(Fault("This is a folder; a score file was expected.", file=path))
    ending = path.suffix.lower()
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BadScore(Fault(f"The file is larger than {_MAX_BYTES // 10**6} MB.", file=path))
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadScore(Fault("There is no such file.", file=path)) from None
    except OSError as error:
        raise BadScore(Fault(f"The file cannot be opened: {error.strerror}.", file=path)) from error
    if ending in _FOREIGN:
        raise BadScore(Fault(f"This is {_FOREIGN[ending]}", file=path))
    if not content.strip():
        raise BadScore(Fault("The file is empty.", file=path))
    return content


def _kind(path: Path, content: bytes) -> str:
    """Return the format, by the file's ending and what stands in it."""
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"%PDF"):
        raise BadScore(Fault(f"This is {_FOREIGN['.pdf']}"))
    if start.startswith(b"PK") and b".mscx" in content:
        raise BadScore(Fault(f"This is {_FOREIGN['.mscz']}"))
    expected = FORMATS.get(path.suffix.lower())
    if expected is None:
        raise BadScore(
            Fault(f"Files ending in '{path.suffix}' are not read.", hint=f"What is: {_READABLE}.")
        )
    fits = {
        "MusicXML": start.startswith((b"<", b"PK")) or start[:2] in (b"\xff\xfe", b"\xfe\xff"),
        "MIDI": start.startswith((b"MThd", b"RIFF")),
        "ABC": re.search(rb"^[XK]:", content, re.MULTILINE) is not None,
        "Humdrum": b"**" in content,
    }
    if not fits[expected]:
        really = [kind for kind, fit in fits.items() if fit and kind != expected]
        looks = f"; it looks like {really[0]}" if really else ""
        raise BadScore(
            Fault(f"The file's ending says {expected}, but what stands in it does not{looks}.")
        )
    return expected


def _tunes(content: bytes) -> tuple[str, list[str]]:
    text = _decoded(content).replace("\r\n", "\n").replace("\r", "\n")
    head, *tunes = _TUNE.split(text)
    return (head, tunes) if tunes else ("", [text])


def _titles(tunes: Sequence[str]) -> list[str]:
    found = map(_TITLE.search, tunes)
    return [match[1] if match else "" for match in found]


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _one_tune(content: bytes, tune: int | None) -> bytes:
    head, tunes = _tunes(content)
    if tune is None and len(tunes) > 1:
        names = _titles(tunes)
        listed = ", ".join(f"{i} {name}".strip() for i, name in enumerate(names[:20], 1))
        more = ", ..." if len(names) > 20 else ""
        hint = f"Say which tune: {listed}{more}."
        raise BadScore(Fault(f"The file holds {len(tunes)} tunes.", hint=hint))
    if tune is not None and not 1 <= tune <= len(tunes):
        raise BadScore(Fault(f"There is no tune {tune}: the file holds {len(tunes)}."))
    return (head + tunes[(tune or 1) - 1]).encode()


@cache
def _reader() -> str:
    """Return a name for this very reader: a kept score is not used when the reader has changed."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("read*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _score(content: bytes, kind: str, choice: Choice) -> Score:
    try:
        with _quiet():
            return _built(content, kind, choice)
    except BadScore:
        raise
    except Exception as error:  # music21 raises anything on a file that it does not understand
        lines = str(error).strip().splitlines()
        reason = f"{type(error).__name__}{f': {lines[0][:150]}' if lines else ''}"
        raise BadScore(
            Fault(
                f"The score could not be read as {kind} ({reason}).",
                hint="Open it in a notation program and export it as MusicXML again.",
            )
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep music21's warnings off the screen."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _built(content: bytes, kind: str, choice: Choice) -> Score:
    stream, parts = _parsed(content, kind, choice)
    bars = [(p, read_measures.bars_of(p)) for p in parts]
    bars = [(p, b) for p, b in bars if b]
    if not bars:
        raise BadScore(Fault("There are no notes in it.", hint="Is this the right file, or part?"))
    frame, placed = read_measures.frame(stream, [b for _, b in bars])
    spell = read_voices.spelled_as_written
    if kind == "MIDI":
        centre, frame = read_midi.centre(stream, frame)
        spell = partial(read_midi.spelled, centre=centre)
    # Where a format states no clef, the clefs in the stream are music21's guesses.
    stated = kind != "MIDI" and (kind != "ABC" or b"clef=" in content)
    lines: list[Line] = []
    for (part, measures), starts in zip(bars, placed, strict=True):
        name = str(part.partName or "")
        for notes in read_voices.lines_of(measures, starts, name=name, frame=frame, spell=spell):
            clef = read_parts.clef_of(measures if stated else (), notes)
            lines.append(Line(name, clef, notes))
    voices = read_parts.voices(lines)
    ends = tuple(n.onset for n in voices[0].notes if n.fermata)
    return replace(frame, voices=voices, phrase_ends=ends)


def _parsed(content: bytes, kind: str, choice: Choice) -> tuple[Any, list[Any]]:
    """Return the music21 score at sounding pitch, and those of its parts that are asked for."""
    if kind == "MusicXML":
        text = read_musicxml.unpack(content) if content.startswith(b"PK") else content
        stream = read_musicxml.parse(text, lambda names: read_parts.chosen(names, choice))
        parts = list(stream.parts)
    else:
        midi = kind == "MIDI"
        stream = read_midi.parse(content) if midi else _from_text(_decoded(content), kind)
        parts = list(stream.parts)
        places = read_parts.chosen([str(p.partName or "") for p in parts], choice)
        parts = [parts[i] for i in places]
    for part in parts:
        if any(i.transposition for i in part.recurse().getElementsByClass("Instrument")):
            part.toSoundingPitch(inPlace=True)
    return stream, parts


def _from_text(text: str, kind: str) -> Any:
    """Return the music21 score of ABC or Humdrum text."""
    endless = _ENDLESS[kind].search(text)
    if endless:
        line = text.count("\n", 0, endless.start(1)) + 1
        raise BadScore(Fault(f"No note has a length such as {endless[1][:20]}.", line=line))
    from music21 import converter

    return converter.parseData(text, format={"ABC": "abc", "Humdrum": "humdrum"}[kind])
