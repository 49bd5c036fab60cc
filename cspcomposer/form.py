"""From a specification to the plan of a piece: its form, keys, cadences, and what returns.

What a form is, is said by the files in `asp_rules/forms`, or by the specification; how it is filled
is chosen under rules. Lays out no notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

from cspcomposer import facts_derivation, facts_form, facts_form_plan, rulebook, solver, words
from cspcomposer.errors import BadSpec, Fault, NoSolution
from cspcomposer.facts_derivation import Derivation
from cspcomposer.facts_form import OWN, Layout
from cspcomposer.facts_form_plan import Bars
from cspcomposer.guard import guard
from cspcomposer.plan import OTHER_VALUES, TURNS, Plan, Region
from cspcomposer.rulebook_slice import sliced
from cspcomposer.solver import Answer, Solver, Source, Term
from cspcomposer.specfile import LoadedSpec

# So many conflicts for a plan, and so many for the harmony of a phrase: the best is not needed.
CONFLICTS = 3_000
EACH = 100
OPTIONS = ("--opt-strategy=usc,k,stratify",)
_WANTED = facts_form_plan.SHOWN
_FORM = {"form": 2, "usual": 2, "part": 3, "share": 3, "made_as": 3, "offers": 2}


def names() -> list[str]:
    """Return the names of the forms of whole pieces."""
    return sorted(str(a.arguments[0]) for a in _stated_by(_shipped()) if a.name == "usual")


def plan(
    asker: Solver,
    loaded: LoadedSpec,
    *,
    seed: int,
    folders: Sequence[Path] = (),
    top: int | None = None,
    refused: Sequence[str] = (),
) -> Plan:
    """Return the plan of a piece.

    Args:
        asker: Where to solve.
        loaded: The specification, which asks for a form.
        seed: For what nothing else decides.
        folders: Rule files of the user's own.
        top: The highest pitch of a melody that is free, or None.
        refused: What was chosen in plans that could not be set, as facts.

    Raises:
        BadSpec: a form or a section that is not known.
        NoSolution: the plan contradicts itself; says where.
    """
    layout, sources = known(loaded)
    said = facts_form.asked(loaded.spec, layout, seed, top)
    texts = [*_program(loaded, tuple(folders), "form"), *sources, Source("specified", said)]
    texts.append(Source("refused", "\n".join(refused)))
    answer = _best(asker, texts, list(_WANTED), seed)
    if answer is None:
        raise NoSolution(*contradictions(asker, loaded, texts, tuple(folders)))
    bars = _bars(loaded, facts_form.total(loaded.spec, layout))
    title = next(str(a.arguments[1]) for a in _stated_by(sources)
                 if a.name == "form" and str(a.arguments[0]) == layout.form)  # fmt: skip
    made = facts_form_plan.planned(answer, loaded.spec, layout, title, bars)
    _know_opening(loaded, made)
    asked = list(facts_derivation.derivations(answer, bars))
    return replace(made, harmony=_harmony(asker, loaded, asked, tuple(folders), seed))


def _harmony(
    asker: Solver,
    loaded: LoadedSpec,
    asked: Sequence[Derivation],
    folders: tuple[Path, ...],
    seed: int,
) -> tuple[Region, ...]:
    """Return for each phrase the derivation of its harmony; a phrase that returns has it again."""
    program = _program(loaded, folders, "regions")
    whims = list(facts_form.whims(seed))
    done: dict[int, Region] = {}
    waiting = {each.phrase: each for each in asked}
    while waiting:
        new = [e for e in waiting.values() if e.like is None and e.begins_like not in waiting]
        said = list(whims)
        for each in new:
            begins = done[each.begins_like] if each.begins_like is not None else None
            said += facts_derivation.stated(each, begins)
        if new:
            facts = "\n".join(f"{fact}." for fact in said)
            texts = [*program, Source("derived", facts)]
            answer = _best(
                asker, texts, list(facts_derivation.TREES), seed, conflicts=EACH * (len(new) + 4)
            )
            assert answer, f"no harmony for {facts}"
            done |= {each.phrase: facts_derivation.tree(answer, each) for each in new}
        for each in asked:
            if each.like is not None and each.like in done and each.phrase not in done:
                by = each.begin - asked[each.like].begin
                done[each.phrase] = moved(done[each.like], by)
        waiting = {n: each for n, each in waiting.items() if n not in done}
    return tuple(done[each.phrase] for each in asked)


def moved(region: Region, by: Fraction) -> Region:
    """Return a derivation at another time."""
    parts = tuple(moved(part, by) for part in region.parts)
    return replace(region, begin=region.begin + by, end=region.end + by, parts=parts)


def _best(
    asker: Solver,
    texts: Sequence[Source],
    show: list[str],
    seed: int,
    *,
    conflicts: int = CONFLICTS,
) -> Answer | None:
    """Return the best answer within some conflicts; the first one if there is none by then."""
    best: Answer | None = None
    asker.ground(texts, options=(*OPTIONS, f"--seed={seed}"))
    for limit, answers in ((conflicts, None), (None, 1)):
        for step in asker.solve(show=show, conflicts=limit, answers=answers):
            if isinstance(step, Answer):
                best = step
            elif step.satisfiable is not None:
                return best
    return best


def _bars(loaded: LoadedSpec, count: int) -> Bars:
    spec = loaded.spec
    return Bars(tuple(spec.pickup + n * spec.metre.full for n in range(count + 1)))


def _program(loaded: LoadedSpec, folders: tuple[Path, ...], choose: str) -> tuple[Source, ...]:
    spec = loaded.spec
    return _texts(spec.style, tuple(sorted(spec.rules.items())), folders, choose)


@cache
def _texts(
    style: str, overrides: tuple[tuple[str, str], ...], folders: tuple[Path, ...], choose: str
) -> tuple[Source, ...]:
    """Return theory, rules of form and whims, without what they do not need."""
    texts = rulebook.program(
        [choose], "enforce", style=style, overrides=dict(overrides), folders=folders,
        heeded=("hard", "strong", "mild"), priors=("form",),
    )  # fmt: skip
    kept = [s for s in texts if _of_plans(Path(s.name))]
    wanted = _WANTED if choose == "form" else facts_derivation.TREES
    return tuple(sliced(kept, list(wanted.items())))


def _of_plans(path: Path) -> bool:
    """Return whether a text says something of plans: a shipped rule of another stage does not."""
    shipped = path.parent.parent == rulebook.folder() / "rules"
    return not shipped or path.parent.name == "plan"


def known(loaded: LoadedSpec) -> tuple[Layout, list[Source]]:
    """Return the parts of the form that a specification asks for, and the texts that say so.

    Raises:
        BadSpec: there is no such form, or no such section in it.
    """
    spec = loaded.spec
    assert spec.form is not None
    written = facts_form.letters(spec.form)
    own: Path | None = None
    if written:
        name = OWN
        text = "\n".join(f"{fact}." for fact in facts_form.written_form(written, spec))
        sources = [*_shipped(), Source("written", text)]
        _know_models(loaded, written)
    elif spec.form.endswith(".lp"):
        own = loaded.file(spec.form)
        name, sources = own.stem, [*_shipped(), _own_form(own)]
    else:
        name, sources = "_".join(spec.form.lower().replace("-", " ").split()), list(_shipped())
    said = _stated_by(sources)
    usual = {str(a.arguments[0]): int(a.arguments[1]) for a in said if a.name == "usual"}
    if name not in usual and name != OWN:
        if own:
            message = f"this file has no fact usual({name},BARS), which makes it a form of a piece."
            raise BadSpec(Fault(message, own))
        message = f"there is no form '{spec.form}'."
        hint = rulebook.near(name, sorted(usual)) or f"There are: {', '.join(sorted(usual))}."
        raise BadSpec(loaded.fault("form", message, hint))
    parts = sorted((int(a.arguments[1]), str(a.arguments[2])) for a in said
                   if a.name == "part" and str(a.arguments[0]) == name)  # fmt: skip
    shares = {int(a.arguments[1]): int(a.arguments[2]) for a in said
              if a.name == "share" and str(a.arguments[0]) == name}  # fmt: skip
    within = _within(name, said)
    labels = tuple(sorted({str(a.arguments[2]) for a in said
                           if a.name == "part" and str(a.arguments[0]) in within}))  # fmt: skip
    weights = tuple(shares.get(n, 1) for n, _ in parts)
    bars = usual.get(name, facts_form.USUAL * len(parts))
    layout = Layout(name, labels, tuple(label for _, label in parts), weights, bars)
    _know_labels(loaded, layout, {str(a.arguments[0]) for a in said if a.name == "form"})
    return layout, sources


def _within(name: str, said: Sequence[Term]) -> set[str]:
    """Return the forms that a form may have in it, at any depth, and itself."""
    offers = {(str(a.arguments[0]), str(a.arguments[1])) for a in said if a.name == "offers"}
    offers |= {(str(a.arguments[0]), str(a.arguments[2])) for a in said if a.name == "made_as"}
    found, new = set(), {name}
    while new:
        found |= new
        new = {below for above, below in offers if above in new} - found
    return found


def _know_labels(loaded: LoadedSpec, layout: Layout, forms: set[str]) -> None:
    faults = []
    for label, section in loaded.spec.sections.items():
        if label not in layout.labels or (layout.form == OWN and label not in layout.parts):
            names = list(dict.fromkeys(layout.parts))
            hint = rulebook.near(label, names) or f"There are: {', '.join(names)}."
            faults.append(loaded.fault(f"sections.{label}", "there is no such section.", hint))
        if section.form and section.form not in forms:
            hint = rulebook.near(section.form, sorted(forms))
            message = f"there is no form '{section.form}'."
            faults.append(loaded.fault(f"sections.{label}.form", message, hint))
        if section.upbeat:
            faults += _know_upbeat(loaded, label)
        if layout.form != OWN and (section.like or section.changes):
            message = "which sections of a named form return, and how, is said by the form."
            hint = "Write the form with letters, such as A A' B A'."
            said = "like" if section.like else "changes"
            faults.append(loaded.fault(f"sections.{label}.{said}", message, hint))
    if faults:
        raise BadSpec(*faults)


def _know_upbeat(loaded: LoadedSpec, label: str) -> list[Fault]:
    """Return what speaks against the upbeat of a section."""
    spec, key = loaded.spec, f"sections.{label}.upbeat"
    if spec.texture is None:
        message = "an upbeat belongs to an invented melody, and there is no texture."
        return [loaded.fault(key, message, "Add a texture, such as texture: song.")]
    if spec.pickup:
        message = "the piece has a pick-up, with which all its phrases begin."
        return [loaded.fault(key, message, "Keep pickup, or the upbeats of sections.")]
    if spec.sections[label].upbeat >= spec.metre.full:
        return [loaded.fault(key, f"expected less than a bar of {spec.metre}.")]
    return []


def _know_opening(loaded: LoadedSpec, made: Plan) -> None:
    """Refuse an upbeat before the first bar that is no pick-up.

    Raises:
        BadSpec: a section has one with which the piece begins.
    """
    for section in made.sections_at(made.phrases[0].begin):
        if section.label in loaded.spec.sections and loaded.spec.sections[section.label].upbeat:
            message = f"the piece begins with {section.label}: an upbeat there is a pick-up."
            hint = "Write pickup, which all phrases have, or give upbeats to later sections."
            raise BadSpec(loaded.fault(f"sections.{section.label}.upbeat", message, hint))


def _know_models(loaded: LoadedSpec, written: Sequence[str]) -> None:
    """Refuse a section that is like one that does not come before it, or that changes nothing."""
    faults = []
    for label, section in loaded.spec.sections.items():
        if label not in written:
            continue
        place = written.index(label)
        if section.like is not None and section.like not in written[:place]:
            message = f"there is no section {section.like} before {label}."
            names = ", ".join(dict.fromkeys(written[:place]))
            hint = f"Before it there are: {names}." if place else ""
            faults.append(loaded.fault(f"sections.{label}.like", message, hint))
        elif section.changes and place not in facts_form.models(written, loaded.spec.sections):
            message = f"{label} is new: it has nothing to change."
            hint = "Say which section it is like, with like."
            faults.append(loaded.fault(f"sections.{label}.changes", message, hint))
        else:
            faults += _know_changes(loaded, label)
    if faults:
        raise BadSpec(*faults)


def _know_changes(loaded: LoadedSpec, label: str) -> list[Fault]:
    """Return what does not go together in how a section changes, and what it does not say."""
    section = loaded.spec.sections[label]
    turns = [change for change in section.changes if change in TURNS]
    others = [
        change for change in section.changes if change in ("melody", "harmony", "rhythm", "mode")
    ]
    key = f"sections.{label}.changes"
    if turns[1:] or (turns and others):
        said = " and ".join([*turns, *others])
        message = f"{said} do not go together: the melody can be turned in one way."
        return [loaded.fault(key, message, f"Keep {turns[0]} alone.")]
    if turns and turns[0] in OTHER_VALUES and loaded.spec.texture is None:
        message = f"{turns[0]} needs a melody with a rhythm of its own, and there is no texture."
        return [loaded.fault(key, message, "Add a texture, such as texture: song.")]
    return [
        loaded.fault(key, f"it changes its {word}, and no {word} is given.",
                     f"Add {word} to section {label}, or leave it out of changes.")
        for word, given in (("texture", section.texture), ("density", section.density))
        if word in section.changes and given is None
    ]  # fmt: skip


@cache
def _shipped() -> tuple[Source, ...]:
    paths = sorted((rulebook.folder() / "forms").glob("*.lp"))
    return tuple(Source(str(p), p.read_text(encoding="utf-8")) for p in paths)


def _own_form(path: Path) -> Source:
    """Return the text of a form file of the user's own.

    Raises:
        BadRules: it holds more than facts, or cannot be read.
    """
    text = guard(path)
    rulebook.facts_only(path, "form")
    return Source(str(path), text)


def _stated_by(sources: Sequence[Source]) -> Sequence[Term]:
    return _asked_of(tuple(sources))


@cache
def _asked_of(sources: tuple[Source, ...]) -> tuple[Term, ...]:
    atoms, _ = solver.consequences(sources, show=_FORM)
    return tuple(atoms)


def contradictions(
    asker: Solver, loaded: LoadedSpec, texts: Sequence[Source], folders: tuple[Path, ...]
) -> list[Fault]:
    """Return why there is no plan: the hard faults of the best there is, each with its line."""
    program = {text.name for text in _program(loaded, folders, "form")}
    relaxed = [*_relaxed(loaded, folders), *(text for text in texts if text.name not in program)]
    answer = _best(asker, relaxed, ["violation"], 0)
    rules = {rule.id: rule for rule in rulebook.read(rulebook.rule_files(folders))}
    words_of = rulebook.severities(loaded.spec.style, dict(loaded.spec.rules), folders)
    faults = [Fault("there is no such plan: the sections contradict each other.", loaded.path)]
    for atom in answer.atoms if answer else ():
        rule, _, who = atom.arguments
        if words_of.get(str(rule)) != "hard":
            continue
        said = rules[str(rule)]
        section = words.terms(who).get("section", "")
        key = _line_for(loaded, section, str(rule))
        faults.append(loaded.fault(key, words.sentence(said, who), said.advice))
    return list(dict.fromkeys(faults))


# Which word of a section is meant when a rule is broken.
_FIELDS = {
    "longer_than_its_model": "bars", "bars_do_not_add_up": "bars", "section_without_a_form": "bars",
    "cadence_not_as_told": "cadence", "key_never_reached": "closes_in",
}  # fmt: skip


def _line_for(loaded: LoadedSpec, section: str, rule: str) -> str:
    field = _FIELDS.get(rule, "")
    for key in (f"sections.{section}.{field}", f"sections.{section}", "bars", "form"):
        if key in loaded.places:
            return key
    return "form"


def _relaxed(loaded: LoadedSpec, folders: tuple[Path, ...]) -> list[Source]:
    spec = loaded.spec
    texts = rulebook.program(
        ["form"], "relax", style=spec.style, overrides=dict(spec.rules), folders=folders,
        heeded=("hard", "strong"),
    )  # fmt: skip
    kept = [s for s in texts if _of_plans(Path(s.name))]
    return sliced(kept, [*_WANTED.items(), ("violation", 3)])
