"""Which files and folders a specification names. Opens none of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cspcomposer.document import Where
from cspcomposer.spec import FileSource, Spec

# Under which keys files are named.
NAMING = ("given", "style", "form", "rule_folders")


def references(spec: Spec) -> Iterator[tuple[Where, str, bool]]:
    """Yield the files and folders that a specification names, by their ways; True for folders."""
    for key, source in spec.given.items():
        if isinstance(source, FileSource):
            yield ("given", key, "file"), source.file, False
    for key in ("style", "form"):
        name = getattr(spec, key)
        if name and name.endswith(".lp"):
            yield (key,), name, False
    for place, name in enumerate(spec.rule_folders):
        yield ("rule_folders", place), name, True


def files(spec: Spec, folder: Path) -> Iterator[str]:
    """Yield the files that a specification refers to, also those in folders, by their names.

    Args:
        spec: The specification.
        folder: Where it lies, and from where relative names start.
    """
    for way, name, is_folder in references(spec):
        if is_folder:
            for path in sorted((folder / name).rglob("*.lp")):
                yield os.path.join(name, path.relative_to(folder / name).as_posix())
        elif way == ("style",):  # it is known by where it stands
            yield os.path.relpath(name, folder)
        else:
            yield name
