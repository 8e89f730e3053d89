"""Trials of a search space as arrays, and their ranking at one budget.

Encoding and ranking thousands of trials in Python would dominate the time of a proposal. The arrays of a space are
therefore kept between proposals. They only hold functions of single trials, so a proposal never depends on the earlier
ones of the process.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.samplers._base import History, Observation, count_same
from metaopt.spaces import Vals
from metaopt.trials.pareto import by_hypervolume, order_results
from metaopt.trials.ranking import RANKING, RankKey
from metaopt.trials.result import Result

# Function from a draw to numbers (columns,), NaN where a parameter is inactive.
Encoder = Callable[[Vals], np.ndarray]

_VALUE = 2  # position of the first value in a rank key (is infeasible, violation, values…), see LexicographicRanking
_SPARE_ROWS = 1_000  # rows of trials that are no longer in the history, before the arrays are made again


@dataclass(frozen=True)
class RankedTrials:
    """Trials with a loss, ranked as they were at one budget, and the trials that are running.

    Attributes:
        table: encoded trials of the space, (rows, columns).
        rows: row of each trial with a loss at any budget, in the order of their numbers, (trials,).
        comparable: positions in ``rows`` of the trials with a loss at this budget, ascending, (comparable trials,).
        keys: their rank keys, (comparable trials, key).
        running: encoded running trials, (running, columns).
        signatures: a number for each trial, with or without a loss; equal for equal draws.
        n_known: number of trials that have a loss at any budget.
    """

    table: np.ndarray
    rows: np.ndarray
    comparable: np.ndarray
    keys: np.ndarray
    running: np.ndarray
    signatures: np.ndarray
    n_known: int

    def find_best(self, n: int) -> np.ndarray:
        """Return the positions in ``rows`` of the best n comparable trials, the best first.

        Under several objectives, they are the first fronts, and of the last one those with the most hypervolume.
        """
        keys = self.keys
        if keys.shape[1] > _VALUE + 1:
            return self.comparable[order_results(keys, by_hypervolume, n)]
        if keys[:, :-1].any():  # some are infeasible
            return self.comparable[np.lexsort(keys.T[::-1])[:n]]
        losses = keys[:, _VALUE]
        if n >= len(losses):
            return self.comparable[np.argsort(losses, kind="stable")]
        candidates = np.flatnonzero(losses <= np.partition(losses, n)[n])
        return self.comparable[candidates[np.argsort(losses[candidates], kind="stable")[:n]]]

    def split(self, n_good: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best trials, and the others with the running ones, encoded, each in the order of their numbers."""
        is_good = np.zeros(len(self.rows), dtype=bool)
        is_good[self.find_best(n_good)] = True
        others = np.take(self.table, self.rows[~is_good], axis=0)
        return self.table[self.rows[is_good]], np.concatenate([others, self.running]) if len(self.running) else others


