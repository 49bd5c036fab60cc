"""What the command line does to compose a part of a finished piece anew, and what it says of it."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cspcomposer import compose, recompose, recompose_parts
from cspcomposer.cli_many import Writer
from cspcomposer.compose import Composition
from cspcomposer.compose_setting import Watcher
from cspcomposer.errors import BadInput, BadScore, Fault, counted
from cspcomposer.search import wanted
from cspcomposer.specfile import LoadedSpec

INTERRUPTED = 130
_AGAIN = re.compile(r"(.+)-redone(?:-(\d+))?")


def know(options: argparse.Namespace) -> None:
    """Refuse options that name a finished piece, or a part of one, by halves.

    Raises:
        BadInput: they do so, or ask for what does not go with it.
    """
    redo, keep = options.redo, options.keep
    hint, several = "", options.answers or options.by or options.within or options.prove
    if not options.source:
        what = f"{'--redo' if redo else '--keep'} names a part of a finished piece."
        hint = "Say of which one, with --from."
    elif not (redo or keep):
        what = "--from alone leaves everything as it is."
        hint = "Say what is composed anew with --redo, such as 5-6, tenor or 5:alto,tenor."
    elif redo and keep:
        what = "--redo and --keep say the same from two sides: one of them is enough."
    elif len(options.spec) > 1:
        what = "--from goes with one specification, not with several."
    elif several:
        what = "--answers, --by, --within and --prove do not go with --from."
        hint = "For another answer give another --seed, or a --distance."
    else:
        return
    raise BadInput(Fault(what, hint=hint))


def composed(
    loaded: LoadedSpec,
    options: argparse.Namespace,
    watch: Watcher,
    clear: Callable[[], None],
    write: Writer,
) -> int:
    """Write a piece with a part composed anew as PIECE-redone; return the exit code.

    Args:
        loaded: The specification.
        options: The command line's.
        watch: Called with every better answer.
        clear: Called before anything is printed.
        write: Writes the files of one piece.

    Raises:
        BadInput: the part cannot be read, or the piece does not fit.
    """
    redo = recompose_parts.parse(options.redo or options.keep, but=bool(options.keep))
    finished = recompose.finished_piece(options.source)
    try:
        piece = recompose.recompose(
            loaded, finished, redo, seed=options.seed, distance=options.distance,
            effort=wanted(options.seconds, options.prove, options.threads, options.effort),
            watch=watch,
        )  # fmt: skip
    except BadScore as error:
        raise BadScore(*(replace(f, file=f.file or options.source) for f in error.faults)) from None
    clear()
    name = _name(options.source.stem)
    formats = options.format or loaded.spec.outputs
    files = write(compose.renamed(piece, loaded.path.stem), options.out, name, formats)
    if options.json:
        more = {"differing": piece.distances[0], "files": [str(file) for file in files]}
        print(json.dumps(compose.as_data(piece) | more, indent=2))
    else:
        _say(loaded.path, options.source, piece, files)
    return INTERRUPTED if piece.interrupted else 0


def _say(path: Path, source: Path, piece: Composition, files: list[Path]) -> None:
    cost = ", ".join(map(str, piece.cost)) or "0"
    (far,) = piece.distances
    what = f"{counted(far, 'main note')} changed" if far else "no main note changed"
    spent = sum(piece.seconds.values())
    print(
        f"{path.name}: {source.name} composed again, {what}, cost {cost}, {spent:.1f} seconds; "
        f"seed {piece.seed}."
    )
    if not far:
        print("  Nothing better was found. Another --seed, or --distance, gives something else.")
    for line in compose.remarks(piece):
        print(f"  {line}")
    for file in files:
        print(f"  {file}")


def _name(stem: str) -> str:
    """Return the name of what is made of a piece: never its own."""
    again = _AGAIN.fullmatch(stem)
    return f"{again[1]}-redone-{int(again[2] or 1) + 1}" if again else f"{stem}-redone"
