"""``metaopt predict``: image files of several formats and sizes, classified by an untrained model."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metaopt.cli import predict
from metaopt.cli.predict import main
from metaopt.cli.predicted_classes import as_line, describe, most_probable
from metaopt.cli.predicted_inputs import find_images
from metaopt.data.standardization import Standardization
from metaopt.outputs import ClassOutput
from metaopt.training.model_file import ModelMetadata, write_model
from tests.cli.running import run_command

METADATA = ModelMetadata({"label": ["cat", "dog", "Äpfel"]}, (8, 8, 3), {})
NAMED = {"fine": [("cat", 0.75), ("dog", 0.2)], "coarse": [("beast", 1.0)]}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with images and other files."""
    folder = tmp_path / "pictures"
    (folder / "deeper" / ".hidden").mkdir(parents=True)
    for name in ("10.png", "2.png", "deeper/1.jpg", ".hidden.png", "deeper/.hidden/3.png"):
        Image.new("RGB", (20, 30), "red").save(folder / name)
    (folder / "notes.txt").write_text("not an image")
    return folder


def test_folders_are_read_in_natural_order_without_hidden(pictures, tmp_path) -> None:
    paths, unread, notes = find_images([pictures, tmp_path / "absent.png", pictures / "notes.txt"])
    inside = [str(path.relative_to(pictures)) for path in paths]
    assert inside == ["2.png", "10.png", "deeper/1.jpg", "notes.txt"]
    assert notes == [f"Left out of {pictures}: 1 other file (.txt 1) and 2 hidden files or folders."]
    assert [str(one) for one in unread] == [f"File {tmp_path / 'absent.png'} cannot be read: the file does not exist."]


def test_the_most_probable_classes_come_first() -> None:
    probabilities = {"label": np.array([[0.2, 0.5, 0.3], [1, 0, 0]], np.float32)}
    named = most_probable(METADATA, probabilities, 0)
    assert [name for name, _ in named["label"]] == ["dog", "Äpfel", "cat"]


def test_a_line_names_the_heads_if_there_are_several() -> None:
    assert as_line(Path("a.png"), NAMED, 8) == "a.png     fine: cat 0.750  (dog 0.200)  coarse: beast 1.000"
    assert as_line(Path("a.png"), {"label": [("cat", 0.75), ("dog", 0.2)]}, 5) == "a.png  cat 0.750  (dog 0.200)"


def test_json_has_the_class_of_the_first_head_and_all_heads() -> None:
    content = describe(Path("a.png"), NAMED)
    assert (content["path"], content["class"], content["probability"]) == ("a.png", "cat", 0.75)
    assert content["top"]["coarse"] == [{"class": "beast", "probability": 1.0}]


def test_other_files_are_rejected_before_keras_is_imported(capsys, monkeypatch, pictures, tmp_path) -> None:
    monkeypatch.setattr(predict, "_predictor", lambda path: pytest.fail("The model was loaded."))
    for model in (tmp_path / "absent.keras", pictures / "notes.txt"):
        outcome = run_command(main, capsys, model, pictures)
        assert (outcome.code, len(outcome.errors)) == (2, 1)


def test_the_model_is_not_loaded_without_a_readable_image(capsys, monkeypatch, pictures, tmp_path) -> None:
    monkeypatch.setattr(predict, "_predictor", lambda path: pytest.fail("The model was loaded."))
    model = tmp_path / "best.keras"
    write_model(model, METADATA, _plain)
    (tmp_path / "empty").mkdir()
    outcome = run_command(main, capsys, model, pictures / "notes.txt", tmp_path / "absent.png", tmp_path / "empty")
    assert (outcome.code, len(outcome.errors)) == (2, 3)


def test_models_of_other_channels_are_errors(capsys, pictures, tmp_path) -> None:
    model = tmp_path / "best.keras"
    write_model(model, ModelMetadata({"label": ["a", "b"]}, (8, 8, 5)), _plain)
    outcome = run_command(main, capsys, model, pictures)
    assert outcome.code == 2
    assert "it is a grey or colour image. Expected 5 channels" in outcome.errors[0]


