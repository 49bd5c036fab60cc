"""What the command line does to show a plan without composing it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cspcomposer import brief, compose_form, form_show, form_svg, specfile
from cspcomposer.errors import BadSpec
from cspcomposer.files import write_atomically
from cspcomposer.form_show import Ruler
from cspcomposer.solver import Solver
from cspcomposer.specfile import LoadedSpec


def know(loaded: LoadedSpec, *, several: bool, prove: bool) -> None:
    """Refuse what does not go with a form.

    Raises:
        BadSpec: several answers are asked for, or a proof.
    """
    effort = loaded.spec.effort
    if several:
        message = "several answers are not told apart in a piece with a form."
        hint = "Compose it several times, each time with another --seed."
        raise BadSpec(loaded.fault("form", message, hint))
    if prove or (effort and effort.prove):
        message = (
            "a piece with a form is set a few phrases at a time, and not proven to be the best."
        )
        hint = "Leave out --prove, or write phrases instead of the form."
        raise BadSpec(loaded.fault("form", message, hint))


def plans(path: Path, options: argparse.Namespace, solver: Solver) -> str:
    """Return the plan of a specification as it is printed, and write it where that is wanted.

    Raises:
        BadSpec: it asks for no form.
        NoSolution: the plan contradicts itself.
    """
    loaded = specfile.load(path)
    if loaded.spec.form is None:
        hint = "Add a form, such as form: rondo, or form: A A' B A'."
        raise BadSpec(loaded.fault("", "there is nothing to plan: it asks for no form.", hint))
    seed = loaded.spec.seed if options.seed is None else options.seed
    plan = compose_form.planned(solver, loaded, brief.own_rules(loaded), seed)
    ruler = Ruler(loaded.spec.pickup, loaded.spec.metre.full)
    title = loaded.spec.title or path.stem
    shown = form_show.text(plan, ruler, title)
    if options.json:
        shown = json.dumps(form_show.as_data(plan, ruler), indent=2, ensure_ascii=False) + "\n"
    if options.out:
        files = [(".plan.txt", form_show.text(plan, ruler, title)),
                 (".plan.svg", form_svg.svg(plan, ruler, title))]  # fmt: skip
        for ending, text in files:
            shown += f"\n{write_atomically(options.out / f'{path.stem}{ending}', text.encode())}"
        shown += "\n"
    return shown
