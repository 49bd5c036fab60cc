"""Solving, seen from this side: texts go to a process that runs clingo, terms come back.

Parsing, grounding and solving happen in a process of their own, because grounding cannot be
interrupted and a monstrous program must not take the caller down with it. The process is started
when first needed, kept for later calls, and replaced when it dies or is stopped. Knows nothing
about music.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from cspcomposer.errors import BadRules, Fault, NotGrounded, SolverStopped, counted

MEMORY = 8 << 30
GROUNDING_SECONDS = 120.0
# clingo forgets no symbol, and grounds more slowly the more it knows: a process that was told so
# many characters is ended before the next program. 128 bars are set in four fifths of the time.
RENEWED = 1_000_000
# Orders that bring a program with them; the others speak of the one that was grounded last, and a
# process begun anew would answer them as if nothing had been.
_PROGRAMS = ("ground", "rules")


@dataclass(frozen=True, order=True)
class Term:
    """A function, constant or atom.

    Attributes:
        name: Its name; "" for a tuple.
        arguments: Terms, whole numbers and strings; a constant has none.
        positive: False for a classically negated atom.
    """

    name: str
    arguments: tuple[Any, ...] = ()

    def __str__(self) -> str:
        if not self.arguments:
            return self.name or "()"
        inside = ",".join(map(text, self.arguments))
        if not self.name and len(self.arguments) == 1:
            inside += ","
        return f"{self.name}({inside})"


def text(term: Term | int | str) -> str:
    """Return a term as it is written in a program."""
    if isinstance(term, str):
        return '"' + term.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(term)


@dataclass(frozen=True)
class Source:
    """A program text and the name by which messages speak of it."""

    name: str
    text: str


@dataclass(frozen=True)
class Answer:
    """One answer set.

    Attributes:
        atoms: The atoms asked for.
        cost: One sum for each priority, the highest first.
        seconds: Since solving began.
    """

    atoms: tuple[Term, ...]
    cost: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Decision:
    """A choice that an answer made.

    Attributes:
        atom: What was chosen.
        place: Where along the piece, counted from 0.
        lane: Which of the choices made at one place ("harmony", "alto").
    """

    atom: Term
    place: int
    lane: str


@dataclass(frozen=True)
class Outcome:
    """How a search ended.

    Attributes:
        satisfiable: None if that is not known.
        exhausted: Whether the whole space was searched, so that the last answer is optimal.
        core: Without an answer: assumptions, by index, that cannot hold together.
        bound: Lower bounds on the cost, the highest priority first; may be empty.
        conflicts: How many the search met.
    """

    satisfiable: bool | None
    exhausted: bool
    core: tuple[int, ...]
    bound: tuple[int, ...]
    conflicts: int


@dataclass(frozen=True)
class GroundRules:
    """A ground program.

    Attributes:
        text: In clingo's own form (aspif).
    """

    text: bytes


class Solver:
    """A process that runs clingo; one program at a time.

    Use it as a context manager, or call `close`. Every method raises `BadRules` for a program that
    clingo refuses, `SolverStopped` when the process dies, `NotGrounded` when grounding takes longer
    than allowed.
    """

    def __init__(self, *, memory: int | None = None) -> None:
        self._memory = memory or _memory
        self._process: subprocess.Popen[bytes] | None = None
        self._grounded = 0

    def __enter__(self) -> Solver:
        # The process comes up while the caller prepares what to ask.
        self._process = _start(self._memory)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        process, self._process, self._grounded = self._process, None, 0
        if process:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def ground(
        self,
        sources: Sequence[Source],
        *,
        parts: Sequence[str] = ("base",),
        options: Sequence[str] = (),
        show: Sequence[str] = (),
        seconds: float | None = None,
    ) -> tuple[str, ...]:
        """Ground a new program, in place of the last, and return clingo's remarks.

        Args:
            sources: The program.
            parts: Its parts.
            options: For clingo.
            show: Signatures ("pitch/3") of all atoms that answers will list; answers are then
                quicker to read.
            seconds: How long it may take; two minutes if left out.
        """
        texts = [(s.name, s.text) for s in sources]
        if self._grounded > RENEWED:
            self.close()
        self._grounded += sum(len(text) for _, text in texts)
        order = ("ground", texts, list(parts), list(options), list(show))
        remarks = self._ask(order, seconds or GROUNDING_SECONDS)
        return tuple(remarks)

    def rules(self, sources: Sequence[Source]) -> GroundRules:
        """Ground a new program, in place of the last, and return its rules."""
        order = ("rules", [(s.name, s.text) for s in sources])
        return GroundRules(self._ask(order, GROUNDING_SECONDS))

    def atoms(self, name: str, arity: int) -> tuple[Term, ...]:
        """Return the atoms of a signature that may be true in the grounded program."""
        found = self._ask(("atoms", name, arity), GROUNDING_SECONDS)
        return tuple(map(_term, found))

    def solve(
        self,
        *,
        show: Sequence[str],
        assume: Sequence[tuple[Term, bool]] = (),
        conflicts: int | None = None,
        seconds: float | None = None,
        at_most: Sequence[int] | None = None,
        answers: int | None = None,
    ) -> Iterator[Answer | Outcome]:
        """Yield the improving answers of the grounded program, then how the search ended.

        Args:
            show: The names of the atoms that an answer lists.
            assume: Atoms that must be true or false.
            conflicts: Stop after so many; the deterministic limit.
            seconds: Stop after so long; what was found until then has been yielded.
            at_most: Only answers that cost no more than this count.
            answers: Stop after so many.
        """
        wanted = [(str(term), value) for term, value in assume]
        bound = list(at_most) if at_most is not None else None
        self._send(("solve", list(show), wanted, conflicts, bound, answers))
        until = time.monotonic() + seconds if seconds is not None else None
        cancelled = done = False
        try:
            while not done:
                left = until - time.monotonic() if until is not None and not cancelled else None
                reply = self._receive(30.0 if cancelled else left)
                if reply is None and cancelled:
                    raise SolverStopped("The solver did not stop when asked to and was ended.")
                if reply is None:
                    cancelled = True
                    self._send(("cancel",))
                elif reply[0] == "answer":
                    yield Answer(tuple(map(_term, reply[1])), tuple(reply[2]), reply[3])
                else:
                    done = True
                    yield Outcome(*_checked(reply)[1:])
        finally:
            if not done:
                self.close()

    def conflict(
        self, name: str, arity: int, *, first: Sequence[str], seconds: float
    ) -> tuple[Term, ...] | None:
        """Return few atoms that cannot all be false together; None if none were found in time.

        Args:
            name: The name of the atoms.
            arity: How many arguments they have.
            first: Only atoms whose first argument is one of these are meant.
            seconds: Stop making the set smaller after so long.
        """
        order = ("conflict", name, arity, list(first), seconds)
        try:
            found = self._ask(order, 2 * seconds + 30)
        except NotGrounded:
            return None
        return None if found is None else tuple(map(_term, found))

    def _ask(self, order: tuple[Any, ...], seconds: float) -> Any:
        self._send(order)
        reply = self._receive(seconds)
        if reply is None:
            self.close()
            within = counted(round(seconds), "second")
            raise NotGrounded(f"the rules were not grounded within {within}.")
        return _checked(reply)[1]

    def _send(self, order: tuple[Any, ...]) -> None:
        if self._process is None or self._process.poll() is not None:
            if order[0] not in _PROGRAMS:
                self._stopped(None)
            self._process = _start(self._memory)
        data = pickle.dumps(order)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(len(data).to_bytes(8, "big") + data)
            self._process.stdin.flush()
        except OSError as error:
            self._stopped(error)

    def _receive(self, seconds: float | None) -> tuple[Any, ...] | None:
        """Return the next reply, or None when none has begun within so many seconds."""
        assert self._process is not None and self._process.stdout is not None
        out = self._process.stdout
        if seconds is not None:
            with selectors.DefaultSelector() as selector:
                selector.register(out, selectors.EVENT_READ)
                if not selector.select(max(0.0, seconds)):
                    return None
        size = self._read(8)
        return pickle.loads(self._read(int.from_bytes(size, "big")))  # type: ignore[no-any-return]

    def _read(self, size: int) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        data = bytearray()
        while len(data) < size:
            piece = os.read(self._process.stdout.fileno(), size - len(data))
            if not piece:
                self._stopped(None)
            data += piece
        return bytes(data)

    def _stopped(self, cause: Exception | None) -> NoReturn:
        code = self._process.wait() if self._process else 0
        self.close()
        raise SolverStopped(
            Fault(
                f"the solving process ended by itself (code {code}).",
                hint="It may have run out of memory; try a shorter piece or fewer rules.",
            )
        ) from cause


def _start(memory: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "cspcomposer.solver_process", str(memory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        bufsize=0,
    )


def _checked(reply: tuple[Any, ...]) -> tuple[Any, ...]:
    if reply[0] == "bad":
        faults = [
            Fault(message, Path(name) if name else None, line, column)
            for name, line, column, message in reply[1]
        ]
        raise BadRules(*faults)
    if reply[0] == "memory":
        raise SolverStopped("The solver ran out of memory; try a shorter piece or fewer rules.")
    return reply


def _term(packed: Any) -> Any:
    if isinstance(packed, tuple):
        return Term(packed[0], tuple(map(_term, packed[1])))
    return packed


_memory = MEMORY
_shared: Solver | None = None


def limit(memory: int) -> None:
    """Let processes that start from now on take no more than so many bytes."""
    global _memory
    _memory = memory


def shared() -> Solver:
    """Return the process that short questions share; it ends with the program."""
    global _shared
    if _shared is None:
        _shared = Solver()
        atexit.register(_shared.close)
    return _shared


def consequences(
    sources: Sequence[Source],
    *,
    parts: Sequence[str] = ("base",),
    show: Mapping[str, int] = MappingProxyType({}),
) -> tuple[list[Term], tuple[str, ...]]:
    """Return the atoms of a program that leaves nothing open, and clingo's remarks.

    Args:
        sources: The program.
        parts: The parts to ground.
        show: The names of the atoms wanted and their arities; all atoms when empty.

    Raises:
        BadRules: a text that does not parse or is unsafe; the faults say where.
    """
    solver = shared()
    signatures = [f"{name}/{arity}" for name, arity in show.items()]
    remarks = solver.ground(sources, parts=parts, show=signatures)
    atoms: list[Term] | None = None
    for step in solver.solve(show=list(show)):
        if isinstance(step, Answer):
            atoms = list(step.atoms)
    if atoms is None:
        raise BadRules("The program contradicts itself: it has no answer set.")
    return atoms, remarks
