"""Ctrl-C, wherever it falls: swallowed, renamed, at every moment of a command."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from cspcomposer import cli
from cspcomposer.interrupts import heard


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """Interrupts are heard here, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Dying:
    """Whose end is interrupted."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_what_a_finaliser_swallows_strikes_again() -> None:
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), heard():
        dying = Dying()
        del dying  # without the hook Python would say "Exception ignored in" and go on
        while time.monotonic() < begin + 5:
            time.sleep(0.01)
        pytest.fail("the interrupt was swallowed")
    assert time.monotonic() < begin + 5


def test_what_is_called_by_another_name_is_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt) as found, heard():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error
    assert isinstance(found.value.__cause__, ImportError)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(ImportError), heard():
        raise ImportError("no such thing")


def test_what_was_there_before_is_there_again() -> None:
    hook = sys.unraisablehook
    with heard():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert sys.unraisablehook is not hook
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert sys.unraisablehook is hook


def test_where_interrupts_are_ignored_they_stay_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with heard():
        signal.raise_signal(signal.SIGINT)


def test_other_threads_may_run_commands() -> None:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(cli.main(["schema"])))
    thread.start()
    thread.join()
    assert found == [0]


def test_a_command_whose_library_fails_for_it_says_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: object, **__: object) -> None:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise ImportError("initialization failed")

    monkeypatch.setattr("cspcomposer.specfile.load", failing)
    assert cli.main(["compose", "piece.yaml"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
