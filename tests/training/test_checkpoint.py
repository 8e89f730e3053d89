"""Checkpoint files, without any framework."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metaopt.errors import ResultsNotWritable
from metaopt.training import checkpoint as checkpoint_module
from metaopt.training.checkpoint import Checkpoint, EpochHistory, TrainingState, UnusableCheckpoint, best_weights
from tests.storage.crashing_files import CrashingFiles, PowerCut, Survival

ROOT = Path(__file__).parents[2]


def arrays(number: float, folds: int = 1) -> list[list[np.ndarray]]:
    """Arrays of all types that a model has: weights, a counter, the state of a seed, an empty array."""
    return [
        [
            np.full((3, 2), number + fold, np.float32),
            np.array(7, np.int64),
            np.array([1, 2**32 - 1], np.uint32),
            np.zeros((0, 4), np.float32),
            np.array(0.1 + number, np.float64),
        ]
        for fold in range(folds)
    ]


def state(epochs: int, folds: int = 1) -> TrainingState:
    each = [{"loss": 1 / 3 + n, "val_loss": 1e-17} for n in range(epochs)]
    replicates = [tuple([row] * folds if folds > 1 else []) for row in each]
    return TrainingState(
        EpochHistory(each, [0.1] * epochs, replicates), arrays(epochs, folds), {"trial": 1, "layers": 2, "of": 3}
    )


def equal(one: list[list[np.ndarray]], other: list[list[np.ndarray]]) -> bool:
    return [[(a.dtype, a.shape, a.tobytes()) for a in fold] for fold in one] == [
        [(a.dtype, a.shape, a.tobytes()) for a in fold] for fold in other
    ]


def written(directory: Path, epochs: int, best: int) -> Checkpoint:
    """Write checkpoints of ``epochs`` epochs; epoch ``best`` is the best one, and the first was until then."""
    checkpoint = Checkpoint(directory)
    for epoch in range(1, epochs + 1):
        checkpoint.save(state(epoch), (epoch, arrays(100 + epoch)) if epoch in (1, best) else None)
    return checkpoint


def names(directory: Path) -> list[str]:
    """Names of the files without their digests."""
    return sorted(path.name.rpartition("-")[0] for path in directory.iterdir())


@pytest.mark.parametrize("folds", [1, 3])
def test_a_state_is_restored_bit_for_bit(tmp_path: Path, folds: int) -> None:
    directory = tmp_path / "checkpoints" / "000007"
    Checkpoint(directory).save(state(4, folds), (3, arrays(9, folds)))
    again, damaged = Checkpoint(directory).restore()
    assert again is not None
    assert not damaged
    assert equal(again.folds, state(4, folds).folds)
    assert again.progress == state(4, folds).progress
    assert again.inherited == {"trial": 1, "layers": 2, "of": 3}
    assert equal(best_weights(directory)[1], arrays(9, folds))


def test_an_empty_directory_restores_nothing(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path / "none").restore() == (None, False)
    with pytest.raises(UnusableCheckpoint) as unusable:
        best_weights(tmp_path / "none")
    assert unusable.value.reason == "gone"


def test_the_two_newest_states_and_their_weights_are_kept(tmp_path: Path) -> None:
    written(tmp_path, 5, best=3)
    assert names(tmp_path) == ["best-000003", "state-000004", "state-000005"]
    written(tmp_path / "other", 5, best=5)
    assert names(tmp_path / "other") == ["best-000001", "best-000005", "state-000004", "state-000005"]
    assert equal(best_weights(tmp_path)[1], arrays(103))


def test_a_later_process_continues_and_removes_leftovers(tmp_path: Path) -> None:
    written(tmp_path, 3, best=2)
    (tmp_path / ".state-000004.tmp").write_bytes(b"half")  # left behind by a kill
    later = Checkpoint(tmp_path)
    assert later.restore()[0] is not None
    later.save(state(4), None)
    assert names(tmp_path) == ["best-000002", "state-000003", "state-000004"]
    assert equal(best_weights(tmp_path)[1], arrays(102))


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "bit":
        data[len(data) // 2] ^= 1
    elif how == "cut":
        del data[len(data) // 2 :]
    elif how == "empty":
        data.clear()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(data)


def file(directory: Path, stem: str) -> Path:
    return next(directory.glob(f"{stem}-*.npz"))


@pytest.mark.parametrize("how", ["bit", "cut", "empty"])
def test_a_damaged_state_falls_back_to_the_previous_one(tmp_path: Path, how: str) -> None:
    written(tmp_path, 5, best=3)
    damage(file(tmp_path, "state-000005"), how)
    again = Checkpoint(tmp_path)
    found, damaged = again.restore()
    assert damaged
    assert found is not None
    assert len(found.progress) == 4
    again.save(state(5), None)
    assert names(tmp_path) == ["best-000003", "state-000004", "state-000005"]
    found, damaged = Checkpoint(tmp_path).restore()
    assert not damaged
    assert found is not None
    assert equal(found.folds, state(5).folds)


@pytest.mark.parametrize("how", ["bit", "cut", "empty", "gone"])
def test_damaged_best_weights_fall_back_to_the_previous_state(tmp_path: Path, how: str) -> None:
    written(tmp_path, 5, best=5)
    damage(file(tmp_path, "best-000005"), how)
    found, damaged = Checkpoint(tmp_path).restore()
    assert damaged
    assert found is not None
    assert len(found.progress) == 4
    assert equal(best_weights(tmp_path)[1], arrays(101))


def test_damaged_states_only_restore_nothing(tmp_path: Path) -> None:
    written(tmp_path, 5, best=3)
    for path in tmp_path.glob("state-*"):
        damage(path, "bit")
    again = Checkpoint(tmp_path)
    assert again.restore() == (None, True)
    with pytest.raises(UnusableCheckpoint) as unusable:
        best_weights(tmp_path)
    assert unusable.value.reason == "damaged"
    again.save(state(1), (1, arrays(0)))
    assert names(tmp_path) == ["best-000001", "state-000001"]


def test_best_weights_are_found_while_states_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, 5, best=3)
    listed = checkpoint_module._states
    outdated = [[tmp_path / "state-000001-00.npz"], [tmp_path / "state-000002-00.npz"]]
    monkeypatch.setattr(checkpoint_module, "_states", lambda folder: outdated.pop() if outdated else listed(folder))
    epoch, weights = best_weights(tmp_path)
    assert epoch == 3
    assert equal(weights, arrays(103))


def test_a_state_of_another_schema_is_not_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("metaopt.training.checkpoint._SCHEMA", 2)
        written(tmp_path, 2, best=1)
    assert Checkpoint(tmp_path).restore() == (None, True)


def test_a_restored_state_can_be_discarded(tmp_path: Path) -> None:
    written(tmp_path, 5, best=3)
    again = Checkpoint(tmp_path)
    again.restore()
    again.discard()
    again.save(state(1), (1, arrays(0)))
    assert names(tmp_path) == ["best-000001", "state-000001"]


def test_a_full_disk_raises_and_keeps_the_last_state(tmp_path: Path) -> None:
    """A limit on the file size fails a write halfway, as a full disk does."""
    checkpoint = written(tmp_path, 2, best=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = TrainingState(state(3).progress, [[np.zeros(10**6)]])
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, hard))
    try:
        with pytest.raises(ResultsNotWritable, match=r"A checkpoint in .* cannot be written"):
            checkpoint.save(large, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == ["best-000001", "state-000001", "state-000002"]
    checkpoint.save(large, None)
    assert names(tmp_path) == ["best-000001", "state-000002", "state-000003"]


def test_a_directory_that_cannot_be_created_raises(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultsNotWritable, match="file/000001"):
        Checkpoint(tmp_path / "file" / "000001").save(state(1), (1, arrays(0)))


@pytest.mark.parametrize("survival", ["lost", "torn", "kept"])
def test_a_power_cut_at_any_step_leaves_a_usable_state(tmp_path: Path, survival: Survival) -> None:
    def save_third_epoch(directory: Path, fail_at: int | None) -> CrashingFiles:
        written(directory, 2, best=2)
        files = CrashingFiles(directory, fail_at=fail_at)
        checkpoint = Checkpoint(directory, files)
        checkpoint.restore()
        if fail_at is None:
            checkpoint.save(state(3), (3, arrays(103)))
        else:
            with pytest.raises(PowerCut):
                checkpoint.save(state(3), (3, arrays(103)))
        return files

    steps = save_third_epoch(tmp_path / "whole", None).steps
    assert steps == 6  # sync, rename and sync of the folder, for the best weights and for the state
    for step in range(steps):
        directory = tmp_path / str(step)
        save_third_epoch(directory, step).settle(survival)
        found, damaged = Checkpoint(directory).restore()
        assert not damaged
        assert found is not None
        epochs = len(found.progress)
        assert epochs == (3 if step == 5 and survival != "lost" else 2)
        assert equal(found.folds, state(epochs).folds)
        assert equal(best_weights(directory)[1], arrays(100 + epochs))


# Imported by its path: all of metaopt.training would take longer than the test.
WRITER = """
import importlib.util, sys
from pathlib import Path
import numpy as np
specification = importlib.util.spec_from_file_location("checkpoint", "metaopt/training/checkpoint.py")
module = sys.modules["checkpoint"] = importlib.util.module_from_spec(specification)
specification.loader.exec_module(module)
Checkpoint, EpochHistory, TrainingState = module.Checkpoint, module.EpochHistory, module.TrainingState
checkpoint = Checkpoint(Path(sys.argv[1]))
for epoch in range(1, 10**6):
    rows = [{"loss": float(epoch)}] * epoch
    values = [[np.full(300_000, epoch, np.float32)]]
    checkpoint.save(TrainingState(EpochHistory(rows, [1.0] * epoch, [()] * epoch), values), (epoch, values))
    print(epoch, flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_complete_state(tmp_path: Path) -> None:
    """The last confirmed state exists, or a newer one."""
    rng = np.random.default_rng(0)
    for attempt in range(9):
        directory = tmp_path / str(attempt)
        process: Any = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ}
        )
        said = int(process.stdout.readline())
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        said = int((process.stdout.read().split() or [said])[-1])
        process.wait()
        found, damaged = Checkpoint(directory).restore()
        assert not damaged
        assert found is not None
        assert len(found.progress) >= said
        assert (found.folds[0][0] == len(found.progress)).all()
        assert (best_weights(directory)[1][0][0] == len(found.progress)).all()


