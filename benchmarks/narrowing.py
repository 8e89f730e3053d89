#!/usr/bin/env python3
"""A narrowed second search beside one long search, on tables of real trainings, on a virtual clock.

    python3 benchmarks/narrowing.py [--tables "digits400; cifar2000"] [--seeds 30] [--first-seed 0] [--trials 80]

Each method trains the same number of trials, each for all its epochs. "A > B" trains half of them with the strategy A,
narrows the space (``metaopt.report.analysis.narrowing``), and searches the narrower space with B, which is told the
trials that lie inside (``--start-from``). Where no effect is clear, B goes on in the whole space. A is alone for
comparison: all trials in the whole space. Printed are the mean regret of the best validation error, i.e. its difference
to the best network of the table, after half and after all trials, with 95 % intervals by Student's t over the seeds;
and the difference to B alone after all trials, paired by seed.
"""

import argparse
import multiprocessing
import sys
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.peers.catalogue import open_table  # noqa: E402
from benchmarks.peers.run import FOLDERS  # noqa: E402
from benchmarks.peers.simulation import Simulation  # noqa: E402
from benchmarks.peers.tables import Table  # noqa: E402
from metaopt.engine.callbacks import Callback  # noqa: E402
from metaopt.engine.jobs import Job  # noqa: E402
from metaopt.engine.outside_knowledge import find_knowledge  # noqa: E402
from metaopt.engine.settings import resolve  # noqa: E402
from metaopt.engine.setup import ImageKind, describe_new_study, open_study, search  # noqa: E402
from metaopt.errors import UserError  # noqa: E402
from metaopt.executors import Simulated  # noqa: E402
from metaopt.problems.problem import Problem  # noqa: E402
from metaopt.report.analysis import StudyData  # noqa: E402
from metaopt.report.analysis.narrowing import narrow  # noqa: E402
from metaopt.spaces import compile_space  # noqa: E402
from metaopt.spaces.source_text import write_space  # noqa: E402
from metaopt.storage.files import Unsynced  # noqa: E402
from metaopt.storage.state import StudyState  # noqa: E402
from metaopt.storage.study import Study  # noqa: E402

METHODS = ("random", "tpe", "random > tpe", "tpe > tpe")


def train(
    folder: Path,
    problem: Problem,
    table: Table,
    simulation: Simulation,
    sampler: str,
    trials: int,
    seed: int,
    earlier: Path | None = None,
) -> Study:
    """Search a space of a table, every trial for all its epochs, and return the study.

    Args:
        folder: of the study.
        problem: the space.
        table: the table, of whose space the problem's is a part.
        simulation: finds the networks.
        sampler: the sampler.
        trials: number of own trials.
        seed: seed of the study.
        earlier: folder of a study whose trials are taken over, or None.
    """

    def curve(job: Job) -> list[tuple[dict[str, float], float]]:
        curves = simulation.find_network(table.space.vals(job.point)).curves
        columns = (curves.val_accuracy, curves.val_loss, curves.seconds)
        return [
            ({"val_accuracy": accuracy, "val_loss": loss}, seconds)
            for accuracy, loss, seconds in zip(*(column.tolist() for column in columns), strict=True)
        ]

    executor, state, callback = Simulated(curve), StudyState(), Callback()
    given = {"epochs": table.epochs, "trials": trials, "seed": seed, "sampler": sampler, "scheduler": "full"}
    settings = resolve({**given, "workers": 1}, {}, state)
    new = describe_new_study(problem, settings, ImageKind())
    knowledge = [] if earlier is None else find_knowledge(problem, [earlier], state, callback, new=new)
    files = Unsynced()
    with open_study(folder, problem, settings, callback, files=files, clock=executor.clock) as study:
        search(study, problem, settings, executor, callback, clock=executor.clock, knowledge=knowledge)
    return Study.load(folder)


def narrowed(problem: Problem, study: Study) -> Problem:
    """Return the problem with the space that is narrowed by a study, or as it is where no effect is clear."""
    try:
        found = narrow(StudyData.of(study), compile_space(problem.space))
    except UserError:
        return problem
    source = write_space(found.space)
    names: dict[str, Any] = {}
    exec("\n".join([*source.imports, *source.statements]), names)
    return Problem(names["space"], name="table")


def best_errors(study: Study) -> list[float]:
    """Return the best validation error after each own trial."""
    own = [record for record in study.records if not record.imported]
    return np.minimum.accumulate([1 - max(record.history["val_accuracy"]) for record in own]).tolist()


@cache
def table_of(name: str) -> Table:
    """Return a table, once for each process."""
    return open_table(name, FOLDERS)


def run(name: str, method: str, trials: int, seed: int) -> tuple[list[float], bool]:
    """Return the best error after each trial of a method, and whether the space was narrowed."""
    table = table_of(name)
    simulation, problem = Simulation(table, 1e9), Problem(table.expression, name="table")
    first, _, second = method.partition(" > ")
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder, "one"), Path(folder, "two")
        if not second:
            return best_errors(train(one, problem, table, simulation, first, trials, seed)), False
        half = trials // 2
        study = train(one, problem, table, simulation, first, half, seed)
        narrower = narrowed(problem, study)
        later = train(two, narrower, table, simulation, second, trials - half, seed + 10_000, one)
        errors = best_errors(study)
        return [*errors, *np.minimum(best_errors(later), errors[-1]).tolist()], narrower is not problem


def interval(values: np.ndarray) -> str:
    """Return the mean of some values with its 95 % interval."""
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():7.4f} ± {half:.4f}"


def main() -> None:
    """Print the table of results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default="digits400; cifar2000")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=80)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    for name in map(str.strip, arguments.tables.split(";")):
        best = float(table_of(name).final_errors.min())
        half = arguments.trials // 2
        print(f"{name}, {arguments.trials} trials, {arguments.seeds} seeds: mean regret of the best validation error")
        finals: dict[str, np.ndarray] = {}
        for method in METHODS:
            with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
                found = pool.map(partial(run, name, method, arguments.trials), seeds)
            errors = np.array([each for each, _ in found]) - best
            finals[method] = errors[:, -1]
            alone = finals.get(method.rpartition(" > ")[2]) if " > " in method else None
            more = "" if alone is None else f"   minus {method.rpartition(' > ')[2]}: {interval(errors[:, -1] - alone)}"
            more += f"   narrowed in {sum(is_narrowed for _, is_narrowed in found)}" if " > " in method else ""
            print(f"  {method:<14} {interval(errors[:, half - 1])}   {interval(errors[:, -1])}{more}", flush=True)


if __name__ == "__main__":
    main()