@pytest.fixture
def untrained(monkeypatch, tmp_path) -> Path:
    """A model file whose predictions are made up."""
    model = tmp_path / "best.keras"
    write_model(model, replace(METADATA, classes={"label": ["cat\x1b[2J", "dog\n", "猫"]}), _plain)
    rows = {"label": np.array([0.5, 0.3, 0.2], np.float32)}
    monkeypatch.setattr(
        predict, "_predictor", lambda path: lambda images: {h: np.tile(p, (len(images), 1)) for h, p in rows.items()}
    )
    return model


def test_names_cannot_change_the_terminal(capsys, pictures, untrained) -> None:
    Image.new("RGB", (8, 8)).save(pictures / "a\x1b[31m\nerror: b.png")
    os.rename(pictures / "2.png", os.fsencode(pictures) + b"/caf\xe9.png")
    (pictures / "bad\x1b\n.png").write_bytes(b"")
    outcome = run_command(main, capsys, untrained, pictures)
    assert outcome.code == 2
    assert "\x1b" not in outcome.out + outcome.err
    lines = outcome.out.splitlines()
    assert len(lines) == 4
    assert all("cat\\x1b[2J 0.500  (dog\\n 0.300, 猫 0.200)" in line for line in lines)
    assert any(line.startswith(f"{pictures}/caf\\xe9.png ") for line in lines)
    assert outcome.errors == [f"File {pictures}/bad\\x1b\\n.png cannot be read: the file is empty."]


def test_json_names_the_files_as_they_are(capsys, pictures, untrained) -> None:
    path = os.fsencode(pictures) + b"/caf\xe9\x1b.png"
    os.rename(pictures / "2.png", path)
    outcome = run_command(main, capsys, untrained, os.fsdecode(path), "--json")
    assert os.fsencode(json.loads(outcome.out)["path"]) == path
    assert outcome.out.isascii() or "\x1b" not in outcome.out


def test_broken_images_are_skipped_if_asked(capsys, pictures, untrained) -> None:
    (pictures / "broken.png").write_bytes(b"nothing")
    os.mkfifo(pictures / "pipe.png")
    outcome = run_command(main, capsys, untrained, pictures, "--skip-broken")
    assert outcome.code == 0
    assert len(outcome.out.splitlines()) == 3
    assert outcome.err.splitlines() == [
        f"note: Left out of {pictures}: 1 other file (.txt 1) and 2 hidden files or folders.",
        f"note: File {pictures}/broken.png cannot be read: it is not an image of a known format.",
        f"note: File {pictures}/pipe.png cannot be read: it is a named pipe, not a regular file.",
        "note: Left out 2 files that cannot be read.",
    ]
    assert run_command(main, capsys, untrained, pictures / "pipe.png", "--skip-broken").code == 2


@pytest.mark.parametrize(
    ("bits", "brightest", "said"),
    [(16, 4095, "nearly black"), (12, 4095, None), (12, 65_535, "become white"), (16, 30_000, None)],
)
def test_other_ranges_than_the_models_are_noted(capsys, pictures, untrained, bits, brightest, said) -> None:
    write_model(untrained, replace(METADATA, pixel_bits=bits), _plain)
    Image.fromarray(np.full((8, 8), brightest, np.uint16)).save(pictures / "deep.png")
    outcome = run_command(main, capsys, untrained, pictures / "deep.png")
    assert outcome.code == 0
    assert said is None if outcome.err == "" else said in outcome.err


def _plain(path: str) -> None:
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")


