"""A process that composes the pieces of a batch, one after the other, as they are asked for.

Orders come in by standard input and replies leave by standard output, as in `solver_process`. It
ends when its caller does, and takes its solver with it.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from typing import Any, BinaryIO

from cspcomposer import frames, solver
from cspcomposer.batch_piece import Bench, Job, Order


def main() -> None:
    """Compose until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    writer = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a library prints must not get between the replies.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, orders), daemon=True).start()
    bench, order = Bench(), None
    while True:
        asked = orders.get()
        if isinstance(asked, Order):
            order = asked
            solver.limit(order.memory)
        elif isinstance(asked, Job) and order:
            frames.write(writer, bench.made(order, asked))


def _listen(reader: BinaryIO, orders: queue.SimpleQueue[Any]) -> None:
    while (asked := frames.read(reader)) is not None:
        orders.put(asked)
    os._exit(0)


if __name__ == "__main__":
    main()
