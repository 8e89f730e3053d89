#!/usr/bin/env python3
"""Search for a good convolutional network for your images. Run it again to resume an interrupted search.

space.py and neural_net.py beside this file define the search space and the networks. --help shows all options.
"""

import sys

from metaopt.terminal.interruption import end_on_interrupts

if __name__ == "__main__":
    end_on_interrupts()  # before the imports that take seconds
    from pathlib import Path

    from metaopt.cli.search import main

    sys.exit(main(beside=Path(__file__).resolve().parent))
