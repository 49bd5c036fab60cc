"""``cspcomposer`` and ``python -m cspcomposer`` are the command line."""

import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # An interrupt while the command line itself is loaded ends the process, without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from cspcomposer.cli import main

if __name__ == "__main__":
    sys.exit(main())
