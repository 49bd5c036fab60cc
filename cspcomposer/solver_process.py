"""What runs on the other side of `cspcomposer.solver`: a process around one clingo control.

Orders come in by standard input and replies leave by standard output, both pickled with their
length before them. A thread reads, so that a search can be cancelled and so that the process ends
when its caller does.
"""

from __future__ import annotations

import os
import pickle
import queue
import re
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import clingo

_PLACE = re.compile(r"<block>:(\d+):(\d+)(?:-\d+(?::\d+)?)?: (\w+): (.*)", re.DOTALL)
# What is said where there is none left, or none for another thread.
_NO_MEMORY = ("bad_alloc", "Resource temporarily unavailable")
Texts = Sequence[tuple[str, str]]


class Process:
    """One clingo control and the orders that it understands."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader, self._writer = reader, writer
        self._orders: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self._handle: clingo.SolveHandle | None = None
        self._cancelled = threading.Event()
        self._control = clingo.Control([])
        self._texts: Texts = ()
        self._symbols: dict[str, clingo.Symbol] = {}
        self._shows = False

    def run(self) -> None:
        """Obey orders until the caller goes away."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            name, *arguments = self._orders.get()
            try:
                self._reply(getattr(self, f"do_{name}")(*arguments))
            except MemoryError:
                self._reply(("memory",))
            except RuntimeError as error:
                memory = any(word in str(error) for word in _NO_MEMORY)
                self._reply(("memory",) if memory else self._bad([str(error)]))

    def do_ground(
        self, texts: Texts, parts: list[str], options: list[str], show: list[str]
    ) -> tuple[Any, ...]:
        """Ground a program; reply with clingo's remarks."""
        said: list[str] = []
        self._shows = bool(show)
        if show:
            texts = [*texts, ("show", "\n".join(["#show.", *(f"#show {s}." for s in show)]))]
        self._texts = texts
        self._control = clingo.Control(
            ["--warn=all", *options], logger=lambda _, text: said.append(text), message_limit=100
        )
        try:
            self._control.add("base", [], "\n".join(text for _, text in texts))
            self._control.ground([(part, []) for part in parts])
        except RuntimeError:
            if not said:
                raise
            return self._bad(said)
        return ("ground", [self._remark(text) for text in said])

    def do_rules(self, texts: Texts) -> tuple[Any, ...]:
        """Ground a program; reply with what clingo writes of it."""
        said: list[str] = []
        self._texts = texts
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ground"
            self._control = clingo.Control([], logger=lambda _, text: said.append(text))
            self._control.register_backend(clingo.BackendType.Aspif, str(path), replace=True)
            try:
                self._control.add("base", [], "\n".join(text for _, text in texts))
                self._control.ground([("base", [])])
            except RuntimeError:
                if not said:
                    raise
                return self._bad(said)
            # What is not yet written is written when the control goes.
            self._control = clingo.Control([])
            return ("rules", path.read_bytes())

    def do_atoms(self, name: str, arity: int) -> tuple[Any, ...]:
        """Reply with the possible atoms of a signature."""
        found = self._control.symbolic_atoms.by_signature(name, arity)
        return ("atoms", [_packed(atom.symbol) for atom in found])

    def do_solve(
        self,
        show: list[str],
        assume: list[tuple[str, bool]],
        conflicts: int | None,
        bound: list[int] | None,
        most: int | None,
    ) -> tuple[Any, ...]:
        """Send the improving answers; reply with how the search ended."""
        configuration: Any = self._control.configuration
        configuration.solve.solve_limit = f"{conflicts if conflicts is not None else 'umax'},umax"
        configuration.solve.opt_mode = ",".join(["opt", *map(str, bound or ())])
        wanted, begin = set(show), time.monotonic()
        literals: list[tuple[int, int]] = []
        for index, (text, value) in enumerate(assume):
            literal = self._literal(text)
            if literal is not None:
                literals.append((index, literal if value else -literal))
            elif value:
                return ("outcome", False, True, (index,), (), 0)
        lower: list[int] = []
        answers = 0
        self._cancelled.clear()

        def unsat(bounds: Sequence[int]) -> None:
            lower[:] = bounds

        with self._control.solve(
            assumptions=[literal for _, literal in literals],
            yield_=True,
            async_=True,
            on_unsat=unsat,
        ) as handle:
            self._handle = handle
            if self._cancelled.is_set():
                handle.cancel()
            while True:
                handle.resume()
                handle.wait()
                model = handle.model() if not self._cancelled.is_set() else None
                if model is None:
                    break
                symbols = model.symbols(atoms=not self._shows, shown=self._shows)
                atoms = [_atom(s) for s in symbols if not wanted or s.name in wanted]
                self._reply(("answer", atoms, list(model.cost), time.monotonic() - begin))
                answers += 1
                if answers == most:
                    handle.cancel()
                    break
            self._handle = None
            core = set(handle.core()) if handle.get().unsatisfiable else set()
            result = handle.get()
        places = [index for index, literal in literals if literal in core]
        solvers: Any = self._control.statistics["solving"]["solvers"]
        return (
            "outcome", result.satisfiable, result.exhausted, tuple(places), tuple(lower),
            int(solvers["conflicts"]),
        )  # fmt: skip

    def do_conflict(
        self, name: str, arity: int, first: list[str], seconds: float
    ) -> tuple[Any, ...]:
        """Reply with few atoms of a signature that cannot all be false, None if they can.

        First it is found which first arguments the conflict needs, then which of their atoms.
        """
        until = time.monotonic() + seconds
        groups: dict[str, list[int]] = {key: [] for key in first}
        atoms = {}
        for atom in self._control.symbolic_atoms.by_signature(name, arity):
            key = str(atom.symbol.arguments[0])
            if key in groups:
                atoms[atom.literal] = atom.symbol
                groups[key].append(-atom.literal)
        self._conflict_limit()
        everything = [sorted(g, key=lambda n: atoms[-n]) for g in groups.values() if g]
        satisfiable = self._holds(everything, until)
        if satisfiable is not False:
            return ("conflict", None, satisfiable is True)
        few, _ = self._minimal(everything, until)
        core, minimal = self._minimal([[literal] for group in few for literal in group], until)
        return ("conflict", [_packed(atoms[-literal]) for (literal,) in core], minimal)

    def _minimal(self, groups: list[list[int]], until: float) -> tuple[list[list[int]], bool]:
        """Return groups of assumptions of which none can be left out, and whether that is sure.

        The shortest beginning that cannot hold needs its last group (U. Junker, QuickXplain, AAAI
        2004, in its linear form); so the groups named first are preferred.
        """
        needed: list[list[int]] = []
        while self._holds(needed, until) is not False:
            if not groups or time.monotonic() > until:
                return needed + groups, False
            low, high = 0, len(groups)
            while high - low > 1:
                middle = (low + high) // 2
                if self._holds(needed + groups[:middle], until) is False:
                    high = middle
                else:
                    low = middle
            needed, groups = [groups[high - 1], *needed], groups[: high - 1]
        return needed, True

    def _conflict_limit(self) -> None:
        configuration: Any = self._control.configuration
        configuration.solve.solve_limit = "umax,umax"
        configuration.solve.opt_mode = "ignore"

    def _holds(self, groups: list[list[int]], until: float) -> bool | None:
        """Return whether assumptions can hold together; None if time ran out."""
        literals = [literal for group in groups for literal in group]
        with self._control.solve(assumptions=literals, async_=True, yield_=True) as handle:
            handle.resume()
            if not handle.wait(max(0.0, until - time.monotonic())):
                handle.cancel()
                return None
            return handle.model() is not None

    def _literal(self, text: str) -> int | None:
        """Return the literal of an atom, None for one that cannot be true."""
        symbol = self._symbols.get(text)
        if symbol is None:
            symbol = self._symbols[text] = clingo.parse_term(text)
        atom = self._control.symbolic_atoms[symbol]
        return atom.literal if atom else None

    def _listen(self) -> None:
        while True:
            size = self._reader.read(8)
            if len(size) < 8:
                os._exit(0)
            order = pickle.loads(self._reader.read(int.from_bytes(size, "big")))
            if order[0] == "cancel":
                self._cancelled.set()
                if self._handle:
                    self._handle.cancel()
            else:
                self._orders.put(order)

    def _reply(self, reply: tuple[Any, ...]) -> None:
        data = pickle.dumps(reply)
        self._writer.write(len(data).to_bytes(8, "big") + data)
        self._writer.flush()

    def _place(self, line: int) -> tuple[str, int]:
        """Return which text a line of the whole program is in, and its line there."""
        for name, text in self._texts:
            lines = text.count("\n") + 1
            if line <= lines:
                return name, line
            line -= lines
        return "", line

    def _bad(self, said: list[str]) -> tuple[Any, ...]:
        faults = []
        for text in said:
            found = _PLACE.match(text)
            if found:
                name, line = self._place(int(found[1]))
                message = " ".join(found[4].split())
                faults.append((name, line, int(found[2]), message))
            else:
                faults.append(("", 0, 0, " ".join(text.split())))
        return ("bad", faults)

    def _remark(self, text: str) -> str:
        found = _PLACE.match(text)
        if not found:
            return " ".join(text.split())
        name, line = self._place(int(found[1]))
        return f"{name}:{line}:{found[2]}: {' '.join(found[4].split())}"


