"""Loading of a table of learning curves, and the check that it fits its space.

A table is an objective in three lines::

    table = load_table("flowers", Path("table.jsonl.gz"), {"learning_rate": hp.loguniform(...), ...})
    network = table.network({"learning_rate": 0.003, ...})
    network.curves.errors[:9].min()
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.curves import Network
from benchmarks.peers.table_networks import all_points
from benchmarks.peers.table_rows import Row, read_rows
from benchmarks.peers.tables import Table
from metaopt.errors import UserError
from metaopt.spaces import Space, Vals, compile_space
from metaopt.values.value_identity import sign_draw


def load_table(
    name: str,
    path: Path,
    expression: Any,
    *,
    ordered: Mapping[str, Sequence[Any]] | None = None,
    complete: bool = False,
    default: Mapping[str, float] | None = None,
) -> Table:
    """Load a table and check it.

    Args:
        name: for results and plots.
        path: a ``.jsonl`` or ``.jsonl.gz`` file; see docs/peers.md for its format.
        expression: the space as a hyperopt expression.
        ordered: label → values in ascending order, for parameters of the expression that are the index of a value.
        complete: whether every point of the space must be in the table.
        default: draw that a user would start from, label → value, for methods that take a prior.

    Raises:
        UserError: the default is outside the space; the file is missing, a row lacks a key or does not fit the space,
            curves have different lengths, a configuration is missing in a complete table, or occurs twice.
    """
    space = compile_space(expression)
    start = None if default is None else check_default(default, space)
    trainings: dict[str, list[tuple[Row, Vals]]] = {}
    for row in read_rows(path):
        vals = _find_vals(path, row, space, ordered or {})
        trainings.setdefault(sign_draw(vals), []).append((row, vals))
    networks = [_join(path, found) for found in trainings.values()]
    networks.sort(key=lambda network: network.id)
    if complete:
        _check_complete(path, space, trainings)
    return Table(name, expression, tuple(networks), complete, start)


def check_default(vals: Mapping[str, Any], space: Space) -> Vals:
    """Return a default point.

    Raises:
        UserError: it is outside its space.
    """
    try:
        return _check_vals(vals, space)
    except UserError as error:
        raise UserError(f"The default point is outside its space: {error}") from error


def _join(path: Path, trainings: Sequence[tuple[Row, Vals]]) -> Network:
    """Return the network of all trainings of a draw.

    Raises:
        UserError: two of them have the same seed.
    """
    trainings = sorted(trainings, key=lambda each: (each[0].seed, each[0].id))
    rows = [row for row, _ in trainings]
    if len({row.seed for row in rows}) < len(rows):
        ids = ", ".join(str(row.id) for row in rows)
        raise UserError(f"{path}: the same configuration has the same seed twice, in the rows with id {ids}.")
    first, vals = trainings[0]
    return Network(first.id, vals, tuple(row.curves for row in rows), first.params, first.macs)


def _find_vals(path: Path, row: Row, space: Space, ordered: Mapping[str, Sequence[Any]]) -> Vals:
    """Return the draw of a row, from its ``vals`` or its ``config``.

    Raises:
        UserError: it does not fit the space.
    """
    try:
        if row.vals is not None:
            return _check_vals(row.vals, space)
        return space.vals({key: _index(key, value, ordered) for key, value in row.config.items()})
    except UserError as error:
        raise UserError(f"{path}: row {row.id} does not fit the space: {error}") from error


def _index(key: str, value: Any, ordered: Mapping[str, Sequence[Any]]) -> Any:
    if key not in ordered:
        return value
    values = list(ordered[key])
    if value not in values:
        raise UserError(f"{key} is {value!r}. Expected one of {', '.join(map(str, values))}.")
    return values.index(value)


def _check_vals(vals: Mapping[str, Any], space: Space) -> Vals:
    restricted = space.restrict(vals)
    unknown = vals.keys() - restricted.keys()
    if unknown:
        raise UserError(f"it has no active parameter {min(unknown)}.")
    for label, value in restricted.items():
        if space.by_label[label].distribution.match(value) is None:
            low, high = space.by_label[label].distribution.bounds
            raise UserError(f"{label} is {value!r}. Expected {low:g} to {high:g}.")
    return restricted


def _check_complete(path: Path, space: Space, found: Iterable[str]) -> None:
    """Check that every point of a finite space was trained.

    Raises:
        UserError: some are missing.
    """
    found = set(found)
    missing = [vals for vals in all_points(space) if sign_draw(vals) not in found]
    if missing:
        raise UserError(
            f"{path} lacks {len(missing)} of {len(missing) + len(found)} configurations, e.g."
            f" {space.point(missing[0])}. Train them, or load the table as a sample."
        )
