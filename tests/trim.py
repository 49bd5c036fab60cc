"""Cut the empty paper around the notes off a picture: python tests/trim.py FROM TO."""

import sys
from pathlib import Path

from PIL import Image, ImageChops

BORDER = 30


def trimmed(source: Path, target: Path) -> None:
    """Write the part of a picture that is not empty, small."""
    page = Image.open(source).convert("L")
    left, top, right, bottom = ImageChops.invert(page).getbbox() or (0, 0, *page.size)
    part = page.crop((left - BORDER, top - BORDER, right + BORDER, bottom + BORDER))
    part.quantize(16).save(target, optimize=True)


if __name__ == "__main__":
    trimmed(Path(sys.argv[1]), Path(sys.argv[2]))