OWN = {"study": "a", "trial": 3, "point": "p", "data": "d", "backend": "jax", "policy": "float32", "floatx": "float32"}


def owned(directory: Path, epochs: int, **facts: Any) -> Checkpoint:
    checkpoint = Checkpoint(directory)
    checkpoint.identity = {**OWN, **facts}
    checkpoint.save(state(epochs), (epochs, arrays(epochs)))
    return checkpoint


@pytest.mark.parametrize(
    ("fact", "value", "owner"),
    [
        ("study", "b", "another study"),
        ("trial", 4, "another trial"),
        ("point", "q", "other hyperparameters"),
        ("data", "e", "other data"),
        ("backend", "torch", "another backend"),
        ("policy", "mixed_bfloat16", "another precision"),
        ("floatx", "float64", "another precision"),
    ],
)
def test_state_of_something_else_is_refused(tmp_path: Path, fact: str, value: Any, owner: str) -> None:
    owned(tmp_path, 5, **{fact: value})
    checkpoint = Checkpoint(tmp_path)
    checkpoint.identity = OWN
    assert checkpoint.restore() == (None, False)
    assert checkpoint.foreign == owner
    with pytest.raises(UnusableCheckpoint, match=owner):
        best_weights(tmp_path, OWN)


def test_own_state_is_restored_beside_a_newer_foreign_one(tmp_path: Path) -> None:
    owned(tmp_path / "own", 2)
    owned(tmp_path / "other", 9, study="b")
    for path in (tmp_path / "other").iterdir():
        path.rename(tmp_path / "own" / path.name)
    checkpoint = Checkpoint(tmp_path / "own")
    checkpoint.identity = OWN
    restored, is_damaged = checkpoint.restore()
    assert restored is not None
    assert (len(restored.progress), is_damaged) == (2, False)
    assert best_weights(tmp_path / "own", OWN)[0] == 2


