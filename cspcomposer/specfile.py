"""Read a specification file: every fault at once, each with its place; and all given lines.

The file's suffix says what it is: ``.json``, ``.toml``, else YAML 1.2. Solves nothing, and reads
no score: a given MusicXML file is only looked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cspcomposer import document as documents
from cspcomposer import metre as metres
from cspcomposer import specwords, tomlfile, yamlfile
from cspcomposer.document import Document
from cspcomposer.errors import BadInput, BadSpec, Fault, counted
from cspcomposer.figures import Figures, figured_bass
from cspcomposer.metre import Metre
from cspcomposer.notation import GivenNote, melody
from cspcomposer.romantext import Numeral, numerals
from cspcomposer.romantext import read as read_numerals
from cspcomposer.spec import FileSource, Spec
from cspcomposer.specfile_named import references

MOST_FAULTS = 100
SCORES = (".musicxml", ".xml", ".mxl", ".mid", ".midi", ".abc", ".krn")


@dataclass(frozen=True)
class LoadedSpec:
    """A specification, what its texts say, and where everything stands.

    Attributes:
        spec: What was asked for.
        path: The file.
        sha256: Of the file's bytes.
        melodies: The notes given as text, by voice; voices given as files are in `spec.given`.
        figures: The figured bass; empty if none is given.
        numerals: The Roman numerals; empty if none are given.
        places: Line and column of each key, by its dotted name; list items count from 1.
    """

    spec: Spec
    path: Path
    sha256: str
    melodies: Mapping[str, tuple[GivenNote, ...]]
    figures: tuple[Figures, ...]
    numerals: tuple[Numeral, ...]
    places: Mapping[str, tuple[int, int]]

    @property
    def bars(self) -> int | None:
        """How many bars the piece has, the pick-up not counted; None if only files would tell."""
        if self.spec.length is not None:
            return self.spec.length
        if any(isinstance(g, FileSource) and k != "numerals" for k, g in self.spec.given.items()):
            return None
        ends = [n.end for notes in self.melodies.values() for n in notes]
        ends += [f.onset + f.duration for f in self.figures]
        bars = [-((self.spec.pickup - end) // self.spec.metre.full) for end in ends]
        return max([1, *map(int, bars), *(n.measure for n in self.numerals)])

    def place(self, key: str, index: int | None = None) -> tuple[int, int]:
        """Return line and column of a key, or of what encloses it.

        Args:
            key: Dotted: ``given.soprano``, ``phrases.2.cadence``.
            index: Which note, figure or numeral of a given text, from 0.
        """
        if index is not None:
            name = key.removeprefix("given.")
            items: Mapping[str, tuple[GivenNote | Figures | Numeral, ...]] = {
                **self.melodies,
                "figures": self.figures,
                "numerals": self.numerals,
            }
            for item in items.get(name, ())[index : index + 1]:
                return item.line, item.column
        while key and key not in self.places:
            key = key.rpartition(".")[0]
        return self.places.get(key, (1, 1))

    def fault(self, key: str, message: str, hint: str = "", index: int | None = None) -> Fault:
        """Return a fault that points into the specification."""
        return Fault(message, self.path, *self.place(key, index), key, hint)

    def file(self, name: str) -> Path:
        """Return a file named in the specification, found from its folder."""
        return self.path.parent / name


def load(path: Path) -> LoadedSpec:
    """Return the specification in a file.

    Raises:
        BadSpec: it cannot be read or understood; carries every fault.
    """
    if path.suffix.lower() in SCORES and path.is_file():
        line = f"given: {{soprano: {{file: {path.name}}}}}"
        raise BadSpec(
            Fault("this is a score, not a specification.", path,
                  hint=f"Name it in one, such as a file piece.yaml with {line}.")
        )  # fmt: skip
    return parse(documents.load(path), path)


def parse(raw: bytes, path: Path) -> LoadedSpec:
    """Return the specification in some bytes.

    Args:
        raw: The file's content.
        path: Its name, for messages and its suffix; relative files start at its folder.

    Raises:
        BadSpec: it cannot be understood; carries every fault.
    """
    return understood(opened(raw, path), hashlib.sha256(raw).hexdigest())


def opened(raw: bytes, path: Path) -> Document:
    """Return some bytes as data with places; what its keys mean is not looked at.

    Raises:
        BadSpec: the syntax is wrong.
    """
    document = documents.opened(raw, path)
    suffix = path.suffix.lower()
    data: Any
    if suffix == ".toml":
        data = tomlfile.read(document)
    else:
        data = yamlfile.read(document, json=suffix == ".json")
    if not isinstance(data, dict):
        document.stop(0, "expected keys and values, such as 'bars: 8'.")
    document.data = data
    return document


def understood(document: Document, sha256: str) -> LoadedSpec:
    """Return the specification in a document.

    Args:
        document: The data, with places for messages.
        sha256: A digest of what the data came from.

    Raises:
        BadSpec: it cannot be understood; carries every fault.
    """
    path, data = document.path, document.data
    spec, faults = None, list(document.faults)
    try:
        spec = Spec.model_validate(data)
    except ValidationError as error:
        faults += specwords.faults(document, error.errors(include_url=False))
    texts = _Texts(document, spec)
    faults += texts.faults
    if spec:
        faults += texts.too_long(spec) if not faults else []
        faults += _missing_files(document, spec)
    if faults or spec is None:
        raise BadSpec(*_in_order(faults))
    if spec.style.endswith(".lp"):
        spec = spec.model_copy(update={"style": str(path.parent / spec.style)})
    return LoadedSpec(
        spec=spec,
        path=path,
        sha256=sha256,
        melodies=texts.melodies,
        figures=texts.figures,
        numerals=texts.numerals,
        places={documents.dotted(way): document.place(way, key=True) for way in document.keys}
        | {documents.dotted(way): document.place(way, key=True) for way in document.values if way},
    )


class _Texts:
    """What the texts under ``given`` say; read even where the rest of the file is wrong."""

    def __init__(self, document: Document, spec: Spec | None) -> None:
        self.document = document
        self.faults: list[Fault] = []
        self.melodies: dict[str, tuple[GivenNote, ...]] = {}
        self.figures: tuple[Figures, ...] = ()
        self.numerals: tuple[Numeral, ...] = ()
        metre, pickup = (spec.metre, spec.pickup) if spec else _bar(document.data)
        given = document.data.get("given")
        for key, value in given.items() if isinstance(given, dict) else ():
            if isinstance(value, str):
                self.read(key, value, metre, pickup)
            elif key == "numerals" and isinstance(value, dict) and spec:
                self.read_file(str(value.get("file", "")))

    def read(self, key: str, text: str, metre: Metre | None, pickup: Fraction) -> None:
        passage = self.document.passage(("given", key), text)
        if found := re.search("[\a\b\t\v\f\r\x1b]", text):
            letter = dict(zip("\a\b\t\v\f\r\x1b", "abtvfre", strict=True))[found[0]]
            say = f"in double quotes \\{letter} means another character."
            hint = "Put the text behind a | on lines of its own."
            if found[0] != "\t" or passage.source[passage.origins[found.start()]] != "\t":
                self.faults.append(passage.fault(found.start(), say, hint))
                return
        if key == "figures":
            self.figures, faults = figured_bass(passage, metre, pickup)
        elif key == "numerals":
            self.numerals, faults = numerals(passage, metre)
        else:
            self.melodies[key], faults = melody(passage, metre, pickup)
        self.faults += faults

    def read_file(self, name: str) -> None:
        path = self.document.path.parent / name
        if not _exists(path):
            return
        try:
            self.numerals = read_numerals(path)
        except BadInput as error:
            line, column = self.document.place(("given", "numerals", "file"))
            key = "given.numerals.file"
            message = f"{name} cannot be used: {counted(len(error.faults), 'fault')} in it."
            self.faults.append(Fault(message, self.document.path, line, column, key))
            self.faults += error.faults

    def too_long(self, spec: Spec) -> list[Fault]:
        """Return where a given text goes on behind the piece's end, or begins before it."""
        faults: list[Fault] = []

        def complain(key: str, line: int, column: int, message: str, hint: str = "") -> None:
            faults.append(Fault(message, self.document.path, line, column, f"given.{key}", hint))

        for numeral in self.numerals[:1]:
            missing = (spec.metre.full - spec.pickup) / spec.metre.pulse
            if numeral.measure == 0 and numeral.beat < missing + 1:
                first = metres.written(missing + 1)
                say = f"m0 begins before the pick-up: expected b{first} or later."
                if not spec.pickup:
                    say = "m0 is a pick-up, and the piece has none: see 'pickup'."
                complain("numerals", numeral.line, numeral.column, say)
        if spec.length is None:
            return faults
        end = spec.pickup + spec.length * spec.metre.full
        hint = f"The piece has {counted(spec.length, 'bar')}; write more bars, or less music."
        lines: dict[str, tuple[GivenNote, ...] | tuple[Figures, ...]] = dict(self.melodies)
        lines["figures"] = self.figures
        for key, items in lines.items():
            for item in items:
                if item.onset + item.duration > end:
                    complain(key, item.line, item.column, "sounds behind the piece's end.", hint)
                    break
        for numeral in self.numerals:
            if numeral.measure > spec.length:
                message = f"m{numeral.measure} lies behind the piece's end."
                complain("numerals", numeral.line, numeral.column, message, hint)
                break
        return faults


