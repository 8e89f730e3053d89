"""Folder of the TensorBoard log of a retraining."""

from pathlib import Path

import pytest

from metaopt.cli import retrain_log
from metaopt.cli.retrain_log import LOGS, new_log, why_no_log


def test_a_missing_log_is_noted(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(retrain_log, "can_log", lambda: False)
    assert new_log(tmp_path) is None
    assert "note: No TensorBoard log is written: it needs the package tensorboard." in capsys.readouterr().out
    assert not (tmp_path / LOGS).exists()


def test_each_training_has_its_own_folder(tmp_path) -> None:
    assert len({new_log(tmp_path) for _ in range(3)}) == 3  # also several within a second


@pytest.mark.parametrize(
    ("name", "is_installed", "reason"),
    [
        ("results", True, None),
        ("猫", True, None),
        ("results", False, "it needs the package tensorboard"),
        ("caf\udce9", True, "TensorBoard cannot read a folder whose name is not UTF-8"),
    ],
)
def test_missing_log_has_a_reason(tmp_path: Path, name: str, is_installed: bool, reason: str | None) -> None:
    assert why_no_log(tmp_path / name, is_installed) == reason
