"""Observations from the trial documents of hyperopt, which are read again only where they have changed."""

import operator
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from hyperopt.base import JOB_STATE_DONE, JOB_STATE_NEW, JOB_STATE_RUNNING, STATUS_OK

from metaopt.samplers._base import Observation, count_same
from metaopt.spaces import Space, Vals

_RUNNING = JOB_STATE_NEW, JOB_STATE_RUNNING


class DocumentReader:
    """Reads the documents of one ``fmin`` before each proposal.

    The document of an ended trial is read again if its result was replaced, the others each time.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._latest: tuple[list[Any], list[Any]] = ([], [])  # documents and results of the last call
        self._observations: list[Observation | None] = []  # of each document; None for those that have not ended
        self._pending: list[int] = []  # positions of the latter
        self._ended: tuple[Observation, ...] = ()  # the others, sorted by number

    def read(self, documents: Sequence[Mapping[str, Any]]) -> tuple[tuple[Observation, ...], list[Vals]]:
        """Return the ended trials, sorted by number, and the values of the queued or running ones.

        Trials without a loss count as failed.
        """
        latest = list(documents), list(map(operator.itemgetter("result"), documents))
        n_same = min(map(count_same, latest, self._latest))
        is_longer = n_same == len(self._observations)
        observations = self._observations[:n_same]
        unread = [position for position in self._pending if position < n_same]
        for position in unread:
            observations[position] = self._observe(documents[position])
        unread += range(n_same, len(documents))
        observations += map(self._observe, documents[n_same:])
        new = [one for one in map(observations.__getitem__, unread) if one is not None]
        if is_longer and _are_ascending([*self._ended[-1:], *new]):
            self._ended = (*self._ended, *new)
        else:
            self._ended = tuple(sorted(filter(None, observations), key=operator.attrgetter("trial")))
        self._latest, self._observations = latest, observations
        self._pending = [position for position in unread if observations[position] is None]
        pending = [documents[position] for position in self._pending]
        return self._ended, [get_vals(self._space, document) for document in pending if document["state"] in _RUNNING]

    def _observe(self, document: Mapping[str, Any]) -> Observation | None:
        if document["state"] != JOB_STATE_DONE:
            return None
        result = document["result"]
        loss = result.get("loss") if result.get("status") == STATUS_OK else None
        return Observation.of(document["tid"], get_vals(self._space, document), None if loss is None else float(loss))


def get_vals(space: Space, document: Mapping[str, Any]) -> Vals:
    """Return the values of a document."""
    return space.restrict({label: value[0] for label, value in document["misc"]["vals"].items() if len(value)})


def _are_ascending(observations: Sequence[Observation]) -> bool:
    return all(first.trial < second.trial for first, second in pairwise(observations))
