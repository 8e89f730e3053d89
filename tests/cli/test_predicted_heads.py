"""Predictions of heads without classes."""

from pathlib import Path

import numpy as np
from PIL import Image

from metaopt.cli.predicted_classes import as_line, describe
from metaopt.cli.predicted_heads import ImagePrediction, describe_outputs
from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput

PATH = Path("in/cat.jpg")
OUTPUTS = {
    "kind": ClassOutput(("x", "y")),
    "tags": LabelOutput(("a", "b", "c"), (0.3, 0.5, 0.6)),
    "age": NumberOutput(("age",)),
    "size": NumberOutput(("height", "mass")),
}
PREDICTED = {
    "tags": np.array([[0, 0, 0], [0.35, 0.9, 0.5]]),
    "age": np.array([[1.0], [34.56]]),
    "size": np.array([[0, 0], [1.75, 70]]),
}


def test_labels_at_their_thresholds_and_numbers_are_shown(tmp_path: Path) -> None:
    found = describe_outputs(OUTPUTS, PREDICTED | {"kind": np.zeros((2, 2))}, 1, PATH, tmp_path)
    assert list(found) == ["tags", "age", "size"]
    line = as_line(PATH, {}, 10, found)
    assert line == "in/cat.jpg  tags: b 0.900, a 0.350  age: 34.56  size: height 1.75  mass 70"
    content = describe(PATH, {}, found)
    assert content["outputs"]["tags"]["labels"] == ["b", "a"]
    assert content["outputs"]["size"] == {"numbers": {"height": 1.75, "mass": 70.0}}
    assert "class" not in content


def test_a_single_number_is_shown_without_its_head(tmp_path: Path) -> None:
    found = describe_outputs({"age": OUTPUTS["age"]}, PREDICTED, 1, PATH, tmp_path)
    assert as_line(PATH, {}, 10, found) == "in/cat.jpg  34.56"


def test_no_label_is_said(tmp_path: Path) -> None:
    found = describe_outputs({"tags": OUTPUTS["tags"]}, PREDICTED, 0, PATH, tmp_path)
    assert as_line(PATH, {}, 10, found) == "in/cat.jpg  no label"


def test_predicted_images_never_replace_a_file(tmp_path: Path) -> None:
    outputs, pixels = {"label": ImageOutput((2, 2, 1))}, np.array([[[[-3.0], [0.4]], [[127.6], [300.0]]]])
    files = []
    for _ in range(2):
        found = describe_outputs(outputs, {"label": pixels}, 0, PATH, tmp_path / "new")["label"]
        assert isinstance(found, ImagePrediction)
        files.append(found.file)
    assert [file.name for file in files] == ["cat_label.png", "cat_label-2.png"]
    assert np.asarray(Image.open(files[0])).tolist() == [[0, 0], [128, 255]]
