"""MusicXML text made safe for music21: unpacked, checked, and stripped of what is not used.

Everything that can be said about a faulty file is said here, with its bar, because what a
notation library raises later names neither. Knows MusicXML's elements, and no music21 object but
the one it returns.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Collection
from fractions import Fraction
from typing import Any

from cspcomposer.errors import BadScore, Fault

MAX_UNPACKED = 50_000_000
MAX_NOTES = 200_000
MAX_QUARTERS = 256  # the longest single duration that is believed

_EXPORT = "Export it as uncompressed, partwise MusicXML."
_FOREIGN_ROOTS = {
    "museScore": "MuseScore's own format: in MuseScore, export it as MusicXML.",
    "score-timewise": f"a timewise score. {_EXPORT}",
    "opus": "a list of scores: read one of them.",
    "mei": f"an MEI file. {_EXPORT}",
    "html": "a web page, not a score: download the file itself.",
}
_NOTE_KEEPS = {
    "pitch", "rest", "unpitched", "chord", "duration", "voice", "staff", "tie", "lyric",
    "notations",
}  # fmt: skip
_MEASURE_KEEPS = {"note", "backup", "forward", "attributes", "direction"}
_LYRIC_KEEPS = {"text", "syllabic", "elision"}


def unpack(content: bytes) -> bytes:
    """Return the score inside a compressed MusicXML file (.mxl).

    Raises:
        BadScore: not such an archive, or one that would unpack to more than 50 MB.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            inner = next((n for n in names if _is_score_name(n)), None)
            if "META-INF/container.xml" in names:
                container = _taken(archive, "META-INF/container.xml").decode("utf-8", "replace")
                named = re.search(r"full-path=[\"']([^\"']+)[\"']", container)
                inner = named[1] if named and named[1] in names else inner
            if inner is None:
                raise BadScore(Fault("The archive holds no MusicXML score.", hint=_EXPORT))
            return _taken(archive, inner)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadScore(Fault("The archive is damaged and cannot be unpacked.")) from error
    except Exception as error:  # zlib and lzma raise errors of their own
        if isinstance(error, BadScore):
            raise
        raise BadScore(Fault("The archive is damaged and cannot be unpacked.")) from error


def _is_score_name(name: str) -> bool:
    return name.lower().endswith((".musicxml", ".xml")) and not name.startswith("META-INF")