def _bar(data: dict[str, Any]) -> tuple[Metre | None, Fraction]:
    """Return metre and pick-up of a file that is wrong elsewhere; no metre where it is wrong."""
    part = {key: data[key] for key in ("metre", "pickup") if key in data}
    try:
        known = Spec.model_validate({"bars": 1, **part})
    except ValidationError:
        return None, Fraction(0)
    return known.metre, known.pickup


def _missing_files(document: Document, spec: Spec) -> list[Fault]:
    """Return a fault for each file and folder that the specification names and nobody finds."""
    faults = []
    for way, name, folder in references(spec):
        path = document.path.parent / name
        if not _exists(path, folder=folder):
            kind = "folder" if folder else "file"
            message = f"no such {kind}: {path}."
            faults.append(
                Fault(message, document.path, *document.place(way), documents.dotted(way))
            )
    return faults


def _exists(path: Path, *, folder: bool = False) -> bool:
    try:
        return path.is_dir() if folder else path.is_file()
    except (OSError, ValueError):  # names that no file can have
        return False


def _in_order(faults: list[Fault]) -> list[Fault]:
    """Return faults in the order of the file, none twice, the first hundred."""
    here = faults[0].file if faults else None
    unique = sorted(dict.fromkeys(faults), key=lambda f: (f.file != here, f.line, f.column))
    if len(unique) > MOST_FAULTS:
        last = unique[MOST_FAULTS]
        more = Fault(f"and {len(unique) - MOST_FAULTS} more.", last.file, last.line, last.column)
        return [*unique[:MOST_FAULTS], more]
    return unique
