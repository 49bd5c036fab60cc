"""What the command line does for several answers: writes each as it comes, and tells of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cspcomposer import compose, many
from cspcomposer.compose import Composition
from cspcomposer.compose_setting import Watcher
from cspcomposer.errors import counted
from cspcomposer.files import write_atomically
from cspcomposer.many_wish import UNITS, Wish, above, shown
from cspcomposer.search import wanted
from cspcomposer.specfile import LoadedSpec

INTERRUPTED = 130
Writer = Callable[[Composition, Path, str, Sequence[str]], list[Path]]


def composed(
    loaded: LoadedSpec,
    options: argparse.Namespace,
    watch: Watcher,
    clear: Callable[[], None],
    write: Writer,
) -> int:
    """Write the answers to a specification as NAME-01 and so on; return the exit code.

    NAME.json, written anew with each answer, sets them side by side.

    Args:
        loaded: The specification.
        options: The command line's.
        watch: Called with every better answer.
        clear: Called before anything is printed.
        write: Writes the files of one piece.
    """
    path = loaded.path
    order = many.ordered(
        loaded, answers=options.answers, distance=options.distance, by=options.by,
        within=options.within, seed=options.seed,
        effort=wanted(options.seconds, options.prove, options.threads, options.effort),
    )  # fmt: skip
    formats = options.format or loaded.spec.outputs
    pieces: list[Composition] = []
    written: list[list[Path]] = []

    def tell(sentence: str) -> None:
        clear()
        print(f"{path.name}: {sentence}", file=sys.stderr)

    interrupted = False
    try:
        for piece in many.composed(order, watch, tell):
            clear()
            pieces.append(piece)
            name = f"{path.stem}-{len(pieces):02}"
            written.append(write(compose.renamed(piece, path.stem), options.out, name, formats))
            data = _data(pieces, written, order.wish)
            write_atomically(options.out / f"{path.stem}.json", json.dumps(data, indent=2) + "\n")
            if not options.json:
                _say(path, pieces, written[-1], order.wish)
            interrupted = piece.interrupted
    except KeyboardInterrupt:
        if not written:
            raise
        interrupted = True
    if interrupted:
        tell(f"interrupted: {len(written)} of {counted(order.wish.count, 'answer')} written.")
    if options.json:
        print(json.dumps(_data(pieces, written, order.wish), indent=2))
    return INTERRUPTED if interrupted else 0


def _data(
    pieces: Sequence[Composition], written: Sequence[Sequence[Path]], wish: Wish
) -> dict[str, Any]:
    data = many.as_data(pieces, wish)
    for answer, files in zip(data["answers"], written, strict=False):
        answer["files"] = [file.name for file in files]
    return data


def _say(path: Path, pieces: Sequence[Composition], files: Sequence[Path], wish: Wish) -> None:
    piece = pieces[-1]
    cost = ", ".join(map(str, wish.cost(piece)))
    beside = ""
    if piece.distances:
        best = wish.best(pieces[:-1])
        more = f"{shown(above(wish.cost(piece), best))} above the best"
        more = "the best so far" if wish.cost(piece) < best else more
        far = counted(min(piece.distances), UNITS[wish.by])
        beside = f" ({more}), {far} from the nearest"
    spent = sum(piece.seconds.values())
    print(
        f"{path.name}: answer {len(pieces)}, cost {cost}{beside}, {spent:.1f} seconds; "
        f"seed {piece.seed}."
    )
    for line in compose.remarks(piece) if len(pieces) == 1 else ():
        print(f"  {line}")
    for file in files:
        print(f"  {file}", flush=True)
