"""Observations from the trial documents of hyperopt."""

import numpy as np
from hyperopt import STATUS_OK, hp
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_RUNNING

from metaopt.samplers._documents import DocumentReader
from metaopt.samplers._hyperopt import _make_document
from metaopt.spaces import compile_space

SPACE = compile_space({"x": hp.uniform("x", 0, 1)})
VALS = [SPACE.draw(np.random.default_rng(n)) for n in range(4)]


def ok(loss: float) -> dict[str, object]:
    return {"status": STATUS_OK, "loss": loss}


def test_documents_that_change_are_read_again() -> None:
    docs = [_make_document(n, SPACE, vals, ok(float(n))) for n, vals in enumerate(VALS[:3])]
    docs[1]["state"] = JOB_STATE_RUNNING
    reader = DocumentReader(SPACE)
    before, running = reader.read(docs)
    assert [(one.trial, one.result.loss) for one in before] == [(0, 0.0), (2, 2.0)]
    assert running == [VALS[1]]

    docs[1]["state"] = JOB_STATE_DONE  # in place, as fmin does
    docs[2]["result"] = ok(7.0)
    docs.append(_make_document(3, SPACE, VALS[3], ok(3.0)))
    after, running = reader.read(docs)
    assert [(one.trial, one.result.loss) for one in after] == [(0, 0.0), (1, 1.0), (2, 7.0), (3, 3.0)]
    assert running == []
    assert after[0] is before[0]


def test_removed_documents_are_forgotten() -> None:
    docs = [_make_document(n, SPACE, vals, ok(float(n))) for n, vals in enumerate(VALS)]
    reader = DocumentReader(SPACE)
    reader.read(docs)
    found, _ = reader.read([docs[0], *docs[2:]])
    assert [one.trial for one in found] == [0, 2, 3]


def test_trials_that_end_in_another_order_are_sorted() -> None:
    docs = [_make_document(n, SPACE, vals, ok(float(n))) for n, vals in enumerate(VALS)]
    for doc in docs:
        doc["state"] = JOB_STATE_RUNNING
    reader, ended = DocumentReader(SPACE), []
    for n in (2, 0, 3, 1):
        docs[n]["state"] = JOB_STATE_DONE
        ended.append(n)
        found, running = reader.read(docs)
        assert [one.trial for one in found] == sorted(ended)
        assert running == [VALS[other] for other in range(4) if other not in ended]
