"""Makes the studies of the compatibility fixtures, with the version of metaopt that is imported.

They were made at commit 6d6ebe8 and are to stay as they are: they stand for the studies that users have. This script
tells how; run it only to add a study of a new kind, in an empty folder outside the checkout::

    cd /home/user/digits && PYTHONPATH=CHECKOUT python -m tests.assets.make_studies
"""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import hyperopt

import metaopt
from tests.assets import tiny_functions
from tests.assets.searches import COMMANDS, COMMON, FUNCTIONS
from tests.assets.tiny_problem import space as TINY_SPACE

ASSETS = Path(__file__).parent
PROBLEMS = ("tiny_problem.py", "tiny_keras_model.py")
LEFT_OUT = (".lock", "logs", "cache", "figures")
INTERRUPTED_AT = 6


def main() -> None:
    """Makes every study in the current folder and copies it to ``studies/``."""
    for problem in PROBLEMS:
        shutil.copy(ASSETS / problem, ".")
    for name in ("tpe", "evolution_measured", "folds", "grow", "build_model"):
        metaopt_command("search", *flags(name))
    metaopt_command("retrain", "--results", "tpe")
    search_until(flags("asha_paused"), lambda event: event["event"] == "epoch" and event["epoch"] == INTERRUPTED_AT)
    make_imported()
    for name, (function, arguments) in FUNCTIONS.items():
        metaopt.search(getattr(tiny_functions, function), tiny_functions.SPACE, results=name, **arguments)
    for name in (*COMMANDS, *FUNCTIONS):
        copy = ASSETS / "studies" / name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(name, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        shutil.copy(f"{name}.pkl", copy.parent)


def flags(name: str) -> tuple[str, ...]:
    """All flags of a search by the command."""
    return ("--results", name, *COMMON, *COMMANDS[name])


def metaopt_command(*words: str) -> None:
    """Runs ``python -m metaopt`` to its end."""
    subprocess.run([sys.executable, "-m", "metaopt", *words], check=True)


def search_until(words: tuple[str, ...], happened: Callable[[dict], bool]) -> None:
    """Interrupts a search, as Ctrl-C does, when an event is in its journal."""
    process = subprocess.Popen([sys.executable, "-m", "metaopt", "search", *words])
    journal = Path(words[1], "journal.jsonl")
    while not (journal.exists() and any(map(happened, events(journal)))):
        assert process.poll() is None, "the search ended before"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait() == 130


def events(journal: Path) -> list[dict]:
    """The events of a journal; the last line may still be written."""
    *lines, _ = journal.read_text().split("\n")
    return [json.loads(line) for line in lines]


def make_imported() -> None:
    """Records and a pickle are imported and searched on; then plain hyperopt adds trials, and the search goes on."""
    name = "imported"
    records = sorted(map(str, Path("tpe").glob("model_*.json")))[:3]
    metaopt_command("import", *flags(name), *records, "evolution_measured.pkl")
    metaopt_command("search", *flags(name), "--trials", "4")
    path = Path(f"{name}.pkl")
    trials = pickle.loads(path.read_bytes())
    count = len(trials.trials) + 2
    hyperopt.fmin(lambda point: -0.01 * point["filters"], TINY_SPACE, hyperopt.rand.suggest, count, trials=trials)
    path.write_bytes(pickle.dumps(trials))
    metaopt_command("search", *flags(name), "--trials", "2")


if __name__ == "__main__":
    main()