_FLAT = re.compile(r"([a-z_]\w*)\(((?:\w+|-\d+)(?:,(?:\w+|-\d+))*)\)")


def _atom(symbol: clingo.Symbol) -> Any:
    """Return what `_packed` does; its text, asked for once, is quicker where nothing is nested."""
    found = _FLAT.fullmatch(str(symbol))
    return (found[1], tuple(map(_plain, found[2].split(",")))) if found else _packed(symbol)


@lru_cache(maxsize=1 << 14)
def _plain(text: str) -> Any:
    return (text, ()) if text[:1].isalpha() or text[:1] == "_" else int(text)


def _packed(symbol: clingo.Symbol) -> Any:
    if symbol.type is clingo.SymbolType.Number:
        return symbol.number
    if symbol.type is clingo.SymbolType.String:
        return symbol.string
    if symbol.type is clingo.SymbolType.Function:
        name = symbol.name if symbol.positive else f"-{symbol.name}"
        return (name, tuple(map(_packed, symbol.arguments)))
    return (str(symbol), ())


def _limit(memory: int) -> None:
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def main() -> None:
    """Run until standard input ends."""
    _limit(int(sys.argv[1]))
    writer = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    Process(sys.stdin.buffer, writer).run()


if __name__ == "__main__":
    main()
