"""Tables of real learning curves as objectives: loading, checks, and the network that a proposal stands for.

A table is an objective in three lines::

    table = load_table("flowers", Path("table.jsonl.gz"), {"learning_rate": hp.loguniform(...), ...})
    network = table.network({"learning_rate": 0.003, ...})
    network.curves.errors[:9].min()

In a **complete** table every point of a finite space was trained, and a proposal is its own network. In a **sampled**
one it stands for the nearest trained network. The distance is the sum over the parameters of w·d. d is the difference
of the unit values of the prior (of a logarithmic parameter: of its logarithm), 1 for different options, and 1 where the
parameter is active in one of the two only. w is the share of the variance of the final error's rank that the parameter
alone explains, measured on the table, and at least 1 % of the largest w. Without weights, the many parameters without
effect would decide which network is nearest, and a good learning rate would not be found again. Every method is given
the same networks for the same proposals, and is told its own proposal.
"""

import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from benchmarks.peers.table_file import HEADER, parse_lines
from benchmarks.peers.table_networks import all_points
from metaopt.errors import UserError
from metaopt.spaces import Space, Vals, compile_space
from metaopt.values.value_identity import sign_draw

Floats = npt.NDArray[np.float64]

_CURVES = {
    "val_acc": "val_accuracy",
    "val_loss": "val_loss",
    "train_loss": "train_loss",
    "test_acc": "test_accuracy",
    "cpu_s": "seconds",
}
_SMALLEST_WEIGHT = 0.01  # of the largest one
_BINS = 5  # of a numeric parameter, for its weight


@dataclass(frozen=True)
class Curves:
    """Learning curves of one training; each array is ``(R,)``.

    Attributes:
        val_accuracy: 0..1.
        val_loss: mean cross-entropy in nats.
        train_loss: the training loss.
        test_accuracy: on images that no strategy sees, 0..1.
        seconds: CPU seconds of each epoch.
    """

    val_accuracy: Floats
    val_loss: Floats
    train_loss: Floats
    test_accuracy: Floats
    seconds: Floats

    @property
    def errors(self) -> Floats:
        """Validation error of each epoch."""
        return 1 - self.val_accuracy

    @property
    def best_errors(self) -> Floats:
        """Best validation error up to each epoch."""
        return np.minimum.accumulate(self.errors)


@dataclass(frozen=True)
class Network:
    """A trained configuration.

    Attributes:
        id: its number in the table.
        vals: draw of the space, label → value of the active labels.
        replicates: its trainings, by ascending seed.
    """

    id: int
    vals: Vals
    replicates: tuple[Curves, ...]

    @property
    def curves(self) -> Curves:
        """The training that strategies see: that of the lowest seed."""
        return self.replicates[0]

    def test_error(self, epoch: int) -> float:
        """Return the held-out error after an epoch, from 1: the mean over all trainings, so that luck averages out."""
        return float(np.mean([1 - each.test_accuracy[epoch - 1] for each in self.replicates]))


@dataclass(frozen=True, eq=False)
class Table:
    """A table.

    Attributes:
        name: for results and plots.
        expression: the space as a hyperopt expression.
        networks: the trained networks.
        complete: whether every point of the space was trained; else a proposal stands for the nearest network.
    """

    name: str
    expression: Any
    networks: tuple[Network, ...]
    complete: bool

    @cached_property
    def space(self) -> Space:
        """The compiled space."""
        return compile_space(self.expression)

    @property
    def epochs(self) -> int:
        """Epochs of a full training, R."""
        return len(self.networks[0].curves.seconds)

    @cached_property
    def full_training_s(self) -> float:
        """Mean CPU seconds of a full training, the unit of cost."""
        return float(np.mean([network.curves.seconds.sum() for network in self.networks]))

    @cached_property
    def final_errors(self) -> Floats:
        """Validation error of each network at its best epoch."""
        return np.array([network.curves.errors.min() for network in self.networks])

    def threshold(self, share: float) -> float:
        """Return the validation error that this share of the networks reaches, ties included."""
        return float(np.sort(self.final_errors)[int(np.ceil(share * len(self.networks))) - 1])

    @cached_property
    def best_test_error(self) -> float:
        """The smallest held-out error of a network at the epoch of its best validation error."""
        return min(network.test_error(int(network.curves.errors.argmin()) + 1) for network in self.networks)

    @cached_property
    def digest(self) -> str:
        """Identity of the table: of its space and all its curves."""
        digest = hashlib.sha256(f"{self.space.digest} {self.complete}".encode())
        for network in self.networks:
            digest.update(sign_draw(network.vals).encode())
            for each in network.replicates:
                digest.update(np.concatenate([each.val_accuracy, each.test_accuracy, each.seconds]).tobytes())
        return digest.hexdigest()[:16]

    def network(self, vals: Mapping[str, float]) -> Network:
        """Return the network that a draw stands for.

        Raises:
            UserError: an active label has no value, or a complete table lacks the draw because a value is out of range.
        """
        vals = self.space.restrict(vals)
        found = self._by_draw.get(sign_draw(vals))
        if found is not None:
            return found
        if self.complete:
            raise UserError(f"{dict(vals)} is no point of the space of table {self.name}.")
        return self.networks[int(self.distances(vals).argmin())]

    def distances(self, vals: Vals) -> Floats:
        """Return the distance of a draw to each network, ``(networks,)``."""
        units, active = self.space.encode(vals)
        all_units, all_active = self._encoded
        difference = np.abs(all_units - units)
        difference[:, self._is_unordered] = difference[:, self._is_unordered] > 0
        difference[all_active != active] = 1
        difference[:, ~active] *= all_active[:, ~active]
        return np.asarray(difference @ self.weights)

    @cached_property
    def weights(self) -> Floats:
        """Weight of each parameter in the distance; see the module."""
        ranks = rankdata(self.final_errors)
        units, active = self._encoded
        bins = np.where(self._is_unordered, units, np.minimum(units * _BINS, _BINS - 1).astype(int))
        bins[~active] = -1
        shares = np.array([_explained_share(column, ranks) for column in bins.T])
        return np.maximum(shares, _SMALLEST_WEIGHT * max(shares.max(), _SMALLEST_WEIGHT))

    @cached_property
    def _is_unordered(self) -> npt.NDArray[np.bool_]:
        return np.array([parameter.distribution.is_unordered for parameter in self.space.parameters])

    @cached_property
    def _encoded(self) -> tuple[Floats, npt.NDArray[np.bool_]]:
        encoded = [self.space.encode(network.vals) for network in self.networks]
        return np.array([units for units, _ in encoded]), np.array([active for _, active in encoded])

    @cached_property
    def _by_draw(self) -> dict[str, Network]:
        return {sign_draw(network.vals): network for network in self.networks}


