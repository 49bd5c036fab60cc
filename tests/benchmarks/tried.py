"""What is said of a figure beside its aim; where it is missed, also what was tried."""

from __future__ import annotations

TRIED = {
    "starting": "libraries are imported when they are needed, programs are kept sliced; a third of "
    "the time is the search, which a smaller effort would shorten and make worse.",
    "composing": "joins in the rule files written by twos (the surface of 1,024 beats laid out in "
    "3.9 s instead of 17), what was quadratic in Python mended; less effort for stretches is "
    "quicker and worse. What is left: seams and the whole piece are judged once more.",
    "proving": "tables of moves kept for each key, moves that three slots tell dear struck out, "
    "sweeps made once, reduced costs and cores for clingo, margins widened in steps. Reading the "
    "tables, two sweeps and grounding take five seconds before clingo begins; its first answer is "
    "mostly the optimum, and most of the rest goes into the last hundredth of the bound.",
    "spanning": "the tables know nothing of a rule that spans the piece; what it costs is found by "
    "clingo alone, and where it costs strong faults all margins lie below it.",
    "one bar": "what is kept leaves no other chord to be priced, windows that open nothing are not "
    "searched, bars are looked up; half of the time is grounding the rules over the whole piece.",
    "form": "fewer conflicts on the way to the first setting (more strong faults), shorter and "
    "longer stretches, joins by twos. Grounding takes most of the time.",
    "checking": "sixteen pieces at a time, rules sliced to what can be broken, joins by twos. "
    "music21 asks seven questions, the rules more than a hundred, and clingo grounds each.",
}


def verdict(reached: bool, what: str = "") -> str:
    """Return whether an aim is reached, and what was tried if it is not."""
    if reached:
        return "reached"
    return f"**missed**. Tried: {TRIED[what]}" if what else "**missed**"
