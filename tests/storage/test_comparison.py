"""Comparison of a study with a search that resumes it."""

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
