"""Everything there is to say about a piece of a batch, as a record of a data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cspcomposer import facts
from cspcomposer import pitch as pitches
from cspcomposer.batch_lines import Line
from cspcomposer.facts import Outline, grid, phrases
from cspcomposer.score import Score, measure_at
from cspcomposer.score_data import scored

Record = dict[str, Any]


def record(line: Line, data: Mapping[str, Any], split: str) -> Record:
    """Return everything there is to say about a piece; times are in quarter notes."""
    score = scored(data["score"])
    given = set(data["given"])
    first = score.measures[0]
    return {
        "id": line["id"], "split": split, "title": score.title, "seed": line["seed"],
        "inputs": line["inputs"], "status": line["status"],
        "cost": line["cost"], "bound": line["bound"],
        "key": str(score.keys[0]) if score.keys else "", "metre": f"{first.beats}/{first.unit}",
        "tempo": float(score.tempo), "quarters": float(score.end),
        "voices": [
            {
                "name": voice.name, "given": voice.name in given,
                "notes": [
                    {"onset": float(n.onset), "duration": float(n.duration),
                     "midi": pitches.midi(n.pitch), "pitch": pitches.name(n.pitch),
                     "fermata": n.fermata}
                    for n in voice.notes
                ],
            }
            for voice in score.voices
        ],
        "measures": [
            {"number": m.number, "onset": float(m.onset), "length": float(m.length)}
            for m in score.measures
        ],
        "keys": [{"onset": float(k.onset), "key": str(k)} for k in score.keys],
        "chords": [
            {"onset": float(c.onset), "numeral": c.numeral, "inversion": c.inversion,
             "figured": c.figured}
            for c in score.chords
        ],
        "sections": list(_sections(data.get("plan", {}))),
        "form": list(_form(score, data)),
        "violations": [
            {"rule": v["rule"], "severity": v["severity"], "bar": v["bar"],
             "beat": str(v["beat"]), "message": v["message"]}
            for v in data["violations"]
        ],
        "facts": facts.facts(Outline(score, tuple(c.onset for c in score.chords))),
    }  # fmt: skip


def _sections(plan: Mapping[str, Any]) -> Iterator[Record]:
    """Yield the sections of a plan, a part of a section after it: labels, bars, what returns."""
    for section in plan.get("sections", ()):
        first, _, last = section["bars"].partition("-")
        yield {
            "name": section["name"], "label": section["label"], "form": section["form"],
            "from_bar": int(first), "to_bar": int(last or first), "key": section["key"],
            "like": section["like"], "changes": section["changes"],
        }  # fmt: skip


def _form(score: Score, data: Mapping[str, Any]) -> Iterator[Record]:
    """Yield the phrases: where each begins and ends, how it was to close, on which chord it does.

    Args:
        score: The piece.
        data: What stands in its file. Its plan says of each phrase its section and its cadence, or
            its specification does of the cadence; neither where that says only how long it is.
    """
    plan = data.get("plan", {})
    asked = plan.get("phrases") or data["specification"].get("phrases", ())
    labels = {section["name"]: section["label"] for section in plan.get("sections", ())}
    times = grid(Outline(score, tuple(chord.onset for chord in score.chords)))
    for number, (begin, arrival, last) in enumerate(phrases(score, times)):
        chord = next((c for c in reversed(score.chords) if c.onset <= arrival), None)
        key = next((k for k in reversed(score.keys) if k.onset <= arrival), None)
        said = asked[number] if number < len(asked) else {}
        section = said.get("section", "")
        yield {
            "phrase": number + 1, "onset": float(begin), "arrival": float(arrival),
            "last": float(last), "from_bar": measure_at(score, begin).number,
            "to_bar": measure_at(score, arrival).number, "cadence": said.get("cadence", "any"),
            "section": section, "label": labels.get(section.partition(".")[0], ""),
            "ends_on": chord.figured if chord else "", "key": str(key) if key else "",
        }  # fmt: skip


def schema(arrow: Any) -> Any:
    """Return what a table of records is made of.

    Args:
        arrow: The module pyarrow, which need not be installed.
    """
    text, real, whole, yes = arrow.string(), arrow.float64(), arrow.int64(), arrow.bool_()

    def rows(**fields: Any) -> Any:
        return arrow.list_(arrow.struct(fields.items()))

    notes = rows(onset=real, duration=real, midi=whole, pitch=text, fermata=yes)
    return arrow.schema({
        "id": text, "split": text, "title": text, "seed": whole, "inputs": text, "status": text,
        "cost": arrow.list_(whole), "bound": arrow.list_(whole), "key": text, "metre": text,
        "tempo": real, "quarters": real, "voices": rows(name=text, given=yes, notes=notes),
        "measures": rows(number=whole, onset=real, length=real), "keys": rows(onset=real, key=text),
        "chords": rows(onset=real, numeral=text, inversion=whole, figured=text),
        "form": rows(phrase=whole, onset=real, arrival=real, last=real, from_bar=whole,
                     to_bar=whole, cadence=text, section=text, label=text, ends_on=text,
                     key=text),
        "sections": rows(name=text, label=text, form=text, from_bar=whole, to_bar=whole, key=text,
                         like=text, changes=arrow.list_(text)),
        "violations": rows(rule=text, severity=text, bar=whole, beat=text, message=text),
        "facts": text,
    })  # fmt: skip
