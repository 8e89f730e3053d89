import pickle
import time

import pytest

from metaopt.data import spec as spec_module
from metaopt.data.spec import DataSpec, resolve
from metaopt.errors import UserError


def test_auto_selects_the_digits_without_a_gpu() -> None:
    spec, notes = resolve(DataSpec(), gpu=False)
    assert spec.data == "digits"
    assert notes == ["data auto selects digits: no GPU was found, and scikit-learn includes them."]


@pytest.mark.parametrize(
    ("on_disk", "failure", "name", "note"),
    [
        (True, None, "cifar100", "is on disk"),
        (False, None, "cifar100", "was downloaded"),
        (False, "could not be downloaded", "digits", "is not on disk and could not be downloaded"),
    ],
)
def test_auto_selects_cifar100_with_a_gpu(monkeypatch, on_disk, failure, name, note) -> None:
    monkeypatch.setattr(spec_module, "cifar100_is_on_disk", lambda: on_disk)
    monkeypatch.setattr(spec_module, "_download", lambda *_: failure)
    spec, notes = resolve(DataSpec(image_size=16), gpu=True)
    assert spec == DataSpec(name, image_size=16)
    assert note in notes[0]


def test_a_download_times_out() -> None:
    start = time.monotonic()
    assert spec_module._download("cifar100", 0.2) == "could not be downloaded within 0 seconds"
    assert time.monotonic() - start < 5


@pytest.mark.slow
def test_a_failed_download_shows_no_traceback(capfd) -> None:
    assert spec_module._download("no_such_data_set", 60) == "could not be downloaded"
    assert "Traceback" not in capfd.readouterr().err


def test_resolve_makes_paths_absolute(tmp_path, monkeypatch) -> None:
    (tmp_path / "pets").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve(DataSpec("pets"), gpu=False)[0].data == str(tmp_path / "pets")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("cifra10", r"Invalid value for data: cifra10\. There is no such data set.*\. Did you mean cifar10\?"),
        ("flower", r"no such data set, folder or file\. Did you mean flowers\?"),
        ("CIFAR100", r"Did you mean cifar100\?"),
        ("nothing_like_it", "nothing_like_it. There is no .* or file. Expected auto, cifar100, .* or a .npz file"),
        ("./flower", r"does not exist\. Did you mean flowers\?"),
        ("flowers/pictures.npz", "does not exist. Expected a folder"),
        ("no/such/folder", "does not exist. Expected a folder"),
        ("notes.txt", "Expected a folder of class folders or a .npz file, got another"),
    ],
)
def test_unknown_data_raises(tmp_path, monkeypatch, data, message) -> None:
    (tmp_path / "flowers").mkdir()
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        resolve(DataSpec(data), gpu=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, "Invalid value for image_size: 0. Expected an integer >= 1, in pixels, or HEIGHTxWIDTH"),
        ({"image_size": "64x"}, "Invalid value for image_size: 64x. Expected an integer >= 1"),
        (
            {"augment": "flips"},
            r"augment: flips\. Did you mean flip\? Expected one of auto, none, flip, shift, flip\+shift",
        ),
    ],
)
def test_invalid_options_raise(options, message) -> None:
    with pytest.raises(UserError, match=message):
        DataSpec(**options)


def test_a_spec_can_be_pickled() -> None:
    spec = DataSpec("digits", 16, "shift", "cache")
    assert pickle.loads(pickle.dumps(spec)) == spec
