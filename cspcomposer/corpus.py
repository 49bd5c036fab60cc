"""The scores that come with music21, found by name without importing it.

Knows folders and part names only; reading is `cspcomposer.read`'s.
"""

from __future__ import annotations

import re
import zipfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from cspcomposer.errors import BadScore, Fault

ENDINGS = (".mxl", ".musicxml", ".xml", ".krn", ".abc", ".mid")
CHORALE_PARTS = ("Soprano", "Alto", "Tenor", "Bass")
_PART_NAME = re.compile(r"<score-part\b.*?<part-name[^>]*>\s*(\w+)", re.DOTALL)


def folder() -> Path:
    """Return the corpus folder of the installed music21.

    Raises:
        BadScore: music21 is not installed.
    """
    spec = find_spec("music21")
    if spec is None or spec.origin is None:
        raise BadScore(Fault("music21, which brings the corpus, is not installed."))
    return Path(spec.origin).parent / "corpus"


def path_of(name: str) -> Path:
    """Return the file of a corpus score: "bach/bwv66.6", with or without its ending.

    Raises:
        BadScore: there is none of that name.
    """
    root = folder()
    for candidate in (root / name, *(root / f"{name}{ending}" for ending in ENDINGS)):
        if candidate.suffix in ENDINGS and candidate.is_file() and root in candidate.parents:
            return candidate
    near = sorted(p.name for p in (root / name).parent.glob(f"{Path(name).name[:5]}*"))[:5]
    hint = f"Near it are: {', '.join(near)}." if near else "An example of a name: bach/bwv66.6."
    raise BadScore(Fault(f"The corpus has no score '{name}'.", hint=hint))


@cache
def bach_chorales() -> tuple[str, ...]:
    """Return the names of Bach's chorales with exactly one soprano, alto, tenor and bass.

    Some have instruments besides; `cspcomposer.read.read_chorale` leaves these out. Settings with
    two sopranos are not among them.
    """
    root = folder()
    files = sorted(p for p in (root / "bach").iterdir() if p.suffix in {".mxl", ".xml"})
    return tuple(str(p.relative_to(root).as_posix()) for p in files if _is_four_part(p))


def _is_four_part(path: Path) -> bool:
    text = path.read_bytes()
    if path.suffix == ".mxl":
        with zipfile.ZipFile(path) as archive:
            inner = [n for n in archive.namelist() if n.endswith("xml") and "META-INF" not in n]
            text = archive.read(inner[0])
    first_words = _PART_NAME.findall(text.decode("utf-8", "replace").split("</part-list>")[0])
    return all(first_words.count(part) == 1 for part in CHORALE_PARTS)
