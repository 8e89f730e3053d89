#!/usr/bin/env python3
"""TPE of metaopt and TPE of hyperopt, both as algorithms of ``hyperopt.fmin``: quality and time of a suggestion.

Quality is compared in pairs: each seed runs both algorithms. The problems are hyperopt's own test problems (of
``hyperopt/tests/unit/test_domains.py``), 100 evaluations each, and the table of real trainings of
``benchmarks/tabular.py``, with every network trained to the end. The score of a problem is the loss of the trial that
the search selects, without the noise of the problem; the scores of the table are the cost until the search finds a
network of the best 5 % and of the best 1 %. Smaller is better. ``p`` is that of a two-sided Wilcoxon signed-rank test.

Time is measured on the reference space, ``space.py``, after 100, 1,000 and 10,000 trials.

    python3 benchmarks/tpe.py [--seeds 30] [--first-seed 0] [--problems "branin; table"] [--trials 100 1000 10000]
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import scipy
from hyperopt import Trials, fmin, hp, tpe
from hyperopt.base import JOB_STATE_DONE, Domain, trials_from_docs
from scipy.stats import wilcoxon

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import tabular  # noqa: E402
from metaopt.problems.loading import load_reference  # noqa: E402
from metaopt.samplers import TPE  # noqa: E402
from metaopt.spaces import compile_space  # noqa: E402

EVALUATIONS = 100
TABLE_BUDGET = 40.0  # full trainings
Algorithm = Callable[..., list[dict[str, Any]]]
ALGORITHMS: dict[str, Algorithm] = {"metaopt": TPE().suggest, "hyperopt": tpe.suggest}


@dataclass(frozen=True)
class TestProblem:
    """A test problem.

    Attributes:
        space: a hyperopt expression.
        loss: loss of a point, without noise.
        noise: standard deviation of normal noise that the search sees in addition.
    """

    space: Any
    loss: Callable[[Any], float]
    noise: float = 0.0


def branin(point: dict[str, float]) -> float:
    """Branin's function: three minima of 0.398."""
    x, y = point["x"], point["y"]
    valley = y - 5.1 / (4 * np.pi**2) * x**2 + 5 * x / np.pi - 6
    return valley**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


def gauss_wave2(point: dict[str, Any]) -> float:
    """A broad bump, on which an optional wave has a narrower and higher one."""
    wave = 0.0 if point["hf"] is None else np.sin(point["x"]) * point["hf"]
    return -(2 * np.exp(-((point["x"] / 5) ** 2)) + wave)


# The noise of the hyperopt versions comes from one generator for all searches; here it depends on the seed.
PROBLEMS = {
    "quadratic1": TestProblem(hp.uniform("x", -5, 5), lambda x: (x - 3) ** 2),
    "q1_lognormal": TestProblem(hp.lognormal("x", 0, 2), lambda x: min(0.1 * (x - 10) ** 2, 10)),
    "q1_choice": TestProblem(
        hp.choice("o_x", [(-3, hp.uniform("x_neg", -5, 5)), (3, hp.uniform("x_pos", -5, 5))]),
        lambda pair: (pair[0] - pair[1]) ** 2,
    ),
    "n_arms": TestProblem(hp.choice("x", [0, 1]), lambda arm: -1.0 if arm == 0 else 0.0, noise=1.0),
    "distractor": TestProblem(hp.uniform("x", -15, 15), lambda x: -1 / (1 + np.exp(-x)) - 2 * np.exp(-((x + 10) ** 2))),
    "gauss_wave": TestProblem(
        {"x": hp.uniform("x", -20, 20), "shift": hp.choice("curve", [0.0, np.pi])},
        lambda point: -np.sin(point["x"] + point["shift"]) - 2 * np.exp(-(((point["x"] + point["shift"]) / 5) ** 2)),
    ),
    "gauss_wave2": TestProblem(
        {"x": hp.uniform("x", -20, 20), "hf": hp.choice("hf", [None, hp.uniform("amp", 0, 1)])}, gauss_wave2, noise=0.1
    ),
    "many_dists": TestProblem(
        [
            hp.choice("a", [0, 1, 2]),
            hp.randint("b", 10),
            hp.randint("bb", 12, 25),
            hp.uniform("c", 4, 7),
            hp.loguniform("d", -2, 0),
            hp.quniform("e", 0, 10, 3),
            hp.qloguniform("f", 0, 3, 2),
            hp.normal("g", 4, 7),
            hp.lognormal("h", -2, 2),
            hp.qnormal("i", 0, 10, 2),
            hp.qlognormal("j", 0, 2, 1),
            hp.pchoice("k", [(0.1, 0), (0.9, 1)]),
        ],
        lambda numbers: float(np.log(1e-12 + sum(numbers) ** 2)),
    ),
    "branin": TestProblem({"x": hp.uniform("x", -5.0, 10.0), "y": hp.uniform("y", 0.0, 15.0)}, branin),
}


def minimise(algorithm: Algorithm, problem: TestProblem, seed: int) -> float:
    """Return the loss without noise of the trial that a search selects."""
    noise = np.random.default_rng([seed, 1]).normal(0, 1, EVALUATIONS) * problem.noise
    losses: list[float] = []

    def evaluate(point: Any) -> float:
        losses.append(float(problem.loss(point)))
        return losses[-1] + noise[len(losses) - 1]

    _search(algorithm, evaluate, problem.space, seed, EVALUATIONS)
    return losses[int(np.argmin(np.array(losses) + noise))]