class TrialTable:
    """Encoded trials and their results, one row for each observation that was ever seen.

    A row never changes: a trial with another result is another observation. Rows are found by the identity of the
    observation, which the table keeps alive.
    """

    def __init__(self, encode: Encoder, n_columns: int) -> None:
        self._encode = encode
        self._n_columns = n_columns
        self._lock = threading.Lock()  # searches in several threads may have the same space
        self._clear()

    def _clear(self) -> None:
        self._row_by_id: dict[int, int] = {}
        self._observations: list[Observation] = []
        self._latest: Sequence[Observation] = ()  # those of the last call, most of which are in the next one, too
        self._latest_rows = np.empty(0, dtype=np.intp)
        self._resources: list[int] = []  # those of all rows, ascending
        self._encoded = np.empty((0, self._n_columns))
        self._signatures = np.empty(0, dtype=np.int64)
        # Rank keys (rows, resources, key), NaN without a finite loss. Studies of one space may have different numbers
        # of objectives: keys of fewer ones end with zeros.
        self._keys = np.empty((0, 0, _VALUE + 1))
        self._last = np.empty((0, _VALUE + 1))  # rank key of the last result
        self._last_resources = np.empty(0)
        self._are_complete = np.empty(0, dtype=bool)

    def rank(self, history: History, running: Sequence[Vals], enough: int) -> RankedTrials:
        """Return the trials at the budget of ``History.comparable``, in the order of ``History.ranked``.

        Args:
            history: the trials that ended or are paused.
            running: values of the running trials.
            enough: see ``History.comparable``.
        """
        liars = np.array([self._encode(vals) for vals in running]).reshape(-1, self._n_columns)
        with self._lock:
            rows = self._find_rows(history.observations)
            last = self._last[rows]
            keys = self._keys_at_one_budget(rows, last, enough)
            is_known = ~np.isnan(last[:, _VALUE])
            has_any = is_known | ~np.isnan(keys[:, _VALUE])
            keys = keys[has_any, : _VALUE + history.n_objectives]
            comparable = np.flatnonzero(~np.isnan(keys[:, _VALUE]))
            own = np.array([compute_signature(one) for one in liars], dtype=np.int64)
            signatures = np.concatenate([self._signatures[rows], own])
            known = rows[has_any]
            return RankedTrials(
                self._encoded, known, comparable, keys[comparable], liars, signatures, int(is_known.sum())
            )

    def _keys_at_one_budget(self, rows: np.ndarray, last: np.ndarray, enough: int) -> np.ndarray:
        """Return the rank keys (rows, key) of the trials at one budget, NaN for those without a loss there."""
        if len(self._resources) <= 1:
            return last
        keys = self._keys[rows]
        has_loss = ~np.isnan(last[:, _VALUE])
        used = np.flatnonzero(~np.isnan(keys[has_loss, :, _VALUE]).all(axis=0))
        if len(used) <= 1:
            return last
        most: tuple[int, np.ndarray] = (0, last)
        for column in used[::-1]:
            there = keys[:, column]
            has_ended = self._are_complete[rows] & (self._last_resources[rows] < self._resources[column])
            there[has_ended] = last[has_ended]  # a complete trial has its last result at every larger resource
            count = int((~np.isnan(there[:, _VALUE])).sum())
            if count >= enough:
                return there
            most = max(most, (count, there), key=lambda pair: pair[0])
        return most[1]

    def _find_rows(self, observations: Sequence[Observation]) -> np.ndarray:
        """Return the row of each observation; rows of new observations are added."""
        if len(self._observations) > 2 * len(observations) + _SPARE_ROWS:
            self._clear()
        n_same = count_same(observations, self._latest)
        others = observations[n_same:]
        new = [one for one in others if id(one) not in self._row_by_id]
        if new:
            self._add(new)
        rows = np.array([self._row_by_id[id(one)] for one in others], dtype=np.intp)
        self._latest_rows = np.concatenate([self._latest_rows[:n_same], rows])
        self._latest = observations
        return self._latest_rows

    def _add(self, new: Sequence[Observation]) -> None:
        """Add rows; observations that occur twice get one row."""
        new = list({id(one): one for one in new}.values())
        self._add_resources(new)
        self._widen(max(len(result.values) for one in new for result in (*one.results, Result())))
        first = len(self._observations)
        self._reserve(first + len(new))
        for row, one in enumerate(new, first):
            self._encoded[row] = self._encode(one.vals)
            self._signatures[row] = compute_signature(self._encoded[row])
            self._keys[row] = np.nan
            for result in one.results:
                if result.has_loss:
                    self._keys[row, self._resources.index(result.resource)] = self._padded(RANKING.key(result))
            self._last[row] = self._padded(one.rank_key) if one.has_loss else np.nan
            self._last_resources[row] = one.result.resource
            self._are_complete[row] = one.is_complete
            self._row_by_id[id(one)] = row
        self._observations += new

    def _padded(self, key: RankKey) -> RankKey:
        """Return a rank key with zeros for the objectives that its study does not have."""
        return (*key, *[0.0] * (self._last.shape[1] - len(key)))

    def _widen(self, n_objectives: int) -> None:
        """Make room in the rank keys for more objectives."""
        missing = _VALUE + n_objectives - self._last.shape[1]
        if missing > 0:
            self._keys = np.pad(self._keys, ((0, 0), (0, 0), (0, missing)))
            self._last = np.pad(self._last, ((0, 0), (0, missing)))

    def _add_resources(self, new: Sequence[Observation]) -> None:
        """Add a column of keys for each new resource."""
        known = {result.resource for one in new for result in one.results}
        for resource in sorted(known.difference(self._resources)):
            column = int(np.searchsorted(self._resources, resource))
            self._resources.insert(column, resource)
            self._keys = np.insert(self._keys, column, np.nan, axis=1)

    def _reserve(self, n_rows: int) -> None:
        """Replace arrays that have fewer rows by longer ones; proposals in other threads keep the shorter ones."""
        capacity = len(self._encoded)
        if n_rows <= capacity:
            return
        more = max(n_rows, 2 * capacity) - capacity
        for name in ("_encoded", "_signatures", "_keys", "_last", "_last_resources", "_are_complete"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros((more, *array.shape[1:]), array.dtype)]))


def compute_signature(encoded: np.ndarray) -> int:
    """Return a number that is equal for equal encoded draws."""
    return hash(tuple(np.where(np.isnan(encoded), np.inf, encoded).tolist()))
