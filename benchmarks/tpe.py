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
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import scipy
from hyperopt import Trials, fmin, tpe
from hyperopt.base import JOB_STATE_DONE, Domain, trials_from_docs
from scipy.stats import wilcoxon

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import tabular  # noqa: E402
from benchmarks.hyperopt_problems import PROBLEMS, TestProblem  # noqa: E402
from metaopt.problems.loading import load_reference  # noqa: E402
from metaopt.samplers import TPE, History, Observation  # noqa: E402
from metaopt.spaces import Space, compile_space  # noqa: E402

EVALUATIONS = 100
TABLE_BUDGET = 40.0  # full trainings
Algorithm = Callable[..., list[dict[str, Any]]]
ALGORITHMS: dict[str, Algorithm] = {"metaopt": TPE().suggest, "hyperopt": tpe.suggest}


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


def make_documents(space: Space, n: int) -> list[dict[str, Any]]:
    """Return documents of ended trials with random values and losses."""
    rng, made, docs = np.random.default_rng(0), Trials(), []
    for number in range(n):
        vals = space.draw(rng)
        misc = {
            "tid": number,
            "cmd": None,
            "idxs": {label: [number] if label in vals else [] for label in space.labels},
            "vals": {label: [vals[label]] if label in vals else [] for label in space.labels},
        }
        (doc,) = made.new_trial_docs([number], [None], [{"status": "ok", "loss": float(rng.random())}], [misc])
        docs.append({**doc, "state": JOB_STATE_DONE})
    return docs


def time_suggestions(n_trials: int, repetitions: int) -> dict[str, list[float]]:
    """Return times in milliseconds; the algorithms take turns, each after one more trial.

    The first suggestions after ``n_trials`` are not measured: in a search, the ones before them have filled the caches.

    Returns:
        Times of metaopt and hyperopt as algorithms of ``fmin``, and of metaopt's sampler in its own searches
        (``propose``).
    """
    expression = load_reference().space
    domain, space = Domain(None, expression), compile_space(expression)
    docs = make_documents(space, n_trials + repetitions + 1)
    observations = [get_observation(space, doc) for doc in docs]
    trials = trials_from_docs(docs[:n_trials], validate=False)
    spent: dict[str, list[float]] = {name: [] for name in ("propose", *ALGORITHMS)}
    for number in range(n_trials, n_trials + repetitions + 1):
        history, rng = History(space, tuple(observations[:number])), np.random.default_rng(number)
        began = time.perf_counter()
        TPE().propose(number, history, (), rng)
        spent["propose"].append(1e3 * (time.perf_counter() - began))
        for name, algorithm in ALGORITHMS.items():
            began = time.perf_counter()
            algorithm([number], domain, trials, number)
            spent[name].append(1e3 * (time.perf_counter() - began))
        trials.insert_trial_doc(docs[number])
        trials.refresh()
    return {name: times[1:] for name, times in spent.items()}


def get_observation(space: Space, doc: dict[str, Any]) -> Observation:
    """Return the trial of a document."""
    vals = space.restrict({label: values[0] for label, values in doc["misc"]["vals"].items() if values})
    return Observation.of(doc["tid"], vals, doc["result"]["loss"])


def measure(numbers: Sequence[int]) -> None:
    """Print the time of a suggestion: medians, and the median of the ratios of neighbouring suggestions."""
    print("| trials | metaopt, ms | without `fmin`, ms | hyperopt, ms | hyperopt / metaopt |\n|---|---|---|---|---|")
    for n_trials in numbers:
        times = time_suggestions(n_trials, 41 if n_trials <= 1_000 else 11)
        median = {name: statistics.median(each) for name, each in times.items()}
        ratio = statistics.median(np.array(times["hyperopt"]) / np.array(times["metaopt"]))
        print(
            f"| {n_trials:,} | {median['metaopt']:.2f} | {median['propose']:.2f} | {median['hyperopt']:.1f} |"
            f" {ratio:.0f} |",
            flush=True,
        )


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
