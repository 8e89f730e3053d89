import pickle
import time

import pytest

from metaopt.data import spec as spec_module
from metaopt.data.spec import DataSpec, resolve
from metaopt.errors import UserError


def test_without_a_gpu_auto_is_the_digits_said_aloud() -> None:
    spec, notes = resolve(DataSpec(), gpu=False)
    assert spec.data == "digits"
    assert notes == ["--data auto takes digits: there is no GPU, and scikit-learn brings them."]


@pytest.mark.parametrize(
    ("on_disk", "failure", "name", "said"),
    [
        (True, None, "cifar100", "is on disk"),
        (False, None, "cifar100", "was downloaded"),
        (False, "could not be downloaded", "digits", "is not on disk and could not be downloaded"),
    ],
)
def test_with_a_gpu_auto_is_cifar100_if_it_can_be_had(monkeypatch, on_disk, failure, name, said) -> None:
    monkeypatch.setattr(spec_module, "cifar100_is_on_disk", lambda: on_disk)
    monkeypatch.setattr(spec_module, "_download", lambda *_: failure)
    spec, notes = resolve(DataSpec(image_size=16), gpu=True)
    assert spec == DataSpec(name, image_size=16)
    assert said in notes[0]


def test_a_download_is_ended_when_its_time_is_over() -> None:
    start = time.monotonic()
    assert spec_module._download("cifar100", 0.2) == "could not be downloaded within 0 seconds"
    assert time.monotonic() - start < 5


@pytest.mark.slow
def test_a_failed_download_is_told_without_a_traceback(capfd) -> None:
    assert spec_module._download("no_such_data_set", 60) == "could not be downloaded"
    assert "Traceback" not in capfd.readouterr().err


def test_a_path_becomes_absolute(tmp_path, monkeypatch) -> None:
    (tmp_path / "pets").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve(DataSpec("pets"), gpu=False)[0].data == str(tmp_path / "pets")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("cifra10", r"unknown \(did you mean cifar10\?\)"),
        ("CIFAR100", r"did you mean cifar100\?"),
        ("nothing_like_it", "unknown: give auto, cifar100, .* or a .npz file"),
        ("./flower", r"does not exist \(did you mean flowers\?\)"),
        ("flowers/pictures.npz", "does not exist; give"),
        ("no/such/folder", "does not exist; give"),
        ("notes.txt", "is a file but no .npz"),
    ],
)
def test_unknown_data(tmp_path, monkeypatch, data, message) -> None:
    (tmp_path / "flowers").mkdir()
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        resolve(DataSpec(data), gpu=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, "--image-size is 0, but must be at least 1"),
        (
            {"augment": "flips"},
            r"--augment flips is unknown \(did you mean flip\?\): auto, none, flip, shift, flip\+shift",
        ),
    ],
)
def test_bad_options(options, message) -> None:
    with pytest.raises(UserError, match=message):
        DataSpec(**options)


def test_a_spec_can_be_pickled() -> None:
    spec = DataSpec("digits", 16, "shift", "cache")
    assert pickle.loads(pickle.dumps(spec)) == spec