def _explained_share(groups: npt.NDArray[Any], values: Floats) -> float:
    """Return the share of the variance of values that the means of their groups explain: adjusted η², at least 0."""
    names, codes = np.unique(groups, return_inverse=True)
    if not 1 < len(names) < len(values):
        return 0.0
    counts = np.bincount(codes)
    means = np.bincount(codes, values) / counts
    within = ((values - means[codes]) ** 2).sum() / (len(values) - len(names))
    total = values.var(ddof=1)
    return float(max(0.0, 1 - within / total)) if total > 0 else 0.0


def load_table(
    name: str,
    path: Path,
    expression: Any,
    *,
    ordered: Mapping[str, Sequence[Any]] | None = None,
    complete: bool = False,
) -> Table:
    """Load a table and check it.

    Args:
        name: for results and plots.
        path: a ``.jsonl`` or ``.jsonl.gz`` file; see docs/peers.md for its format.
        expression: the space as a hyperopt expression.
        ordered: label → values in ascending order, for parameters of the expression that are the index of a value.
        complete: whether every point of the space must be in the table.

    Raises:
        UserError: the file is missing, a row lacks a key or does not fit the space, curves have different lengths, a
            configuration is missing in a complete table, or occurs twice.
    """
    space = compile_space(expression)
    rows = _read_rows(path)
    _check_lengths(path, rows)
    replicates: dict[str, list[tuple[int, int, Vals, Curves]]] = {}
    for row in rows:
        vals = _find_vals(path, row, space, ordered or {})
        entry = (row.get("seed", 0), row["id"], vals, _read_curves(row, len(rows[0]["cpu_s"])))
        replicates.setdefault(sign_draw(vals), []).append(entry)
    networks = []
    for entries in replicates.values():
        entries.sort(key=lambda entry: entry[:2])
        seeds = [seed for seed, *_ in entries]
        if len(set(seeds)) < len(seeds):
            ids = ", ".join(str(number) for _, number, *_ in entries)
            raise UserError(f"{path}: the same configuration has the same seed twice, in the rows with id {ids}.")
        networks.append(Network(entries[0][1], entries[0][2], tuple(curves for *_, curves in entries)))
    networks.sort(key=lambda network: network.id)
    if complete:
        _check_complete(path, space, {sign_draw(network.vals) for network in networks})
    return Table(name, expression, tuple(networks), complete)


def _read_rows(path: Path) -> list[dict[str, Any]]:
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            rows = [row for row in parse_lines(path, lines) if HEADER not in row]
    except (OSError, EOFError) as error:
        raise UserError(f"The table {path} cannot be read: {error}") from error
    for number, row in enumerate(rows):
        missing = [key for key in ("id", "config", *_CURVES) if key not in row]
        if missing:
            raise UserError(f"{path}: row {row.get('id', number)} lacks {', '.join(missing)}.")
    if not rows:
        raise UserError(f"The table {path} has no rows.")
    return rows


def _check_lengths(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Check that all curves have the same number of epochs, except those of trainings that diverged.

    Raises:
        UserError: a curve has another length.
    """
    epochs = max(len(row["cpu_s"]) for row in rows)
    rows = sorted(rows, key=lambda row: "diverged" in row)
    for row in rows:
        for key in _CURVES:
            length = len(row[key])
            if length != (len(row["cpu_s"]) if "diverged" in row else epochs):
                raise UserError(f"{path}: {key} of row {row['id']} has {length} epochs. Expected {epochs}.")


def _read_curves(row: dict[str, Any], epochs: int) -> Curves:
    """Return the curves of a row; those of a training that diverged continue with an error of 1 that costs nothing."""
    rest = epochs - len(row["cpu_s"])
    worst = {"val_loss": 20.0, "train_loss": 20.0}
    arrays = {
        name: np.array([*row[key], *[worst.get(key, 0.0)] * rest], dtype=np.float64) for key, name in _CURVES.items()
    }
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise UserError(f"Row {row['id']} has a {name} that is not finite.")
    return Curves(**arrays)


def _find_vals(path: Path, row: dict[str, Any], space: Space, ordered: Mapping[str, Sequence[Any]]) -> Vals:
    """Return the draw of a row, from its ``vals`` or its ``config``.

    Raises:
        UserError: it does not fit the space.
    """
    try:
        if "vals" in row:
            return _check_vals(row["vals"], space)
        return space.vals({key: _index(key, value, ordered) for key, value in row["config"].items()})
    except UserError as error:
        raise UserError(f"{path}: row {row['id']} does not fit the space: {error}") from error


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
            f"{path} lacks {len(missing)} of {len(missing) + len(found)} configurations, e.g. {dict(missing[0])}. Train"
            " them, or load the table as a sample."
        )