def search_table(algorithm: Algorithm, seed: int) -> dict[str, float]:
    """Return the costs of a search on the table, in full trainings, at most ``TABLE_BUDGET``."""
    steps: list[tuple[float, float]] = []  # (cost, error) after each epoch
    spent = 0.0

    def train(point: dict[str, Any]) -> float:
        nonlocal spent
        network = tabular.network(point)
        for accuracy, seconds in zip(network.val_accuracy, network.seconds, strict=True):
            spent += seconds / tabular.FULL_TRAINING_S
            steps.append((spent, 1 - accuracy))
        return 1 - max(network.val_accuracy)

    _search(algorithm, train, tabular.SPACE, seed, 10**6, lambda _: (spent >= TABLE_BUDGET, []))
    course = tabular.Course(steps)
    return {
        f"table, best {share:.0%}".replace("%", " %"): min(course.cost(tabular.threshold(share)), TABLE_BUDGET)
        for share in (0.05, 0.01)
    }


def _search(
    algorithm: Algorithm, evaluate: Callable[[Any], float], space: Any, seed: int, evaluations: int, stop: Any = None
) -> None:
    fmin(
        evaluate,
        space,
        algorithm,
        evaluations,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        verbose=False,
        early_stop_fn=stop,
    )


def score(name: str, algorithm: Algorithm, seed: int) -> dict[str, float]:
    """Return the scores of one search, by the name of the row."""
    if name == "table":
        return search_table(algorithm, seed)
    return {name: minimise(algorithm, PROBLEMS[name], seed)}


def comparison_row(name: str, ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Return a row of the markdown table of paired scores."""
    differences = np.array(ours) - np.array(theirs)
    wins, losses = int((differences < 0).sum()), int((differences > 0).sum())
    p = f"{wilcoxon(differences).pvalue:.3f}" if wins + losses else "–"
    medians = f"{statistics.median(ours):.4g} | {statistics.median(theirs):.4g}"
    means = f"{statistics.mean(ours):.4g} | {statistics.mean(theirs):.4g}"
    return f"| {name} | {medians} | {means} | {wins} : {losses} | {p} |"


def compare(names: Sequence[str], seeds: Sequence[int]) -> None:
    """Print the paired comparison."""
    print("| problem | median, metaopt | median, hyperopt | mean, metaopt | mean, hyperopt | better : worse | p |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        scores = {algorithm: [score(name, ALGORITHMS[algorithm], seed) for seed in seeds] for algorithm in ALGORITHMS}
        for row in scores["metaopt"][0]:
            ours, theirs = ([one[row] for one in scores[algorithm]] for algorithm in ("metaopt", "hyperopt"))
            print(comparison_row(row, ours, theirs), flush=True)


def time_suggestions(algorithm: Algorithm, n_trials: int, repetitions: int) -> float:
    """Return the median time of a suggestion in milliseconds, each after one more trial with a random loss.

    The first suggestion after ``n_trials`` is not measured: in a search, the ones before it have filled the caches.
    """
    expression = load_reference().space
    domain, space, rng = Domain(None, expression), compile_space(expression), np.random.default_rng(0)
    made = Trials()
    docs = []
    for number in range(n_trials + repetitions + 1):
        vals = space.draw(rng)
        misc = {
            "tid": number,
            "cmd": None,
            "idxs": {label: [number] if label in vals else [] for label in space.labels},
            "vals": {label: [vals[label]] if label in vals else [] for label in space.labels},
        }
        (doc,) = made.new_trial_docs([number], [None], [{"status": "ok", "loss": float(rng.random())}], [misc])
        docs.append({**doc, "state": JOB_STATE_DONE})
    trials = trials_from_docs(docs[:n_trials], validate=False)
    spent = []
    for number in range(n_trials, n_trials + repetitions + 1):
        began = time.perf_counter()
        algorithm([number], domain, trials, number)
        spent.append(1e3 * (time.perf_counter() - began))
        trials.insert_trial_doc(docs[number])
        trials.refresh()
    return statistics.median(spent[1:])


def measure(numbers: Sequence[int]) -> None:
    """Print the time of a suggestion."""
    print("| trials | metaopt, ms | hyperopt, ms | hyperopt / metaopt |\n|---|---|---|---|")
    for n_trials in numbers:
        repetitions = 21 if n_trials <= 1_000 else 5
        times = {name: time_suggestions(one, n_trials, repetitions) for name, one in ALGORITHMS.items()}
        ratio = times["hyperopt"] / times["metaopt"]
        print(f"| {n_trials:,} | {times['metaopt']:.2f} | {times['hyperopt']:.1f} | {ratio:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30, help="number of pairs (default 30; 0: time only)")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--problems", help=f"separated by semicolons (default all): {'; '.join([*PROBLEMS, 'table'])}")
    parser.add_argument("--trials", type=int, nargs="*", default=[100, 1_000, 10_000], help="numbers of trials to time")
    arguments = parser.parse_args()
    names = [name.strip() for name in arguments.problems.split(";")] if arguments.problems else [*PROBLEMS, "table"]
    if "table" in names and not tabular.TABLE.exists():
        print(f"{tabular.TABLE} is not there; leaving out the table.\n")
        names.remove("table")
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python"
        f" {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, hyperopt"
        f" {hyperopt.__version__}\n"
    )
    if seeds:
        print(f"Seeds {seeds[0]} to {seeds[-1]}\n")
        compare(names, seeds)
        print()
    measure(arguments.trials)


if __name__ == "__main__":
    main()
