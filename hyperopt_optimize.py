#!/usr/bin/env python3
"""Searches for a good convolutional network for your images: run it, stop it, run it again.

What is searched is in space.py and neural_net.py beside this file; all options are shown by --help.
"""

import sys
from pathlib import Path

from metaopt.cli.search import main

if __name__ == "__main__":
    sys.exit(main(beside=Path(__file__).resolve().parent))
