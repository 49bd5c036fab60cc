"""The command line: the only module that prints. Everything heavy is imported when it is needed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cspcomposer.cli_options import Command, parser
from cspcomposer.errors import BadInput, CSPComposerError, Fault, NotGrounded
from cspcomposer.interrupts import heard

if TYPE_CHECKING:
    from rich.console import Console

    from cspcomposer.compose import Composition
    from cspcomposer.search import Progress
    from cspcomposer.specfile import LoadedSpec

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code.

    0 fine, 1 faults found, 2 bad input, 3 no solution, 4 out of time without a solution, 130
    interrupted.
    """
    try:
        options = parser(COMMANDS).parse_args(arguments)
        run: Command = options.run
        with heard():
            return run(options)
    except CSPComposerError as error:
        _complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        _complain(BadInput(_reason(error)))
        return BadInput.exit_code


def _complain(error: CSPComposerError) -> None:
    for fault in error.faults:
        print(str(fault), file=sys.stderr)


def _reason(error: OSError) -> Fault:
    path = Path(error.filename) if isinstance(error.filename, str) else None
    return Fault(f"{(error.strerror or str(error)).lower()}.", path)


class _Ticker:
    """A line on a terminal that says how far a search has come; silent elsewhere."""

    def __init__(self, name: str) -> None:
        self._name, self._shown = name, False
        self._on = sys.stderr.isatty()
        if self._on:
            self._show(f"{name}: laying out the rules")

    def __call__(self, progress: Progress) -> None:
        if self._on and progress.seconds > 1.0:
            cost = " ".join(map(str, progress.answer.cost))
            bound = ""
            if progress.bound is not None:
                bound = f" (at least {' '.join(map(str, progress.bound))})"
            line = f"{self._name}: {progress.seconds:5.1f} s, cost {cost}{bound}, still searching"
            self._show(line)

    def telling(self, what: str) -> None:
        """Say what is being done."""
        if self._on:
            self._show(f"{self._name}: {what}")

    def _show(self, line: str) -> None:
        self._shown = True
        print(f"\r{line:<78}", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        """Take the line away."""
        if self._shown:
            print("\r" + " " * 78 + "\r", end="", file=sys.stderr, flush=True)


def _ready(folder: Path, sources: Sequence[Path]) -> None:
    """Refuse a folder that cannot be written to, and sources that would write the same files."""
    place = next(p for p in [folder, *folder.absolute().parents] if p.exists())
    if not place.is_dir():
        raise BadInput(Fault("this is a file: --out names a folder.", place))
    if not os.access(place, os.W_OK):
        raise BadInput(Fault("nothing can be written in this folder.", place))
    stems = [path.stem for path in sources]
    for path in sources:
        if stems.count(path.stem) > 1:
            hint = "Compose them into different folders with --out."
            raise BadInput(Fault(f"several files are called {path.stem}.", path, hint=hint))


def _compose(options: argparse.Namespace) -> int:
    if options.source or options.redo or options.keep:
        from cspcomposer import cli_redo

        cli_redo.know(options)
    _ready(options.out, options.spec)
    codes = []
    for path in options.spec:
        try:
            codes.append(_compose_one(path, options))
        except CSPComposerError as error:
            _complain(error)
            codes.append(error.exit_code)
        if codes[-1] == INTERRUPTED:
            break
    return max(codes)


def _compose_one(path: Path, options: argparse.Namespace) -> int:
    from cspcomposer import brief, cli_many, cli_redo, specfile, trial

    loaded = specfile.load(path)
    if loaded.spec.sweep:
        say = "one piece; 'cspcomposer batch' composes everything that it sweeps."
        print(f"{path.name}: {say}", file=sys.stderr)
    several = not options.source and (options.answers or loaded.spec.answers.count) > 1
    apart = options.distance or options.by or options.within
    if apart and not several and not options.source:
        hint = "Say how many with --answers."
        raise BadInput(
            Fault("--distance, --by and --within tell several answers apart.", hint=hint)
        )
    if loaded.spec.form:
        from cspcomposer import cli_plan

        cli_plan.know(loaded, several=several, prove=options.prove)
    ticker = _Ticker(path.name)
    try:
        if options.source:
            return cli_redo.composed(loaded, options, ticker, ticker.done, _written)
        if several:
            return cli_many.composed(loaded, options, ticker, ticker.done, _written)
        return _compose_alone(loaded, options, ticker)
    except NotGrounded as error:
        raise trial.suspected(error, brief.own_rules(loaded)) from error
    finally:
        ticker.done()


def _compose_alone(loaded: LoadedSpec, options: argparse.Namespace, ticker: _Ticker) -> int:
    from cspcomposer import compose
    from cspcomposer.search import wanted

    path = loaded.path
    effort = wanted(options.seconds, options.prove, options.threads, options.effort)
    piece = compose.compose(
        loaded, seed=options.seed, effort=effort, watch=ticker, tell=ticker.telling
    )
    ticker.done()
    formats = options.format or loaded.spec.outputs
    files = _written(compose.renamed(piece, path.stem), options.out, path.stem, formats)
    if options.json:
        print(json.dumps(compose.as_data(piece) | {"files": [str(f) for f in files]}, indent=2))
    else:
        cost = ", ".join(map(str, piece.cost)) or "0"
        best = "optimal" if piece.status == "optimal" else "the best found"
        if piece.status != "optimal" and any(piece.bound):
            cost += f" (none costs less than {', '.join(map(str, piece.bound))})"
        spent = sum(piece.seconds.values())
        print(f"{path.name}: {best}, cost {cost}, {spent:.1f} seconds; seed {piece.seed}.")
        for line in piece.taken_back:
            print(f"  A first plan was taken back: {line}")
        for line in compose.remarks(piece):
            print(f"  {line}")
        for file in files:
            print(f"  {file}")
    return INTERRUPTED if piece.interrupted else 0


def _written(piece: Composition, folder: Path, name: str, formats: Sequence[str]) -> list[Path]:
    from cspcomposer import compose, render
    from cspcomposer.files import write_atomically

    files = render.write(piece.score, folder, name, formats)
    data = compose.as_data(piece) | {"files": [f.name for f in files]}
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    return [*files, write_atomically(folder / f"{name}.json", text.encode())]


def _plan(options: argparse.Namespace) -> int:
    from cspcomposer import cli_plan
    from cspcomposer.solver import Solver

    if options.out:
        _ready(options.out, options.spec)
    code = 0
    with Solver() as solver:
        for path in options.spec:
            try:
                print(cli_plan.plans(path, options, solver), end="")
            except CSPComposerError as error:
                _complain(error)
                code = max(code, error.exit_code)
    return code


def _check(options: argparse.Namespace) -> int:
    from rich.console import Console

    from cspcomposer import check, check_show, lint, read, romantext, trial

    if options.out:
        _ready(options.out, options.file)
    own = trial.tried(lint.admitted(options.rules))
    numerals = romantext.read(options.numerals) if options.numerals else ()
    reports, code = [], 0
    for path in options.file:
        try:
            score = read.read(path, part=options.part, tune=options.tune)
            report = check.check(
                score, file=str(path), style=options.style, folders=own,
                key=options.key, numerals=check.placed(score, numerals, file=options.numerals),
            )  # fmt: skip
        except CSPComposerError as error:
            _complain(trial.suspected(error, own) if isinstance(error, NotGrounded) else error)
            code = max(code, error.exit_code)
            continue
        reports.append(report)
        if options.out:
            for file in check_show.write_marked(report, options.out, path.stem):
                print(file, file=sys.stderr)
        if any(v.severity == "hard" for v in report.violations):
            code = max(code, 1)
    if options.json:
        data: Any = [check_show.as_json(report) for report in reports]
        if len(options.file) > 1:
            print(json.dumps(data, indent=2))
        elif data:
            print(json.dumps(data[0], indent=2))
    else:
        console = Console(highlight=False)
        for report in reports:
            console.print(check_show.table(report))
    return code


def _study(options: argparse.Namespace) -> int:
    from rich.console import Console

    from cspcomposer import study
    from cspcomposer.files import write_atomically

    if options.habits:
        command = f"cspcomposer study {' '.join(options.source)} --habits {options.habits}"
        write_atomically(options.habits, study.habits(options.source, command=command).encode())
        print(options.habits)
        return 0
    console = Console(stderr=True)
    if options.fit:
        return _fit(options, console)
    result = study.study(options.source, style=options.style, jobs=options.jobs, console=console)
    text = study.markdown(result)
    if options.out:
        write_atomically(options.out, text.encode())
        print(options.out)
    elif options.json:
        print(json.dumps(study.as_json(result), indent=2))
    else:
        print(text)
    return 0


def _fit(options: argparse.Namespace, console: Console) -> int:
    from cspcomposer import fit, fit_style
    from cspcomposer.files import write_atomically

    if options.out and options.out.suffix != ".lp":
        hint = "A style is known by its ending: write such as --out mine.lp."
        raise BadInput(Fault("a style file's name ends in .lp.", options.out, hint=hint))
    if options.out:
        _ready(options.out.parent, ())
    found = fit.fit(options.source, style=options.style, jobs=options.jobs, console=console)
    style = "" if options.style == "chorale" else f" --style {options.style}"
    command = f"cspcomposer study {' '.join(options.source)} --fit{style}"
    text = fit_style.text(found, command=command)
    for name, reason in found.failures:
        print(f"left out: {name}: {reason}", file=sys.stderr)
    if options.out:
        print(write_atomically(options.out, text))
    else:
        print(text, end="")
    return 0


def _rules(options: argparse.Namespace) -> int:
    from cspcomposer import rulebook

    if options.test:
        return _rules_tested(options.test)
    severities = rulebook.severities(options.style)
    rules = list(rulebook.read(rulebook.rule_files()))
    if options.rule:
        name = "_".join(options.rule.lower().replace("-", " ").split())
        found = next((rule for rule in rules if rule.id == name), None)
        if found is None:
            hint = rulebook.near(name, [rule.id for rule in rules])
            raise BadInput(Fault(f"there is no rule '{options.rule}'.", hint=hint))
        print(rulebook.base_part(found.path).rstrip())
        return 0
    width = max(len(rule.id) for rule in rules)
    for rule in sorted(rules, key=lambda r: (r.stage, r.id)):
        print(f"{rule.id:<{width}}  {severities[rule.id]:<6}  {rule.stage:<10}  {rule.title}")
    return 0


def _rules_tested(place: Path) -> int:
    from cspcomposer import lint, trial
    from cspcomposer.rulebook_examples import examples, run_example

    code = 0
    for path in trial.tried(lint.admitted([place])):
        faults = lint.lint(path)
        for fault in faults:
            print(fault)
        verdicts = [run_example(path, name) for name in examples(path)]
        for verdict in verdicts:
            print(f"{path.stem}: {verdict.example.replace('_', ' ')}: "
                  f"{'as expected' if verdict.holds else 'NOT as expected'}")  # fmt: skip
            for kind, what in (("expected", verdict.expected), ("found", verdict.found)):
                if not verdict.holds:
                    print(f"  {kind}: {' '.join(sorted(what)) or 'nothing'}")
        if faults or not all(verdict.holds for verdict in verdicts):
            code = 1
    return code


def _evaluate(options: argparse.Namespace) -> int:
    from rich.console import Console

    from cspcomposer.files import write_atomically

    if options.structure:
        return _structure(options)
    from neural_priors.evaluate import evaluated

    page = evaluated(quick=options.quick, jobs=options.jobs, console=Console(stderr=True))
    if options.out:
        write_atomically(options.out, page)
        print(options.out)
    else:
        print(page, end="")
    return 0


def _structure(options: argparse.Namespace) -> int:
    from cspcomposer import evaluate_structure
    from cspcomposer.files import write_atomically

    found = []
    for path in options.structure:
        piece, chain = evaluate_structure.structures(path)
        found += [(path.stem, piece), ("its bigram chain", chain)]
    page = evaluate_structure.table(found)
    if options.out:
        write_atomically(options.out, page.encode())
        print(options.out)
    else:
        print(page, end="")
    return 0


def _batch(options: argparse.Namespace) -> int:
    from cspcomposer import cli_batch

    return cli_batch.run(options, lambda folder: _ready(folder, ()))


def _report(options: argparse.Namespace) -> int:
    from cspcomposer import cli_batch

    return cli_batch.shown(options, lambda folder: _ready(folder, ()))


def _export(options: argparse.Namespace) -> int:
    from cspcomposer import cli_batch

    return cli_batch.exported(options, lambda folder: _ready(folder, ()))


def _schema(_: argparse.Namespace) -> int:
    from cspcomposer.spec import schema_text

    print(schema_text(), end="")
    return 0


COMMANDS: Mapping[str, Command] = {
    "compose": _compose, "plan": _plan, "check": _check, "study": _study, "rules": _rules,
    "evaluate": _evaluate, "schema": _schema, "batch": _batch, "report": _report,
    "export": _export,
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
