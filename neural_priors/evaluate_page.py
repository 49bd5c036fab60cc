"""The page of `cspcomposer evaluate`: what was measured, as tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from neural_priors import classify, ranking
from neural_priors.classify import Told
from neural_priors.metrics import Bigrams, Judged, total
from neural_priors.ranking import Rank
from neural_priors.settings import SEED, Setting

# Split, model, nats a beat of alto, tenor and bass.
Surprise = tuple[str, str, tuple[float, float, float]]
Rows = Mapping[str, Sequence[Setting]]
# Every how many beats Bach's voicing is ranked, by `ranking.SUPPLIES`.
EVERY = {"plain": 6, "all": 12}
# Figures that need Bach's setting of the tune.
_BESIDE = frozenset({"notes as Bach's", "alto", "tenor", "bass", "cadences as Bach's"})


@dataclass(frozen=True)
class Measured:
    """All that the page says.

    Attributes:
        quick: Whether some pieces stand for all.
        surprise: What notes of Bach's surprise the models.
        ranks: Where Bach's voicings stand among the legal ones, by `ranking.SUPPLIES`.
        chorales: Settings of Bach's sopranos by row; "Bach" are his own.
        folk: Settings of folk tunes by row.
        taught: Chord pairs of the pieces that taught.
        floor: How far two bodies of Bach's are apart in chord pairs.
        told: By row how well it is told from Bach, on the beats and by all; None without
            scikit-learn.
    """

    quick: bool
    surprise: Sequence[Surprise]
    ranks: Mapping[str, Sequence[Rank | None]]
    chorales: Rows
    folk: Rows
    taught: Bigrams
    floor: float
    told: Mapping[str, tuple[Told | None, Told | None]] | None


def page(found: Measured) -> str:
    """Return the page."""
    lines = [
        "# What the networks are worth", "",
        f"Written by `cspcomposer evaluate{' --quick' if found.quick else ''}`; not edited by "
        "hand. Every figure was measured by this run. Nothing was listened to.", "",
        *_surprise(found.surprise), "",
        *_ranks(found.ranks), "",
        *_chorales(found), "",
        *_told(found.told), "",
        *_folk(found),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _surprise(found: Sequence[Surprise]) -> Iterator[str]:
    yield from ("## Surprise", "")
    yield (
        "Nats a beat of alto, tenor and bass given the whole soprano, bass first, then tenor, then "
        "alto, each knowing all that came before; on the beat grid, silence included."
    )
    yield from ("", "| split | model | alto | tenor | bass | a beat |", "|---|---|--:|--:|--:|--:|")
    for split, model, nats in found:
        each = " | ".join(f"{n:.2f}" for n in nats)
        yield f"| {split} | {model} | {each} | {sum(nats):.2f} |"


def _ranks(found: Mapping[str, Sequence[Rank | None]]) -> Iterator[str]:
    yield from ("## Bach's own voicing among all that the rules allow", "")
    yield (
        "Bach's beat before it is given. clingo lists every alto, tenor and bass that the hard "
        "rules permit; the place of Bach's own among them."
    )
    yield from ("", f"Of the key's own triads and its dominant seventh, every {EVERY['plain']}th "
                "beat of the test pieces:", "")  # fmt: skip
    yield from ranking.lines(found["plain"])
    yield from ("", f"Of all chords that the rules know, every {EVERY['all']}th beat:", "")
    yield from ranking.lines(found["all"])


def _chorales(found: Measured) -> Iterator[str]:
    rows, bach = found.chorales, _judged(found.chorales["Bach"])
    yield from ("## Sopranos of the test pieces, set anew", "")
    yield (
        "Only tune, fermatas and key are known. One note to a beat, no ornaments. Chords and keys "
        "of every row, Bach's too, are estimated by the same means. `alone` means that no rule was "
        f"heeded. {len(rows['Bach'])} tunes, seed {SEED}; rules only: every fourth of them. Two "
        f"bodies of {len(bach)} pieces of Bach differ by {found.floor:.3f} bits in chord pairs."
    )
    yield ""
    yield from _table(rows, found.taught, bach)
    yield from _failures(rows)


def _folk(found: Measured) -> Iterator[str]:
    rows, bach = found.folk, _judged(found.chorales["Bach"])
    tunes = max(map(len, rows.values()))
    yield from ("## Folk tunes, which taught nobody", "")
    yield (
        f"{tunes} tunes out of the Essen collection, Aird's and O'Neill's, major and minor, in "
        "2/4, 3/4, 4/4 and 6/8; set as the sopranos are, seed {seed}, rules only: every fourth. "
        "There is no setting of Bach's to be like: chord pairs are held against the pieces that "
        "taught, soft rules against Bach's chorales of the table above, which is the first column. "
        "Hard faults of melody in a tune itself, such as a leap of a ninth, are not counted."
    ).replace("{seed}", str(SEED))
    yield ""
    yield from _table({"Bach": found.chorales["Bach"], **rows}, found.taught, bach, without=_BESIDE)
    yield from _failures(rows)


def _table(
    rows: Rows, taught: Bigrams, bach: Sequence[Judged], *, without: frozenset[str] = frozenset()
) -> Iterator[str]:
    yield "| | " + " | ".join(rows) + " |"
    yield "|---|" + "--:|" * len(rows)
    figures = {t: total(_judged(f), taught, bach) if _judged(f) else {} for t, f in rows.items()}
    for figure in figures["Bach"]:
        if figure not in without:
            cells = [f"{f[figure]:.3g}" if f else "-" for f in figures.values()]
            yield f"| {figure} | " + " | ".join(cells) + " |"
    mean = [sum(s.seconds for s in found) / len(found) for found in rows.values()]
    yield "| seconds a piece | " + " | ".join(f"{s:.2g}" for s in mean) + " |"
    failed = [sum(bool(s.failure) for s in found) for found in rows.values()]
    yield "| not set | " + " | ".join(map(str, failed)) + " |"


def _failures(rows: Rows) -> Iterator[str]:
    said = [f"- {t}: {s.name} was not set: {s.failure}" for t, r in rows.items() for s in r
            if s.failure]  # fmt: skip
    if said:
        yield from ("", *said)


def _told(found: Mapping[str, tuple[Told | None, Told | None]] | None) -> Iterator[str]:
    yield from ("## Bach's or not", "")
    if found is None:
        yield "not measured: scikit-learn is not installed"
        return
    yield (
        "How surely logistic regression tells a row of the table above from Bach's settings of "
        f"the same tunes: the area under the ROC curve, {classify.FOLDS}-fold cross-validated, all "
        "settings of a tune in one fold; 0.5: they cannot be told apart, 1: always. In brackets "
        "where it lies in 95 of 100 draws of the tunes. It goes by the rates of melodic "
        "intervals, of spacings, of chords and of moves on the beats; then by faults against the "
        "soft rules, too, in which Bach's ornaments count, and the generated settings have none. "
        f"Bach: halves of his own pieces, the mean of {classify.HALVINGS} halvings, which is "
        "guessing."
    )
    yield from ("", "| | pieces | on the beats | and by faults |", "|---|--:|--:|--:|")
    for title, (beats, whole) in found.items():
        size = beats.size if beats else "-"
        yield f"| {title} | {size} | {_area(beats)} | {_area(whole)} |"
    yield ""
    yield (
        "What weighs most on the beats; in brackets how often it is in Bach's and in the row, in "
        "100 intervals or spacings of those voices, chords of the beats, or quarter notes:"
    )
    yield ""
    for title, (beats, _) in found.items():
        if beats and title != "Bach":
            said = "; ".join(f"{name} ({b:.1f}, {g:.1f})" for name, b, g in beats.traits)
            yield f"- {title}: {said}"


def _area(told: Told | None) -> str:
    return f"{told.area:.2f} ({told.low:.2f} to {told.high:.2f})" if told else "too few tunes"


def _judged(found: Sequence[Setting]) -> list[Judged]:
    return [s.judged for s in found if s.judged]
