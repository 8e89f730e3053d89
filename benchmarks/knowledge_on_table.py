#!/usr/bin/env python3
"""Gain of an earlier study on other images: it really trains on the digits, the search is on the flowers17 table.

Both have the space of the table's grid. Each seed has an earlier study of its own, ``--trials`` trials of ``auto`` on
scikit-learn's digits, in ``--studies``; a study that is there already is taken as it is, or resumed. Figures are those
of tabular.py, with and without ``--start-from``.

    python3 benchmarks/knowledge_on_table.py [--seeds 8] [--first-seed 0] [--trials 20] [--searches 4]
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.tabular import best_errors, run, threshold  # noqa: E402

PROBLEM = ROOT / "benchmarks" / "peers" / "problems" / "flowers_grid.py"
BUDGETS = (2, 5, 10, 20)  # full trainings


def search_digits(folder: Path, seed: int, trials: int) -> None:
    """Search on the digits, or resume."""
    options = {"--space": PROBLEM, "--data": "digits", "--trials": trials, "--seed": seed, "--results": folder}
    command = [sys.executable, ROOT / "hyperopt_optimize.py", "--epochs", 27]
    command += [word for option in options.items() for word in option]
    subprocess.run([str(word) for word in command], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def main() -> None:
    """Search, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=20, help="of each earlier study (default 20)")
    parser.add_argument("--searches", type=int, default=4, help="from each earlier study (default 4)")
    parser.add_argument("--studies", type=Path, default=Path("digits_studies"), help="folder of the earlier studies")
    arguments = parser.parse_args()
    courses = []
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        earlier = (arguments.studies / str(seed)).resolve()
        search_digits(earlier, seed, arguments.trials)
        for number in range(arguments.searches):
            own = 100 * seed + number
            courses.append([run("auto", own, BUDGETS[-1], start_from=folders) for folders in ([], [earlier])])
    at = ", ".join(map(str, BUDGETS))
    print(f"| search | cost to best 5 % | cost to best 1 % (mean; not reached: {BUDGETS[-1]}) | mean regret at {at} |")
    print("|---|---|---|---|")
    for name, found in zip(("auto", "auto, an earlier study"), zip(*courses, strict=True), strict=True):
        costs = [np.mean([min(one.cost(threshold(share)), BUDGETS[-1]) for one in found]) for share in (0.05, 0.01)]
        regrets = [np.mean([one.error(budget) for one in found]) - best_errors()[0] for budget in BUDGETS]
        print(f"| {name} | {costs[0]:.1f} | {costs[1]:.1f} | {' '.join(f'{regret:.3f}' for regret in regrets)} |")


if __name__ == "__main__":
    main()
