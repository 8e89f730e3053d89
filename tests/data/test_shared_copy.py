"""One copy of a data set for all processes of a machine."""

import errno
import multiprocessing
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metaopt.data import DataSpec, load, shared_copy
from metaopt.files.held_folders import release

HEADS = {"label": 10, "other": 3}


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(shared_copy, "_SMALLEST", 1)
    return folder


@pytest.fixture(params=[True, False], ids=["test split", "no test split"])
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> DataSpec:
    rng = np.random.default_rng(0)
    splits = ("train", "test") if request.param else ("train",)
    arrays: dict[str, Any] = {}
    for split in splits:
        arrays[f"x_{split}"] = rng.integers(0, 256, (120, 6, 6, 3), np.uint8)
        arrays[f"y_{split}"] = np.arange(120) % 10
        arrays[f"y_{split}_other"] = np.arange(120) % 3
    np.savez(tmp_path / "images.npz", **arrays)
    return DataSpec(str(tmp_path / "images.npz"), image_size=4)


def content(data: Any) -> list[Any]:
    splits = [data.train, data.validation, data.everything(), data.test()]
    return [
        data.fingerprint,
        data.description,
        data.class_names,
        data.notes,
        *[
            [np.asarray(part).tolist() for part in (images.batch(range(len(images)))[0], *images.labels.values())]
            for images in splits
        ],
    ]


def folders(temporary: Path) -> list[Path]:
    return [path for path in temporary.glob("*/data-*") if path.is_dir()]


def test_a_shared_copy_is_equal_to_an_own_one(spec: DataSpec, temporary: Path) -> None:
    own = load(spec)
    first, second = load(spec, shared=own.fingerprint), load(spec, shared=own.fingerprint)
    assert content(first) == content(second) == content(own)
    (folder,) = folders(temporary)
    assert {"images.npy", "facts.npz"} <= {path.name for path in folder.iterdir()}
    assert isinstance(second.train.base.array.base, np.memmap)
    release(folder)
    assert folders(temporary) == []


def test_the_copy_serves_after_the_file_is_gone(spec: DataSpec) -> None:
    """A worker that is replaced hours later trains on the images that the search began with."""
    fingerprint = load(spec, shared=load(spec).fingerprint).fingerprint
    Path(spec.data).unlink()
    assert load(spec, shared=fingerprint).fingerprint == fingerprint


def test_other_images_are_not_shared(spec: DataSpec, temporary: Path) -> None:
    found = load(spec, shared="0" * 32)
    assert found.fingerprint == load(spec).fingerprint
    assert folders(temporary) == []


@pytest.mark.parametrize("damage", ["images", "facts"])
def test_a_damaged_copy_is_written_again(spec: DataSpec, temporary: Path, damage: str) -> None:
    own = load(spec)
    load(spec, shared=own.fingerprint)
    (folder,) = folders(temporary)
    if damage == "images":
        array = np.lib.format.open_memmap(folder / "images.npy", mode="r+")
        array[0] += 1
        array.flush()
    else:
        (folder / "facts.npz").write_bytes(b"PK")
    assert content(load(spec, shared=own.fingerprint)) == content(own)


def test_a_full_disk_leaves_an_own_copy(spec: DataSpec, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    own = load(spec)
    monkeypatch.setattr(np, "save", save)
    assert content(load(spec, shared=own.fingerprint)) == content(own)
    assert folders(temporary) == []


def test_small_images_are_not_shared(spec: DataSpec, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_copy, "_SMALLEST", 2**24)
    load(spec, shared=load(spec).fingerprint)
    assert folders(temporary) == []


def _load(spec: DataSpec, fingerprint: str, barrier: Any, answers: Any) -> None:
    shared_copy._SMALLEST = 1
    barrier.wait()
    answers.put(load(spec, shared=fingerprint).train.base.array.base is not None)


@pytest.mark.slow
def test_processes_that_start_together_write_one_copy(spec: DataSpec, temporary: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(3), context.Queue()
    fingerprint = load(spec).fingerprint
    workers = [context.Process(target=_load, args=(spec, fingerprint, barrier, answers)) for _ in range(3)]
    for each in workers:
        each.start()
    assert [answers.get(timeout=60) for _ in workers] == [True] * 3
    for each in workers:
        each.join()
    assert folders(temporary) == []
