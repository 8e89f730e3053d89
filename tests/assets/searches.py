"""The searches of the compatibility fixtures: what their studies were made with, and what resumes them.

The studies in ``studies/`` were made by ``make_studies.py`` with the version of commit 6d6ebe8.
"""

from typing import Any

# These flags of every search by the command keep the studies independent of the machine that runs them.
COMMON = ("--data", "digits", "--constraint", "memory<=1e9", "--seed", "1")
TINY = ("--space", "tiny_problem.py")

# Study → the flags of its search. A study's folder has its name, and its pickle lies beside it.
COMMANDS: dict[str, tuple[str, ...]] = {
    "tpe": (*TINY, "--strategy", "tpe", "--trials", "8", "--epochs", "4", "--early-stopping", "2"),
    "asha_paused": (*TINY, "--strategy", "asha", "--trials", "14", "--epochs", "9"),
    "evolution_measured": (
        *(*TINY, "--strategy", "evolution", "--mu", "4", "--lambda", "3", "--trials", "12", "--epochs", "3"),
        *("--constraint", "val_precision>=0.5", "--constraint", "params<=900"),
    ),
    "folds": (*TINY, "--folds", "3", "--objective", "val_loss", "--trials", "6", "--epochs", "3"),
    "imported": (*TINY, "--strategy", "tpe", "--trials", "6", "--epochs", "3"),
    "grow": (
        *(*TINY, "--strategy", "evolution", "--mu", "3", "--trials", "7", "--epochs", "2", "--inherit"),
        *("--grow", "params=400,800", "--fill", "0.7", "--constraint", "params<=1000"),
    ),
    "build_model": (
        *("--space", "tiny_keras_model.py", "--strategy", "random", "--trials", "4", "--epochs", "2"),
        *("--constraint", "params<=1000"),
    ),
}

# Study → its function in ``tiny_functions.py``, and the arguments of ``metaopt.search``.
FUNCTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "function": ("parabola", {"trials": 14, "seed": 5, "constraints": ["latency<=2"]}),
    "function_rungs": ("stepwise", {"strategy": "hyperband", "epochs": 9, "trials": 17, "seed": 6}),
}

# The trial of asha_paused that was being trained when its search was interrupted.
INTERRUPTED = "asha_paused"