def _taken(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        content = file.read(MAX_UNPACKED + 1)
    if len(content) > MAX_UNPACKED:
        raise BadScore(Fault(f"The archive unpacks to more than {MAX_UNPACKED // 10**6} MB."))
    return content


def parse(content: bytes, chosen: Callable[[list[str]], Collection[int]]) -> Any:
    """Return the music21 score of a MusicXML text.

    Args:
        content: The text, in any encoding that XML declares.
        chosen: Says which parts to read: from the part names to their places, from 0.

    Raises:
        BadScore: not MusicXML, or not believable; with the line or the bar.
    """
    root = root_of(content)
    names = _prune(root, chosen)
    for part in root.findall("part"):
        _check(part, names.get(part.get("id", ""), ""))
    from music21.musicxml.xmlToM21 import MusicXMLImporter

    importer = MusicXMLImporter()
    importer.xmlRootToScore(root, importer.stream)  # a part's second staff goes there only
    return importer.stream


def root_of(content: bytes) -> ET.Element:
    """Return the root of a partwise MusicXML text, its names without namespaces.

    Raises:
        BadScore: not such a text; with the line where known.
    """
    if b"<!ENTITY" in content or "<!ENTITY".encode("utf-16-le") in content:
        raise BadScore(Fault("The file declares XML entities, which no score needs."))
    try:
        root = ET.fromstring(content)
    except ET.ParseError as error:
        line, column = error.position
        reason = str(error).split(":")[0]
        message = f"This is no well-formed XML: {reason}."
        raise BadScore(Fault(message, line=line, column=column + 1, hint=_EXPORT)) from error
    except (LookupError, ValueError) as error:
        raise BadScore(Fault(f"The file's text encoding is not understood: {error}.")) from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "score-partwise":
        what = _FOREIGN_ROOTS.get(root.tag, f"an XML file of another kind (<{root.tag[:40]}>).")
        raise BadScore(Fault(f"This is {what}"))
    return root


def _prune(root: ET.Element, chosen: Callable[[list[str]], Collection[int]]) -> dict[str, str]:
    """Drop the parts not chosen and all that is only drawn; return part names by id."""
    listed = root.find("part-list")
    entries = [] if listed is None else listed.findall("score-part")
    parts = root.findall("part")
    if listed is None or not entries or not parts:
        raise BadScore(Fault("The score lists no parts.", hint=_EXPORT))
    if sum(1 for _ in root.iter("note")) > MAX_NOTES:
        raise BadScore(Fault(f"The score has more than {MAX_NOTES} notes."))
    names = {e.get("id", ""): _text(e, "part-name") for e in entries}
    keep = {parts[i].get("id", "") for i in chosen([names.get(p.get("id", ""), "") for p in parts])}
    for entry in list(listed):
        if entry.get("id", "") not in keep:
            listed.remove(entry)
    for child in list(root):
        if child.tag in {"defaults", "credit"} or (
            child.tag == "part" and child.get("id", "") not in keep
        ):
            root.remove(child)
    for entry in entries:
        _keep(entry, {"part-name", "part-abbreviation"})
    for measure in root.iter("measure"):
        _keep(measure, _MEASURE_KEEPS)
        for child in list(measure):
            if child.tag == "note":
                _prune_note(measure, child)
            elif child.tag == "direction" and child.find("sound[@tempo]") is None:
                measure.remove(child)
            elif child.tag == "direction":
                _keep(child, {"sound"})
    return names


def _prune_note(measure: ET.Element, note: ET.Element) -> None:
    if note.find("grace") is not None:
        measure.remove(note)
        return
    if note.find("cue") is not None:  # another part's music, printed small: silence here
        _keep(note, {"duration", "voice", "staff"})
        note.insert(0, ET.Element("rest"))
    _keep(note, _NOTE_KEEPS)
    for notations in note.findall("notations"):
        _keep(notations, {"fermata", "tied"})
    for lyric in note.findall("lyric"):
        _keep(lyric, _LYRIC_KEEPS)
        if not _text(lyric, "text"):
            note.remove(lyric)


def _keep(element: ET.Element, tags: Collection[str]) -> None:
    for child in list(element):
        if child.tag not in tags:
            element.remove(child)


def _check(part: ET.Element, name: str) -> None:
    """Refuse what cannot be a bar of music, and say where."""
    divisions: Fraction | None = None
    for place, measure in enumerate(part.findall("measure"), start=1):
        bar = measure.get("number", "") or str(place)
        for element in measure.iter():
            wrong = ""
            if element.tag == "divisions":
                divisions = _number(element)
                wrong = "" if divisions and divisions > 0 else "its divisions are no number above 0"
            elif element.tag == "duration":
                wrong = _duration_fault(_number(element), divisions)
            elif element.tag in _VALUES and not _VALUES[element.tag].fullmatch(_own(element)):
                wrong = f"<{element.tag}> is '{_own(element)[:20]}', which is not possible"
            elif element.tag == "note" and element.find("duration") is None:
                wrong = "a note has no duration"
            elif element.tag == "pitch" and not (_text(element, "step") and _own_octave(element)):
                wrong = "a pitch lacks its letter or its octave"
            elif element.tag == "time" and len(element.findall("beats")) != len(
                element.findall("beat-type")
            ):
                wrong = "its metre is incomplete"
            if wrong:
                raise BadScore(Fault(f"Bar {bar[:10]}: {wrong}.", key=name))


_VALUES = {
    "step": re.compile("[A-G]"),
    "octave": re.compile("[0-9]"),
    "alter": re.compile(r"[-+]?\d(\.\d+)?"),
    "fifths": re.compile(r"[-+]?\d"),
    "beats": re.compile(r"[1-9]\d?(\+[1-9]\d?)*"),
    "beat-type": re.compile("1|2|4|8|16|32|64"),
    "line": re.compile("[1-5]"),
    "clef-octave-change": re.compile(r"[-+]?[0-2]"),
    "chromatic": re.compile(r"[-+]?\d\d?"),
    "diatonic": re.compile(r"[-+]?\d\d?"),
    "octave-change": re.compile(r"[-+]?[0-4]"),
}


def _duration_fault(duration: Fraction | None, divisions: Fraction | None) -> str:
    if duration is None:
        return "a duration is no number"
    if divisions is None:
        return "durations stand there, but no <divisions> says how long a quarter note is"
    if duration < 0:
        return "a duration is negative"
    if duration / divisions > MAX_QUARTERS:
        return f"one note or rest would last {float(duration / divisions):.0f} quarter notes"
    return ""


def _number(element: ET.Element) -> Fraction | None:
    text = _own(element)
    return Fraction(text) if re.fullmatch(r"-?\d{1,12}(\.\d{1,6})?", text) else None


def _own(element: ET.Element) -> str:
    return (element.text or "").strip()


def _own_octave(pitch: ET.Element) -> str:
    return _text(pitch, "octave")


def _text(element: ET.Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()
