"""Cut the empty paper around the notes off a picture: python tests/trim.py FROM TO."""

import sys

from PIL import Image, ImageChops

BORDER = 30


def main() -> None:
    """Do it."""
    page = Image.open(sys.argv[1]).convert("L")
    left, top, right, bottom = ImageChops.invert(page).getbbox() or (0, 0, *page.size)
    part = page.crop((left - BORDER, top - BORDER, right + BORDER, bottom + BORDER))
    part.quantize(16).save(sys.argv[2], optimize=True)


if __name__ == "__main__":
    main()
