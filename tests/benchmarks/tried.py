"""What is said of a figure beside its aim; where it is missed, also what was tried."""

from __future__ import annotations

TRIED = {
    "starting": "libraries are imported when they are needed, programs are kept sliced. More than "
    "half of the CPU time is the solver's; a smaller effort would shorten it, and be worse.",
    "composing": "joins in the rule files written by twos, what was quadratic in Python mended; "
    "less effort for stretches is quicker and worse.",
    "proving": "tables of moves kept for each key, moves that three slots tell dear struck out, "
    "sweeps made once, reduced costs and cores for clingo, margins widened in steps. Reading the "
    "tables, sweeps and grounding take most of the time before the first answer, which is mostly "
    "the optimum; what follows goes into the last hundredth of the bound.",
    "spanning": "the tables know nothing of a rule that spans the piece: what it costs lies "
    "between the bound and the best. Of the settings that they offer clingo takes the first that "
    "keep the rule, and windows make these better.",
    "one bar": "what is kept leaves no other chord to be priced, windows that open nothing are not "
    "searched, bars are looked up.",
    "form": "fewer conflicts on the way to the first setting, shorter and longer stretches, joins "
    "by twos.",
    "checking": "sixteen pieces at a time, rules sliced to what can be broken, joins by twos. "
    "music21 answers seven questions here, the rules ten times as many.",
}


def verdict(reached: bool, what: str = "") -> str:
    """Return whether an aim is reached, and what was tried if it is not."""
    if reached:
        return "reached"
    return f"**missed**. Tried: {TRIED[what]}" if what else "**missed**"
