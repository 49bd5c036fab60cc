"""A folder for others to take away: what an export writes there, and nothing else, it replaces.

A list of what was written lies in the folder. Knows nothing of music or formats.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from cspcomposer.errors import BadInput, Fault
from cspcomposer.files import write_atomically

MARK = ".cspcomposer-export"


def claim(out: Path, names: Collection[str]) -> None:
    """Make room for some files; those of an earlier export go, those of anybody else stay.

    The list is written before the files are, so that what is stopped half way is known as well.

    Args:
        out: The folder; made if it is not there.
        names: The files to be written, by their ways from it.

    Raises:
        BadInput: something that no export wrote stands in their place.
    """
    known = _known(out)
    own = _tops(known)
    foreign = [top for top in _tops(names) if top not in own and (out / top).exists()]
    if foreign:
        what = " and ".join([", ".join(foreign[:-1]), foreign[-1]] if foreign[1:] else foreign)
        say = f"this folder holds {what}, which no export wrote."
        raise BadInput(Fault(say, out, hint="Name a folder of its own with --out."))
    for name in known:
        (out / name).unlink(missing_ok=True)
    for top in own:
        with suppress(OSError):  # a file, or a folder in which there is more
            (out / top).rmdir()
    write_atomically(out / MARK, "".join(f"{name}\n" for name in names))


def _known(out: Path) -> list[str]:
    try:
        found = (out / MARK).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    ways = (PurePosixPath(name) for name in found if name)
    return [str(way) for way in ways if not way.is_absolute() and ".." not in way.parts]


def _tops(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(PurePosixPath(name).parts[0] for name in names))
