"""Metadata of an exported model, without Keras: the archive is written by hand."""

import hashlib
import json
import os
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from metaopt.data.standardization import Standardization
from metaopt.errors import ResultsNotWritable, UserError
from metaopt.outputs import ClassOutput
from metaopt.training.model_file import ModelMetadata, check_writable, read_metadata, write_model

METADATA = ModelMetadata(
    {"fine": ["Äpfel", 'a/b "c"'], "coarse": ["x"]}, (8, 6, 3), {"trial": 3, "point": {"units": 4}}
)


def plain(path: str) -> None:
    """Write a minimal archive as Keras does."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3"}))
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", b"\0" * 100)


def test_metadata_is_added_to_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "best.keras"
    write_model(path, METADATA, plain)
    assert read_metadata(path) == METADATA
    assert [each.name for each in tmp_path.iterdir()] == ["best.keras"]
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("metadata.json"))["keras_version"] == "3"
        assert archive.read("model.weights.h5") == b"\0" * 100


def test_a_failed_write_keeps_the_old_model(tmp_path: Path) -> None:
    path = tmp_path / "best.keras"
    write_model(path, METADATA, plain)

    def full(aside: str) -> None:
        Path(aside).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(ResultsNotWritable, match="No space left"):
        write_model(path, ModelMetadata({"label": ["a", "b"]}, (8, 8, 1)), full)
    assert read_metadata(path) == METADATA
    assert len(list(tmp_path.iterdir())) == 1


def test_two_writers_of_one_file_test_their_own(tmp_path: Path) -> None:
    """As two retrainings at once, which differ in their seeds."""
    path = tmp_path / "best.keras"
    together = threading.Barrier(2)
    tested: dict[int, str] = {}

    def write(number: int) -> None:
        def test(file: Path, digest: str) -> None:
            together.wait()
            assert read_metadata(file).training == {"seed": number}
            assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
            tested[number] = digest
            together.wait()

        metadata = replace(METADATA, training={"seed": number})
        assert write_model(path, metadata, plain, test) == tested[number]

    threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(tested.values())) == 2
    assert hashlib.sha256(path.read_bytes()).hexdigest() in tested.values()
    assert list(tmp_path.iterdir()) == [path]


def test_a_model_whose_test_fails_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "best.keras"

    def fail(file: Path, digest: str) -> None:
        raise UserError("interrupted")

    with pytest.raises(UserError, match="interrupted"):
        write_model(path, METADATA, plain, fail)
    assert read_metadata(path) == METADATA
    assert list(tmp_path.iterdir()) == [path]


def test_a_model_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "best.keras"
    write_model(path, METADATA, plain)
    with zipfile.ZipFile(path) as archive:
        content = json.loads(archive.read("metadata.json"))
    content["metaopt"]["schema"] = 99
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(content))
    with pytest.raises(UserError, match="later version of metaopt"):
        read_metadata(path)


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
def test_links_in_a_shared_folder_are_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for name in (".best.plain.keras", ".best.whole.keras", ".best.keras.trial"):
        (tmp_path / name).symlink_to(victim)
    check_writable(tmp_path / "best.keras")
    write_model(tmp_path / "best.keras", METADATA, plain)
    assert victim.read_bytes() == b"precious"


def test_a_name_that_is_too_long_is_told_before_training(tmp_path: Path) -> None:
    with pytest.raises(ResultsNotWritable, match="Choose a shorter name"):
        check_writable(tmp_path / ("x" * 260 + ".keras"))


def test_other_files_raise(tmp_path: Path) -> None:
    text, foreign = tmp_path / "text.keras", tmp_path / "foreign.keras"
    text.write_text("nothing")
    plain(str(foreign))
    for path in (text, foreign):
        with pytest.raises(UserError, match=r"Expected a \.keras file written by retrain"):
            read_metadata(path)
    with pytest.raises(UserError, match="does not exist"):
        read_metadata(tmp_path / "absent.keras")
    with pytest.raises(UserError, match="Cannot read model"):
        read_metadata(tmp_path)


def test_check_writable_creates_the_folder_and_no_file(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "best.keras")
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(UserError, match=r"ends in \.keras"):
        check_writable(tmp_path / "best.h5")
    (tmp_path / "file").touch()
    with pytest.raises(ResultsNotWritable):
        check_writable(tmp_path / "file" / "best.keras")


def test_bits_of_the_pixels_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    write_model(path, replace(METADATA, pixel_bits=12), plain)
    assert read_metadata(path).pixel_bits == 12


def test_standardisation_and_rate_of_signals_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    metadata = replace(METADATA, standardization=Standardization((1.5,), (0.1,)), sample_rate=44100)
    write_model(path, metadata, plain)
    assert read_metadata(path) == metadata
    write_model(path, replace(metadata, sample_rate=None), plain)
    assert read_metadata(path).sample_rate is None


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """The keys of the stored metadata never change."""
    path = tmp_path / "old.keras"
    stored = {"schema": 1, "classes": {"label": ["a", "b"]}, "input_shape": [8, 6, 3], "training": {"trial": 4}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3", "metaopt": stored}))
    assert read_metadata(path) == ModelMetadata({"label": ["a", "b"]}, (8, 6, 3), {"trial": 4})
    write_model(path, read_metadata(path), plain)
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("metadata.json"))["metaopt"] == stored


def test_thresholds_of_classes_are_stored_only_where_there_are_any(tmp_path: Path) -> None:
    path = tmp_path / "best.keras"
    write_model(path, ModelMetadata({"label": ["a", "b"]}, (8, 8, 1)), plain)
    with zipfile.ZipFile(path) as archive:
        assert "outputs" not in json.loads(archive.read("metadata.json"))["metaopt"]
    tuned = ModelMetadata.of({"label": ClassOutput(("a", "b"), (0.625, 1.0))}, (8, 8, 1))
    write_model(path, tuned, plain)
    assert read_metadata(path) == tuned
    assert read_metadata(path).outputs["label"].thresholds == (0.625, 1.0)
