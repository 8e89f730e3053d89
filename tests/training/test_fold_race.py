"""A race over folds: one fold is trained after the other, and the driver may end the trial between them."""

from pathlib import Path
from typing import Any

import pytest

from metaopt.data import DataSet
from metaopt.engine.jobs import Epoch
from metaopt.training.checkpoint import best_weights
from tests.training.test_fit import same, state_of
from tests.training.test_folds import train

pytestmark = pytest.mark.slow  # trains with Keras


def race(data: DataSet, directory: Path | None = None, epochs: int = 3, **run: Any) -> dict[str, Any]:
    return train(data, directory, epochs, race=True, **run)


def test_race_trains_the_same_in_another_order(tiny: DataSet, tmp_path: Path) -> None:
    seen: list[Epoch] = []
    together = train(tiny, tmp_path / "together")
    alone = race(tiny, tmp_path / "race", report=lambda epoch: seen.append(epoch) or True)
    for name in ("history", "replicates", "best_epoch", "loss", "epochs", "complete"):
        if name == "history":
            assert {key: alone[name][key] for key in together[name]} == together[name]
        else:
            assert alone[name] == together[name]
    assert [(each.fold, each.epoch, each.ends_fold) for each in seen[:6]] == [
        *((0, 1, False), (0, 2, False), (0, 3, True)),
        *((1, 1, False), (1, 2, False), (1, 3, True)),
    ]
    assert [(each.fold, each.epoch, len(each.replicates)) for each in seen[6:]] == [(None, n, 3) for n in (1, 2, 3)]
    assert seen[6].replicates[:2] == (seen[0].metrics, seen[3].metrics)
    theirs, ours = state_of(tmp_path / "together"), state_of(tmp_path / "race")
    assert all((a == b).all() for f, g in zip(theirs.folds, ours.folds, strict=True) for a, b in zip(f, g, strict=True))
    assert len(best_weights(tmp_path / "race")[1]) == 1  # those of the first fold


@pytest.mark.parametrize("n_reports", [4, 8])
def test_race_resumes_bit_for_bit_where_it_was_ended(tiny: DataSet, tmp_path: Path, n_reports: int) -> None:
    whole = race(tiny, tmp_path / "whole")
    seen: list[Epoch] = []
    race(tiny, tmp_path / "parts", report=lambda epoch: seen.append(epoch) or len(seen) < n_reports)
    assert len(seen) == n_reports
    n_complete = max((each.epoch for each in seen if each.fold is None), default=0)
    again: list[Epoch] = []
    report = {"report": lambda epoch: again.append(epoch) or True}
    parts = race(tiny, tmp_path / "parts", start=n_complete, **report, compiled_models=None)  # as in another process
    assert parts["history"] == whole["history"]
    assert parts["replicates"] == whole["replicates"]
    assert same(tmp_path / "parts", tmp_path / "whole")
    known = [each for each in seen if each.fold is not None and n_complete == 0]
    assert [each.metrics for each in again[: len(known)]] == [each.metrics for each in known]