@pytest.mark.slow
def test_images_are_classified_and_unreadable_ones_reported(capsys, pictures, tmp_path) -> None:
    import keras

    from metaopt.training.export import export_model, save_model

    inputs = keras.Input((8, 8, 3))
    network = keras.Model(inputs, keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(inputs)))
    model = tmp_path / "best.keras"
    save_model(export_model([network], METADATA, np.zeros((1, 8, 8, 3), np.uint8)), METADATA, model)
    (pictures / "broken.png").write_bytes(b"nothing")
    outcome = run_command(main, capsys, model, pictures, "--json")
    assert outcome.code == 2
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert [Path(line["path"]).name for line in lines] == ["2.png", "10.png", "1.jpg"]
    assert all(line["class"] in METADATA.classes["label"] and len(line["top"]["label"]) == 3 for line in lines)
    assert "broken.png cannot be read: it is not an image" in outcome.errors[0]
    assert run_command(main, capsys, model, pictures / "2.png").out.startswith(
        f"{pictures / '2.png'}  {lines[0]['class']} "
    )


def test_images_below_the_threshold_of_their_class_get_no_answer(capsys, monkeypatch, pictures, tmp_path) -> None:
    model = tmp_path / "best.keras"
    output = ClassOutput(("cat", "dog"), (0.7, 0.0))
    write_model(model, ModelMetadata.of({"label": output}, (8, 8, 3)), _plain)
    made_up = {"label": np.array([[0.7, 0.3], [0.71, 0.29], [0.4, 0.6]], np.float32)}
    monkeypatch.setattr(predict, "_predictor", lambda path: lambda images: made_up)
    lines = run_command(main, capsys, model, pictures).out.splitlines()
    assert [line.split("  ", 1)[1].strip() for line in lines] == [
        "no answer  (cat 0.700, dog 0.300)",
        "cat 0.710  (dog 0.290)",
        "dog 0.600  (cat 0.400)",
    ]
    found = list(map(json.loads, run_command(main, capsys, model, pictures, "--json").out.splitlines()))
    assert [each["class"] for each in found] == [None, "cat", "dog"]
    assert [each.get("abstained") for each in found] == [["label"], None, None]
    assert found[0]["top"]["label"][0] == {"class": "cat", "probability": 0.7}


@pytest.fixture
def of_signals(monkeypatch, tmp_path) -> Path:
    """A model of signals that finds the class of the larger end."""
    model = tmp_path / "signals.keras"
    metadata = ModelMetadata(
        {"label": ["left", "right"]}, (6, 1), standardization=Standardization((0.0,), (1.0,)), sample_rate=8000
    )
    write_model(model, metadata, _plain)

    def classify(signals):
        is_right = signals[:, -1, 0] > signals[:, 0, 0]
        return {"label": np.stack([~is_right, is_right], axis=1).astype(np.float32)}

    monkeypatch.setattr(predict, "_predictor", lambda path: classify)
    return model


def test_signals_of_each_kind_of_file_are_predicted(capsys, of_signals, tmp_path) -> None:
    from scipy.io import wavfile

    folder = tmp_path / "new"
    folder.mkdir()
    wavfile.write(folder / "a.wav", 8000, np.arange(6, dtype=np.int16))
    wavfile.write(folder / "b.wav", 16000, np.arange(9, 0, -1, dtype=np.int16))
    Image.new("RGB", (8, 8)).save(folder / "c.png")
    (tmp_path / "d.csv").write_text("level\n1\n2\n3\n4\n5\n6\n")
    np.save(tmp_path / "e.npy", np.arange(6)[::-1])
    outcome = run_command(main, capsys, of_signals, folder, tmp_path / "d.csv", tmp_path / "e.npy")
    assert outcome.code == 0
    assert [line.split()[1] for line in outcome.out.splitlines()] == ["right", "left", "right", "left"]
    assert "b.wav has 16,000 samples per second, the training signals 8,000." in outcome.err
    assert "b.wav has 9 positions: it is cut to 6." in outcome.err
    assert "1 other file (.png 1)" in outcome.err
    np.save(tmp_path / "e.npy", np.zeros((6, 2)))
    outcome = run_command(main, capsys, of_signals, tmp_path / "e.npy")
    assert outcome.code == 2
    assert "it has 2 channels. Expected 1" in outcome.errors[0]
