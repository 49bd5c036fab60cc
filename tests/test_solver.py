"""The process that solves: what happens when it dies, and when it has been told much."""

from __future__ import annotations

import os
import signal

import pytest

from cspcomposer import solver
from cspcomposer.errors import SolverStopped
from cspcomposer.solver import Answer, Solver, Source

CHOICE = Source("choice.lp", "1 { chosen(1..3) } 1. #minimize { N : chosen(N) }.")


def cheapest(process: Solver) -> str:
    answers = [step for step in process.solve(show=["chosen"]) if isinstance(step, Answer)]
    return " ".join(map(str, answers[-1].atoms))


def killed(process: Solver) -> int:
    """Kill the process, wait until it is dead, and return its number."""
    assert process._process
    os.kill(process._process.pid, signal.SIGKILL)
    process._process.wait()
    return process._process.pid


def test_a_dead_process_does_not_answer_as_if_nothing_had_been_grounded() -> None:
    with Solver() as process:
        process.ground([CHOICE])
        killed(process)
        with pytest.raises(SolverStopped, match=r"ended by itself \(code -9\)"):
            process.atoms("chosen", 1)
        process.ground([CHOICE])
        killed(process)
        with pytest.raises(SolverStopped, match=r"ended by itself \(code -9\)"):
            cheapest(process)


def test_a_new_program_goes_to_a_new_process_when_the_last_died() -> None:
    with Solver() as process:
        process.ground([CHOICE])
        number = killed(process)
        process.ground([CHOICE])
        assert process._process and process._process.pid != number
        assert cheapest(process) == "chosen(1)"


def test_a_process_that_was_told_much_is_ended_before_the_next_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Solver() as process:
        process.ground([CHOICE])
        assert process._process
        number = process._process.pid
        process.ground([CHOICE])
        assert process._process.pid == number
        monkeypatch.setattr(solver, "RENEWED", 1)
        process.ground([CHOICE])
        assert process._process.pid != number
        assert cheapest(process) == "chosen(1)"
