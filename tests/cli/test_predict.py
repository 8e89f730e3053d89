"""``metaopt predict`` on pictures as people have them. The model is untrained: what it answers does not matter."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metaopt.cli import predict
from metaopt.cli.predict import as_json, as_line, find_images, main, most_probable
from metaopt.training.model_file import ModelMetadata, write_model

METADATA = ModelMetadata({"label": ["cat", "dog", "Äpfel"]}, (8, 8, 3), {})
NAMED = {"fine": [("cat", 0.75), ("dog", 0.2)], "coarse": [("beast", 1.0)]}


@pytest.fixture
def pictures(tmp_path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "deeper" / ".hidden").mkdir(parents=True)
    for name in ("10.png", "2.png", "deeper/1.jpg", ".hidden.png", "deeper/.hidden/3.png"):
        Image.new("RGB", (20, 30), "red").save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def errors(capsys) -> list[str]:
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    return [line for line in shown.splitlines() if line.startswith("error: ")]


def test_folders_are_searched_in_natural_order_without_hidden_files(pictures, tmp_path) -> None:
    paths, unread = find_images([pictures, tmp_path / "absent.png", pictures / "notes.txt"])
    inside = [str(path.relative_to(pictures)) for path in paths]
    assert inside == ["2.png", "10.png", "deeper/1.jpg", "notes.txt"]
    assert [str(one) for one in unread] == [f"Image {tmp_path / 'absent.png'} cannot be read: the file does not exist."]


def test_the_most_probable_classes_come_first() -> None:
    answers = {"label": np.array([[0.2, 0.5, 0.3], [1, 0, 0]], np.float32)}
    named = most_probable(METADATA, answers, 0)
    assert [name for name, _ in named["label"]] == ["dog", "Äpfel", "cat"]


def test_a_line_names_heads_where_there_are_several() -> None:
    assert as_line(Path("a.png"), NAMED, 8) == "a.png     fine: cat 0.750  (dog 0.200)  coarse: beast 1.000"
    assert as_line(Path("a.png"), {"label": [("cat", 0.75), ("dog", 0.2)]}, 5) == "a.png  cat 0.750  (dog 0.200)"


def test_json_has_the_first_heads_class_and_all_heads() -> None:
    content = json.loads(as_json(Path("a.png"), NAMED))
    assert (content["path"], content["class"], content["probability"]) == ("a.png", "cat", 0.75)
    assert content["top"]["coarse"] == [{"class": "beast", "probability": 1.0}]


def test_a_file_that_is_no_model_is_refused_before_keras_is_imported(capsys, monkeypatch, pictures, tmp_path) -> None:
    monkeypatch.setattr(predict, "_predictor", lambda path: pytest.fail("the model was loaded"))
    for model in (tmp_path / "absent.keras", pictures / "notes.txt"):
        assert main([str(model), str(pictures)]) == 2
        assert len(errors(capsys)) == 1


def test_nothing_is_loaded_where_no_picture_can_be_read(capsys, monkeypatch, pictures, tmp_path) -> None:
    monkeypatch.setattr(predict, "_predictor", lambda path: pytest.fail("the model was loaded"))
    model = tmp_path / "best.keras"
    write_model(model, METADATA, _plain)
    (tmp_path / "empty").mkdir()
    given = [str(path) for path in (pictures / "notes.txt", tmp_path / "absent.png", tmp_path / "empty")]
    assert main([str(model), *given]) == 2
    assert len(errors(capsys)) == 3


def test_channels_that_no_picture_has_are_refused(capsys, pictures, tmp_path) -> None:
    model = tmp_path / "best.keras"
    write_model(model, ModelMetadata({"label": ["a", "b"]}, (8, 8, 5)), _plain)
    assert main([str(model), str(pictures)]) == 2
    assert "5 channels" in errors(capsys)[0]


def _plain(path: str) -> None:
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")


@pytest.mark.slow
def test_pictures_are_classified_and_the_unreadable_ones_told(capsys, pictures, tmp_path) -> None:
    import keras

    from metaopt.training.export import export_model, save_model

    inputs = keras.Input((8, 8, 3))
    network = keras.Model(inputs, keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(inputs)))
    model = tmp_path / "best.keras"
    save_model(export_model([network], METADATA, np.zeros((1, 8, 8, 3), np.uint8)), METADATA, model)
    (pictures / "broken.png").write_bytes(b"nothing")
    assert main([str(model), str(pictures), "--json"]) == 2
    shown = capsys.readouterr()
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert [Path(line["path"]).name for line in lines] == ["2.png", "10.png", "1.jpg"]
    assert all(line["class"] in METADATA.classes["label"] and len(line["top"]["label"]) == 3 for line in lines)
    assert "broken.png cannot be read: it is not an image" in shown.err
    assert main([str(model), str(pictures / "2.png")]) == 0
    assert capsys.readouterr().out.startswith(f"{pictures / '2.png'}  {lines[0]['class']} ")
