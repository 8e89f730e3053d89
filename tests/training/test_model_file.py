"""The card of a handed-out model, without Keras: the archive is made by hand."""

import json
import zipfile
from pathlib import Path

import pytest

from metaopt.errors import ResultsNotWritable, UserError
from metaopt.training.model_file import Card, check_writable, read_card, write_model

CARD = Card({"fine": ["Äpfel", 'a/b "c"'], "coarse": ["x"]}, (8, 6, 3), {"trial": 3, "point": {"units": 4}})


def plain(path: str) -> None:
    """What Keras writes, in miniature."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3"}))
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", b"\0" * 100)


def test_a_card_comes_back_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "best.keras"
    write_model(path, CARD, plain)
    assert read_card(path) == CARD
    assert [each.name for each in tmp_path.iterdir()] == ["best.keras"]
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("metadata.json"))["keras_version"] == "3"
        assert archive.read("model.weights.h5") == b"\0" * 100


def test_a_failing_write_leaves_the_old_model(tmp_path: Path) -> None:
    path = tmp_path / "best.keras"
    write_model(path, CARD, plain)

    def full(aside: str) -> None:
        Path(aside).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(ResultsNotWritable, match="No space left"):
        write_model(path, Card({"label": ["a", "b"]}, (8, 8, 1)), full)
    assert read_card(path) == CARD
    assert len(list(tmp_path.iterdir())) == 1


def test_other_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    text, foreign = tmp_path / "text.keras", tmp_path / "foreign.keras"
    text.write_text("nothing")
    plain(str(foreign))
    for path in (text, foreign):
        with pytest.raises(UserError, match=r"is no model that `metaopt retrain` wrote"):
            read_card(path)
    with pytest.raises(UserError, match="does not exist"):
        read_card(tmp_path / "absent.keras")
    with pytest.raises(UserError, match="cannot be read"):
        read_card(tmp_path)


def test_the_output_is_tried_before_the_training(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "best.keras")
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(UserError, match=r"ends in \.keras"):
        check_writable(tmp_path / "best.h5")
    (tmp_path / "file").touch()
    with pytest.raises(ResultsNotWritable):
        check_writable(tmp_path / "file" / "best.keras")
