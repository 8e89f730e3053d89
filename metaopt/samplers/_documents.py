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
        self._documents: list[Mapping[str, Any]] = []
        self._outcomes: list[tuple[Any, ...]] = []
        self._observations: list[Observation | None] = []  # of each document; None for those that have not ended

    def read(self, documents: Sequence[Mapping[str, Any]]) -> tuple[Observation, ...]:
        """Return the ended trials, sorted by number; trials without a loss count as failed."""
        results = [doc["result"] for doc in documents]
        outcomes = [
            (doc["state"], result.get("status"), result.get("loss"))
            for doc, result in zip(documents, results, strict=True)
        ]
        n_same = _count_equal(operator.is_, documents, self._documents)
        n_same = _count_equal(operator.eq, outcomes[:n_same], self._outcomes)
        found = self._observations[:n_same]
        found += [self._observe(doc) for doc in documents[n_same:]]
        self._documents, self._outcomes, self._observations = list(documents), outcomes, found
        return tuple(sorted((one for one in found if one is not None), key=operator.attrgetter("trial")))

    def read_running(self, documents: Sequence[Mapping[str, Any]]) -> list[Vals]:
        """Return the values of the trials that are queued or running."""
        states = JOB_STATE_NEW, JOB_STATE_RUNNING
        return [get_vals(self._space, doc) for doc in documents if doc["state"] in states]

    def _observe(self, document: Mapping[str, Any]) -> Observation | None:
        if document["state"] != JOB_STATE_DONE:
            return None
        result = document["result"]
        loss = result.get("loss") if result.get("status") == STATUS_OK else None
        return Observation.of(
            document["tid"], get_vals(self._space, document), None if loss is None else float(loss)
        )


def get_vals(space: Space, document: Mapping[str, Any]) -> Vals:
    """Return the values of a document."""
    return space.restrict({label: value[0] for label, value in document["misc"]["vals"].items() if len(value)})


def _count_equal(equal: Any, first: Sequence[Any], second: Sequence[Any]) -> int:
    """Return the number of items at the beginning of both sequences that are equal."""
    are_equal = list(map(equal, first, second))
    return len(are_equal) if all(are_equal) else are_equal.index(False)
