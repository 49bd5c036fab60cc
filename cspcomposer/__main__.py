"""``python -m cspcomposer`` is the command line."""

import sys

from cspcomposer.cli import main

sys.exit(main())
