"""What a specification refers to, looked up: styles, rules, own rule files, scores, chords.

Whatever is not there is a `BadSpec` that points into the specification.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cspcomposer import candidates, facts, read, rulebook
from cspcomposer.errors import BadRules, BadScore, BadSpec, Fault
from cspcomposer.facts import Outline
from cspcomposer.lint import admitted
from cspcomposer.score import Score
from cspcomposer.spec import FileSource
from cspcomposer.specfile import LoadedSpec
from cspcomposer.trial import tried


def own_rules(loaded: LoadedSpec) -> tuple[Path, ...]:
    """Return the user's own rule files.

    Raises:
        BadSpec: a folder that does not exist, or a rule that is not known.
        BadRules: a rule file that cannot be used.
    """
    places = [loaded.file(name) for name in loaded.spec.rule_folders]
    faults = [
        loaded.fault("rule_folders", f"there is no folder '{name}'.")
        for name, place in zip(loaded.spec.rule_folders, places, strict=True)
        if not place.exists()
    ]
    if faults:
        raise BadSpec(*faults)
    paths = tried(admitted(places))
    _know_names(loaded, paths)
    return paths


def _know_names(loaded: LoadedSpec, own: Iterable[Path]) -> None:
    known = [path.stem for path in rulebook.rule_files(own)]
    faults: list[Fault] = []
    for name in loaded.spec.rules:
        if name not in known:
            hint = rulebook.near(name, known)
            faults.append(loaded.fault(f"rules.{name}", "there is no such rule.", hint))
    try:
        rulebook.style_file(loaded.spec.style)
    except BadRules as error:
        faults += [f if f.file else loaded.fault("style", f.message, f.hint) for f in error.faults]
    if faults:
        raise BadSpec(*faults)


def given_scores(loaded: LoadedSpec) -> dict[str, Score]:
    """Return, by voice, the scores of one part that are given as files.

    Raises:
        BadSpec: a file that cannot be read.
    """
    out: dict[str, Score] = {}
    faults: list[Fault] = []
    for name, source in loaded.spec.given.items():
        if isinstance(source, FileSource) and name not in ("figures", "numerals"):
            try:
                out[name] = read.read(loaded.file(source.file), part=source.part, tune=source.tune)
            except BadScore as error:
                faults += [loaded.fault(f"given.{name}", str(f)) for f in error.faults]
    if faults:
        raise BadSpec(*faults)
    return out


def know_ranges(loaded: LoadedSpec) -> None:
    """Refuse a free voice of which nobody says how high it sings.

    Raises:
        BadSpec: there is such a voice.
    """
    spec = loaded.spec
    known = rulebook.ranges(spec.style)
    faults = [
        loaded.fault(
            f"voices.{place}",
            f"the style {spec.style} has no range for '{voice.name}'.",
            "Write one, such as {name: " + voice.name + ", range: C3 C5}.",
        )
        for place, voice in enumerate(spec.voices, 1)
        if voice.range is None and voice.name not in known and voice.name not in spec.given
    ]
    if faults:
        raise BadSpec(*faults)


def know_numerals(loaded: LoadedSpec, plan: Outline, options: candidates.Options) -> None:
    """Refuse Roman numerals that the style does not have in their key.

    Raises:
        BadSpec: there are such numerals.
    """
    ticking = facts.clock(plan)
    faults: dict[str, Fault] = {}
    for moment, name, _ in plan.numerals:
        known = options.prices.get(ticking.ticks(moment), {})
        if known and name not in known:
            index = [n.numeral for n in loaded.numerals].index(name)
            key = facts.key_at(plan.score.keys, moment)
            message = f"the style {loaded.spec.style} has no chord {name} in {key}."
            hint = rulebook.near(name, sorted(known))
            faults[name] = loaded.fault("given.numerals", message, hint, index)
    if faults:
        raise BadSpec(*faults.values())
