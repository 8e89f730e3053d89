"""results.pkl: a hyperopt ``Trials`` that plain hyperopt code can load and continue.

It is written from the journal and never read back for the study's own trials; only trials that plain hyperopt added are
imported. Reading allows the few classes that such a file needs: a pickle can name any function, and unpickling would
call it.
"""

import io
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hyperopt import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK, Trials

from metaopt.errors import UserError
from metaopt.spaces import Vals
from metaopt.storage.files import Files
from metaopt.trials.record import Record

STATUS_SUSPENDED = "suspended"

_ADMITTED = {
    ("datetime", "datetime"),
    ("hyperopt.base", "Trials"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.core.multiarray", "scalar"),  # as written by numpy 1
    ("numpy.core.multiarray", "_reconstruct"),
    ("_codecs", "encode"),  # bytes in pickles of protocol 2
}


class UnreadablePickle(UserError):
    """The file is truncated, not a pickle of Trials, or names a global that is not allowed."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not allowed")
        return super().find_class(module, name)


def read_trials(path: Path) -> Trials:
    """Read a pickle of hyperopt's ``Trials``.

    Raises:
        UnreadablePickle: The file cannot be read; none of its code was executed.
    """
    try:
        trials = _Unpickler(io.BytesIO(path.read_bytes())).load()
    # A damaged pickle can raise any exception, also a MemoryError where a length is damaged.
    except Exception as error:
        raise UnreadablePickle(f"{path} cannot be read as hyperopt's Trials ({error}).") from error
    if not isinstance(trials, Trials):
        raise UnreadablePickle(f"{path} holds a {type(trials).__name__}, not hyperopt's Trials.")
    return trials


def document(
    tid: int, vals: Vals, labels: Iterable[str], result: dict[str, Any], misc: dict[str, Any]
) -> dict[str, Any]:
    """Return one trial in hyperopt's format; labels of inactive branches have empty lists."""
    active = [label for label in labels if label in vals]
    return {
        "state": JOB_STATE_DONE,
        "tid": tid,
        "spec": None,
        "result": result,
        "misc": {
            "tid": tid,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "idxs": {label: [tid] if label in active else [] for label in labels},
            "vals": {label: [vals[label]] if label in active else [] for label in labels},
            **misc,
        },
        "exp_key": None,
        "owner": None,
        "version": 0,
        "book_time": None,
        "refresh_time": None,
    }


def make_trials(records: Iterable[Record], labels: Sequence[str], study: str) -> Trials:
    """Return a study as hyperopt's Trials: tids 0..n−1 without gaps, all done.

    Args:
        records: by trial; ``ok`` with a loss, or ``fail``; one that ended below the largest resource is ``suspended``.
        labels: every label of the space.
        study: id of the study, which marks each document as its own.
    """
    records = list(records)
    largest = max((record.resource for record in records if record.status == "ok"), default=0)
    documents = []
    for tid, record in enumerate(records):
        if record.status == "fail" or record.loss is None:
            result = {"status": STATUS_FAIL, "failure": record.error or ""}
        elif record.complete or record.resource >= largest:
            result = {"status": STATUS_OK, "loss": float(record.loss)}
        else:
            result = {"status": STATUS_SUSPENDED}
        misc = {"metaopt": {"study": study, "trial": record.trial}}
        documents.append(document(tid, Vals(record.vals), labels, result, misc))
    trials = Trials()
    trials.insert_trial_docs(documents)
    trials.refresh()
    return trials


def write_trials(path: Path, trials: Trials, files: Files) -> None:
    """Write the pickle, completely or not at all."""
    files.replace(path, pickle.dumps(trials, protocol=4))


def added_elsewhere(trials: Trials) -> list[dict[str, Any]]:
    """Return the finished documents that plain hyperopt added to the file."""
    return [doc for doc in trials.trials if doc["state"] == JOB_STATE_DONE and "metaopt" not in doc["misc"]]


def studies_of(trials: Trials) -> set[str]:
    """Return the ids of the studies whose documents the file holds."""
    return {doc["misc"]["metaopt"]["study"] for doc in trials.trials if "metaopt" in doc["misc"]}


def vals_of(doc: dict[str, Any]) -> Vals:
    """Return a document's active labels and their values, as plain numbers."""
    return Vals({label: value[0] for label, value in doc["misc"]["vals"].items() if len(value)})
