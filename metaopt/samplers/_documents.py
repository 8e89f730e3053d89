"""Observations from the trial documents of hyperopt, which are read again only where they have changed."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from hyperopt.base import JOB_STATE_DONE, JOB_STATE_NEW, JOB_STATE_RUNNING, STATUS_OK

from metaopt.samplers._base import Observation
from metaopt.spaces import Space, Vals


class DocumentReader:
    """Reads the documents of one ``fmin`` before each proposal."""

    def __init__(self, space: Space) -> None:
        self._space = space
        # Documents, states, statuses and losses of the last call. Documents change in place when their trial ends.
        self._latest: tuple[Sequence[Any], ...] = ((), (), (), ())
        self._observations: list[Observation | None] = []  # of each document; None for those that have not ended

    def read(self, documents: Sequence[Mapping[str, Any]]) -> tuple[Observation, ...]:
        """Return the ended trials, sorted by number; trials without a loss count as failed."""
        results = [document["result"] for document in documents]
        states = [document["state"] for document in documents]
        statuses = [result.get("status") for result in results]
        losses = [result.get("loss") for result in results]
        latest = list(documents), states, statuses, losses
        n_same = min(map(_count_same, latest, self._latest))
        found = self._observations[:n_same]
        found += [self._observe(document) for document in documents[n_same:]]
        self._latest, self._observations = latest, found
        return tuple(sorted(filter(None, found), key=operator.attrgetter("trial")))

    def read_running(self, documents: Sequence[Mapping[str, Any]]) -> list[Vals]:
        """Return the values of the trials that are queued or running."""
        states = JOB_STATE_NEW, JOB_STATE_RUNNING
        return [get_vals(self._space, doc) for doc in documents if doc["state"] in states]

    def _observe(self, document: Mapping[str, Any]) -> Observation | None:
        if document["state"] != JOB_STATE_DONE:
            return None
        result = document["result"]
        loss = result.get("loss") if result.get("status") == STATUS_OK else None
        return Observation.of(document["tid"], get_vals(self._space, document), None if loss is None else float(loss))


def get_vals(space: Space, document: Mapping[str, Any]) -> Vals:
    """Return the values of a document."""
    return space.restrict({label: value[0] for label, value in document["misc"]["vals"].items() if len(value)})


def _count_same(first: Sequence[Any], second: Sequence[Any]) -> int:
    """Return the number of items at the beginning of both sequences that are the same objects."""
    are_same = list(map(operator.is_, first, second))
    return len(are_same) if all(are_same) else are_same.index(False)
