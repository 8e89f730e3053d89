"""Tables of the benchmark by name; each is loaded from a folder of files when it is needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import log
from pathlib import Path

from hyperopt import hp

from benchmarks.peers.altered_tables import redraw_winners, restrict_range
from benchmarks.peers.problems.flowers_grid import LEARNING_RATE, ORDERED, flowers_space
from benchmarks.peers.table_loading import load_table
from benchmarks.peers.tables import Table
from metaopt.errors import UserError, hint
from metaopt.problems.loading import load_problem
from metaopt.spaces import Vals

PROBLEMS = Path(__file__).with_name("problems")

FLOWERS = "flowers17"
# What a user would start from, chosen without a look at the tables: draws, label → value.
_FLOWERS_DEFAULT = {
    LEARNING_RATE: 2,  # 1e-3
    "n_conv_layers": 1,  # 2
    "width": 1,  # 16
    "batch_size": 0,
    "kernel_size": 0,
    "use_BN": 0,
    "global_avg_pooling": 0,
}
_BLOCK = {"channels": 16, "kernel": 3, "stride": 0, "pool": 0, "batch_norm": 0, "skip": 0}
_STACK_DEFAULT = {
    LEARNING_RATE: 1e-3,
    "batch_size": 32,
    "optimizer": 0,  # Adam
    "dropout_rate": 0.2,
    "residual": 0,
    "n_blocks": 1,  # 2
    "n_dense": 0,  # 1
    "dense_0_units": 64,
    "dense_0_batch_norm": 0,
    **{f"block_{number}_{name}": value for number in range(2) for name, value in _BLOCK.items()},
}
_PHOTO_DEFAULT = {
    "stages": 1,  # 3
    "convolutions": 2,
    "filters": 32,
    "growth": 2.0,
    "dropout": 0.2,
    LEARNING_RATE: 1e-3,
    "batch_size": 32,
    "weight_decay": 1e-3,
    "label_smoothing": 0.1,
    "mixup": 0.2,
}
_LOWEST_RATES = 2  # of the grid that the copy with the best rates at the edge lacks


@dataclass(frozen=True)
class _Sampled:
    """A table that is a sample of a problem's space.

    Attributes:
        problem: name or path of the problem.
        low: lower bound of the learning rate just below the best ones of the table.
        high: its upper bound in the problem.
        default: draw that a user would start from.
    """

    problem: str
    low: float
    high: float
    default: Mapping[str, float]


_SAMPLED = {
    "digits400": _Sampled(str(PROBLEMS / "conv_stack_1_to_6.py"), 1e-3, 0.1, _STACK_DEFAULT),
    "cifar2000": _Sampled("photo_cnn", 3e-3, 1e-2, _PHOTO_DEFAULT),
}


def _load_flowers(path: Path) -> Table:
    return load_table(FLOWERS, path, flowers_space(), ordered=ORDERED, complete=True, default=_FLOWERS_DEFAULT)


def _without_lowest_rates(table: Table) -> Table:
    def shift(vals: Vals) -> Vals | None:
        index = vals[LEARNING_RATE] - _LOWEST_RATES
        return None if index < 0 else Vals({**vals, LEARNING_RATE: index})

    return restrict_range(table, "best rates at the edge", flowers_space(_LOWEST_RATES), shift)


def _load_sampled(name: str, path: Path) -> Table:
    sampled = _SAMPLED[name]
    return load_table(name, path, load_problem(sampled.problem).space, default=sampled.default)


def _above_lowest_rate(name: str, table: Table) -> Table:
    low, high = _SAMPLED[name].low, _SAMPLED[name].high
    expression = {**table.expression, LEARNING_RATE: hp.loguniform(LEARNING_RATE, log(low), log(high))}
    small = restrict_range(
        table, "best rates at the edge", expression, lambda vals: vals if vals[LEARNING_RATE] >= low else None
    )
    default = dict(_SAMPLED[name].default)
    return replace(small, default=small.space.restrict({**default, LEARNING_RATE: max(low, default[LEARNING_RATE])}))


@dataclass(frozen=True)
class Entry:
    """A table of the suite.

    Attributes:
        file: name of its file, without ``.jsonl`` or ``.jsonl.gz``.
        load: loads the file.
        alter: makes the altered copy; None for the table itself.
    """

    file: str
    load: Callable[[Path], Table]
    alter: Callable[[Table], Table] | None = None


def _family(name: str, file: str, load: Callable[[Path], Table], edge: Callable[[Table], Table]) -> dict[str, Entry]:
    return {
        name: Entry(file, load),
        f"{name}-redrawn-1": Entry(file, load, partial(redraw_winners, seed=1)),
        f"{name}-redrawn-2": Entry(file, load, partial(redraw_winners, seed=2)),
        f"{name}-edge": Entry(file, load, edge),
    }


TABLES: dict[str, Entry] = _family(FLOWERS, "flowers17_table", _load_flowers, _without_lowest_rates)
for _name in _SAMPLED:
    TABLES |= _family(_name, f"{_name}_table", partial(_load_sampled, _name), partial(_above_lowest_rate, _name))


def find_file(name: str, folders: list[Path]) -> Path | None:
    """Return the file of a table in the first folder that has it; None if there is none.

    Raises:
        UserError: there is no such table.
    """
    if name not in TABLES:
        raise UserError(f"Unknown table: {name}. {hint(name, TABLES)}")
    names = [f"{TABLES[name].file}{suffix}" for suffix in (".jsonl.gz", ".jsonl")]
    return next((path for folder in folders for each in names if (path := folder / each).is_file()), None)


def open_table(name: str, folders: list[Path]) -> Table:
    """Load a table of the suite.

    Args:
        name: a name of ``TABLES``.
        folders: folders that are searched for its file, in this order.

    Raises:
        UserError: there is no such table, its file is in none of the folders, or it is invalid.
    """
    path = find_file(name, folders)
    if path is None:
        places = ", ".join(map(str, folders))
        raise UserError(f"No file {TABLES[name].file}.jsonl.gz in {places}. Make it with benchmarks.peers.make_table.")
    entry = TABLES[name]
    table = entry.load(path)
    return replace(table if entry.alter is None else entry.alter(table), name=name)
