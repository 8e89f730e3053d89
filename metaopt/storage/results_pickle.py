"""results.pkl: a hyperopt ``Trials`` that plain hyperopt code can load and continue.

It is written from the journal and never read back for the study's own trials; only trials that plain hyperopt added are
imported. Reading executes nothing: ``pickle_reader`` interprets the file into plain values.
"""

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperopt import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK, Trials

from metaopt.errors import UserError
from metaopt.files.regular_file import open_regular
from metaopt.spaces import Vals
from metaopt.storage.files import Files
from metaopt.storage.pickle_reader import MAX_BYTES, read_plain
from metaopt.storage.pickle_values import Instance, NotPlain
from metaopt.terminal.commands import shown
from metaopt.trials.constraints import is_number
from metaopt.trials.record import Record

STATUS_SUSPENDED = "suspended"


class UnreadablePickle(UserError):
    """The file is truncated, not a pickle of Trials, or holds something else than hyperopt's documents."""


@dataclass(frozen=True)
class Document:
    """One trial of a pickle of hyperopt's Trials.

    Attributes:
        tid: number of the trial.
        state: hyperopt's state of the job: 2 for done.
        vals: value of each active label, a finite number.
        result: what the objective function returned, as plain values.
        status: status in the result; "new" where there is none.
        loss: loss in the result as a finite number, or None.
        study: id of the study that wrote it, or None.
    """

    tid: int
    state: int
    vals: Mapping[str, float]
    result: Mapping[str, Any]
    status: str
    loss: float | None
    study: str | None

    @property
    def is_foreign(self) -> bool:
        """Whether plain hyperopt added it, and finished it."""
        return self.study is None and self.state == JOB_STATE_DONE


def read_documents(path: Path) -> list[Document]:
    """Read the trials in a pickle of hyperopt's ``Trials``; nothing in it is executed.

    Raises:
        UnreadablePickle: The file cannot be read, or holds something else.
    """
    try:
        with open_regular(path) as file:
            data = file.read(MAX_BYTES + 1)
        trials = read_plain(data)
    except (OSError, NotPlain) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadablePickle(f"{shown(path)} cannot be read as hyperopt's Trials ({reason}).") from error
    if not isinstance(trials, Instance) or trials.name != "Trials":
        name = trials.name if isinstance(trials, Instance) else type(trials).__name__
        raise UnreadablePickle(f"{shown(path)} holds a {name}, not hyperopt's Trials.")
    documents = trials.attributes.get("_trials", trials.attributes.get("_dynamic_trials"))
    if not isinstance(documents, list):
        raise UnreadablePickle(f"{shown(path)} holds Trials without a list of trials.")
    try:
        return [_document(number, content) for number, content in enumerate(documents)]
    except NotPlain as error:
        raise UnreadablePickle(f"{shown(path)} holds a trial that is not hyperopt's: {error}.") from error


def _document(number: int, content: Any) -> Document:
    """Check the fields of a document that are used, and return them.

    Raises:
        NotPlain: One is missing or of another type.
    """
    content = _dict(content, f"trial {number}")
    tid, state = content.get("tid"), content.get("state")
    if type(tid) is not int or type(state) is not int or tid < 0:
        raise NotPlain(f"trial {number} has no tid or no state")
    result = _dict(content.get("result"), f"result of tid {tid}")
    misc = _dict(content.get("misc"), f"misc of tid {tid}")
    mark = misc.get("metaopt")
    study = None if mark is None else _dict(mark, f"misc.metaopt of tid {tid}").get("study")
    if mark is not None and not isinstance(study, str):
        raise NotPlain(f"misc.metaopt of tid {tid} names no study")
    status, loss = result.get("status", "new"), result.get("loss")
    return Document(
        tid=tid,
        state=state,
        vals=dict(_active(_dict(misc.get("vals"), f"misc.vals of tid {tid}"), tid)),
        result=result,
        status=str(status) if isinstance(status, str) else "new",
        loss=float(loss) if isinstance(loss, int | float) and is_number(loss) else None,
        study=study,
    )


def _active(vals: dict[Any, Any], tid: int) -> Iterator[tuple[str, float]]:
    """Yield the labels that have a value."""
    for label, values in vals.items():
        if not isinstance(label, str) or not isinstance(values, list | tuple) or len(values) > 1:
            raise NotPlain(f"misc.vals of tid {tid} is not a list of one value for each label")
        if values:
            if not is_number(values[0]):
                raise NotPlain(f"misc.vals of tid {tid} has a value that is no finite number")
            yield str(label), values[0]


def _dict(value: Any, name: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise NotPlain(f"{name} is no dict")
    return value


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
