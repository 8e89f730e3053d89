"""Every kind of input on real data: a search that is ended and resumed, retraining, prediction, report."""

import json
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from metaopt.cli import predict, report, retrain, search
from metaopt.report.analysis.test_log import read_test_log
from metaopt.storage.study import Study
from metaopt.training.model_file import read_metadata
from tests.cli.running import interrupt_after_an_epoch, run_command
from tests.cli.test_outputs import PROBLEM, kill_after_an_epoch

pytestmark = pytest.mark.slow

DIGITS = load_digits()
N = 400
X = np.rint(DIGITS.images[:N] * (255 / 16)).astype(np.uint8)
Y = DIGITS.target[:N]
SIGNALS = DIGITS.data[:N]
# The same network as that of images, in one dimension.
PROBLEM_1D = PROBLEM.replace("2D", "1D").replace("3, padding", "9, padding")


def write_pictures(folder: Path) -> tuple[list[str], Path]:
    """Write digits, each of them 16 by 8 pixels, into class folders; return flags and one of the files."""
    for row, (image, digit) in enumerate(zip(X, Y, strict=True)):
        file = folder / "pictures" / str(digit) / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.repeat(2, axis=0)).save(file)
    return ["--data", "pictures", "--image-size", "12x6"], folder / "pictures" / str(Y[0]) / "0.png"


def write_bands(folder: Path) -> tuple[list[str], Path]:
    """Write digits as arrays of 6 channels: pixels of 12 bits, of different brightness and turned."""
    table = ["file,digit"]
    for row, (image, digit) in enumerate(zip(X, Y, strict=True)):
        turned = [np.rot90(image, band) // (band + 1) for band in range(6)]
        np.save(folder / f"{row}.npy", np.stack(turned, axis=2).astype(np.uint16) * 16)
        table.append(f"{row}.npy,{digit}")
    (folder / "labels.csv").write_text("\n".join(table))
    return ["--data", ".", "--target", "digit:classes", "--augment", "flip+shift+colour"], folder / "0.npy"


def write_sounds(folder: Path) -> tuple[list[str], Path]:
    """Write the rows of digits, one after another, as sounds of 16 bits into class folders; one is shorter."""
    for row, (signal, digit) in enumerate(zip(SIGNALS, Y, strict=True)):
        file = folder / "sounds" / str(digit) / f"{row}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(file), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes((signal[: 60 if row == 9 else 64] * 2000).astype("<i2").tobytes())
    return ["--data", "sounds", "--augment", "shift+scale+noise"], folder / "sounds" / str(Y[0]) / "0.wav"


def write_arrays(folder: Path) -> tuple[list[str], Path]:
    """Write the rows of digits as signals of two channels, the second far from 0; one of them as a table."""
    signals = np.stack([SIGNALS, 1000 - 50 * SIGNALS[:, ::-1]], axis=2)
    np.savez(folder / "digits.npz", x_train=signals, y_train=Y)
    np.savetxt(folder / "0.csv", signals[0], delimiter=";", header="a;b", comments="")
    return ["--data", "digits.npz"], folder / "0.csv"


# Kind of input → writer of its files, shape of an input.
INPUTS: dict[str, tuple[Callable[[Path], tuple[list[str], Path]], tuple[int, ...]]] = {
    "rectangles": (write_pictures, (12, 6, 1)),
    "bands": (write_bands, (8, 8, 6)),
    "sounds": (write_sounds, (64, 1)),
    "arrays": (write_arrays, (64, 2)),
}


@pytest.mark.parametrize("kind", list(INPUTS))
def test_each_input_is_searched_resumed_retrained_and_predicted(kind: str, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write, shape = INPUTS[kind]
    flags, file = write(Path())
    Path("tiny.py").write_text(PROBLEM if len(shape) == 3 else PROBLEM_1D)
    arguments = [*flags, "--space", "tiny.py", "--strategy", "random", "--epochs", "8", "--trials", "2", "--folds", "1"]
    if kind == "rectangles":  # the others, too, would only start Keras in two more processes
        kill_after_an_epoch(arguments, tmp_path)
    else:
        interrupt_after_an_epoch(capsys, *arguments)
        arguments += ["--executor", "inline"]
    assert run_command(search.main, capsys, *arguments).code == 0
    study = Study.load(Path("results"))
    assert [trial.status for trial in study.state.trials] == ["ok", "ok"]
    assert all(len(trial.metrics) == 8 for trial in study.state.trials)

    outcome = run_command(retrain.main, capsys, "--epochs", "12")
    assert outcome.code == 0
    (entry,) = read_test_log(Path("results"))
    assert entry["scores"]["test_accuracy"]["value"] > 0.5
    model = next((tmp_path / "results").glob("*.keras"))
    assert read_metadata(model).input_shape == shape
    found = json.loads(run_command(predict.main, capsys, model, file, "--json").out)
    (top,) = found["top"].values()
    assert (found["class"], len(top)) == (str(Y[0]), 3)
    assert run_command(report.main, capsys).code == 0
