"""Comparison of a study with a search that resumes it."""

import json
import zipfile
from pathlib import Path

import pytest
from hyperopt import hp

from metaopt.errors import StudyMismatch
from metaopt.problems.problem import Problem
from metaopt.problems.source_digest import network_code
from tests.engine.synthetic import SPACE, search


def test_another_space_network_or_objective_is_refused_by_name(tmp_path):
    folder = tmp_path / "results"
    search(folder)
    before = (folder / "journal.jsonl").read_bytes()
    with pytest.raises(StudyMismatch, match="another search space:"):
        search(folder, space={**SPACE, "z": hp.uniform("z", 0, 1)})
    with pytest.raises(StudyMismatch, match="another network:"):
        search(folder, problem=Problem(SPACE, code="def network(): …"))
    with pytest.raises(StudyMismatch, match=r"another objective \(val_accuracy, not val_loss\):"):
        search(folder, objective="val_loss")
    assert (folder / "journal.jsonl").read_bytes() == before
    assert StudyMismatch.exit_code == 3


def test_a_study_with_an_older_digest_of_its_code_opens(tmp_path):
    folder, source = tmp_path / "results", "WIDTH = 3\ndef network(): return WIDTH\n"
    search(folder, problem=Problem(SPACE, code="def network(): return WIDTH", source=source))
    search(folder, problem=Problem(SPACE, code=network_code(source), source=source))
    with pytest.raises(StudyMismatch, match="another network:"):
        search(folder, problem=Problem(SPACE, code=network_code(source.replace("3", "4")), source=source))


def write_backbone(path: Path, weights: str) -> str:
    """Write a file with the parts of a Keras model; it is not read as one here."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", weights)
    return str(path)


def test_a_backbone_whose_file_has_changed_is_refused_by_name(tmp_path):
    folder = tmp_path / "results"
    files = tuple(write_backbone(tmp_path / name, "first") for name in ("one.keras", "two.keras"))
    backbones = ("MobileNetV2", *files)
    search(folder, backbones=backbones)
    write_backbone(tmp_path / "two.keras", "second")
    with pytest.raises(StudyMismatch, match=r"another content of the backbone \S*two\.keras: .* restore the file"):
        search(folder, backbones=backbones)
    with pytest.raises(StudyMismatch, match=r"another objective .* and content of the backbone \S*two\.keras:"):
        search(folder, backbones=backbones, objective="val_loss")
    write_backbone(tmp_path / "two.keras", "first")
    assert len(search(folder, backbones=backbones, trials=9).records) == 9


def test_a_study_that_does_not_tell_the_content_of_its_backbones_opens(tmp_path, monkeypatch):
    folder, backbones = tmp_path / "results", (write_backbone(tmp_path / "one.keras", "first"),)
    with monkeypatch.context() as patch:
        patch.setattr("metaopt.engine.setup.identify_files", lambda _: {})
        search(folder, backbones=backbones)
    header = json.loads((folder / "journal.jsonl").read_text().splitlines()[0])
    assert "backbones" not in header["fingerprint"]
    assert len(search(folder, backbones=backbones, trials=9).records) == 9
