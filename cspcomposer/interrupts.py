"""Ctrl-C ends a command wherever it falls: nobody may swallow it or call it by another name."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 0.02
"""Seconds until an interrupt that was swallowed strikes again."""


@contextmanager
def heard() -> Iterator[None]:
    """Let an interrupt leave the block as `KeyboardInterrupt`, whatever it fell into.

    Python swallows one that falls into a callback of its own (a finaliser, the end of an import),
    and an extension that is interrupted while it is imported says that it cannot be imported.
    Where interrupts are ignored, as in the background of a shell, or where this is not the main
    thread, nothing changes.

    Raises:
        KeyboardInterrupt: the user broke it off.
    """
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or before in (signal.SIG_IGN, None):
        yield
        return
    struck = False
    told = sys.unraisablehook

    def strike(number: int, frame: FrameType | None) -> None:
        nonlocal struck
        struck = True
        raise KeyboardInterrupt

    def swallowed(lost: sys.UnraisableHookArgs) -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            # Not at once: what is raised in here would be lost as well.
            threading.Timer(AGAIN, _thread.interrupt_main).start()
        else:
            told(lost)

    signal.signal(signal.SIGINT, strike)
    sys.unraisablehook = swallowed
    try:
        yield
    except Exception as error:
        if struck:
            raise KeyboardInterrupt from error
        raise
    finally:
        sys.unraisablehook = told
        signal.signal(signal.SIGINT, before)