def test_state_without_identity_is_one_of_an_earlier_version(tmp_path: Path) -> None:
    written(tmp_path, 2, 2)
    checkpoint = Checkpoint(tmp_path)
    checkpoint.identity = OWN
    assert checkpoint.restore()[0] is not None


def test_nothing_is_written_or_deleted_behind_a_link(tmp_path: Path) -> None:
    written(tmp_path / "elsewhere", 2, 2)
    before = sorted((tmp_path / "elsewhere").iterdir())
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ResultsNotWritable, match="link to another folder"):
        Checkpoint(tmp_path / "link").save(state(1), (1, arrays(1)))
    assert sorted((tmp_path / "elsewhere").iterdir()) == before


def test_states_at_which_trials_are_forked_stay(tmp_path: Path) -> None:
    """Here at epoch 2, whose best weights stay with it; a later job keeps epoch 5 instead."""
    written(tmp_path, 2, best=2)
    later = Checkpoint(tmp_path)
    later.kept_epochs = frozenset({2})
    assert later.restore()[0] is not None
    for epoch in (3, 4, 5):
        later.save(state(epoch), (epoch, arrays(100 + epoch)))
    assert names(tmp_path) == [
        *("best-000002", "best-000004", "best-000005"),
        *("state-000002", "state-000004", "state-000005"),
    ]
    source = Checkpoint(tmp_path)
    found, is_damaged = source.restore(2)
    assert found is not None
    assert not is_damaged
    assert len(found.progress) == 2
    assert source.best_weights()[0] == 2
    assert equal(source.best_weights()[1], arrays(102))
    assert Checkpoint(tmp_path).restore(3) == (None, False)
    last = Checkpoint(tmp_path)
    last.kept_epochs = frozenset({5})
    assert last.restore()[0] is not None
    for epoch in (6, 7, 8):
        last.save(state(epoch), None)
    assert names(tmp_path) == ["best-000005", "state-000005", "state-000007", "state-000008"]


def test_best_weights_need_a_restored_state(tmp_path: Path) -> None:
    with pytest.raises(UnusableCheckpoint):
        Checkpoint(tmp_path).best_weights()
