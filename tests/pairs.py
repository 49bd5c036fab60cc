"""Pictures of tunes set with the network and without it: python tests/pairs.py FOLDER."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from trim import trimmed

from cspcomposer import compose, read, render, specfile

# Two tunes whose settings by Bach taught no network, and two that he never set.
TUNES = {
    "bwv248.53-5": ("bach/bwv248.53-5.mxl", None),
    "bwv153.9": ("bach/bwv153.9.mxl", None),
    "erk-5": ("essenFolksong/erk5.abc", 5),
    "oneill-14": ("oneills1850/0001-0050.abc", 14),
}
MODELS = ("none", "chorale")


def main() -> None:
    """Set every tune in every way."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, (file, number) in TUNES.items():
        bach = number is None
        score = read.read_chorale(file) if bach else read.read_corpus(file, tune=number)
        tune = replace(score.voices[0], name="soprano", clef="treble")
        with tempfile.TemporaryDirectory() as place:
            home = Path(place)
            render.write(replace(score, voices=(tune,), chords=()), home, "tune", ("musicxml",))
            for model in MODELS:
                spec = home / "piece.yaml"
                spec.write_text(
                    f"title: {name} ({model})\nprior: {model}\nseed: 1\n"
                    "given: {soprano: {file: tune.musicxml}}\n",
                    encoding="utf-8",
                )
                piece = compose.compose(specfile.load(spec))
                render.write(piece.score, home, "piece", ("png", "midi"))
                (folder / f"{name}-{model}.mid").write_bytes((home / "piece.mid").read_bytes())
                trimmed(home / "piece.png", folder / f"{name}-{model}.png")
                print(name, model, piece.cost, f"{sum(piece.seconds.values()):.1f} s", flush=True)


if __name__ == "__main__":
    main()
