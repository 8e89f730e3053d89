"""Children that start from their parents' weights, by the command that a user types."""

import json
import shutil

import pytest

from metaopt.cli.search import main
from metaopt.storage.study import Study

pytestmark = pytest.mark.slow

FLAGS = ("--data", "digits", "--space", "flower_cnn", "--strategy", "evolution", "--inherit")
SMALL = ("--mu", "2", "--lambda", "2", "--epochs", "2", "--folds", "2", "--constraint", "macs<=3e5")


def test_a_child_starts_from_its_parent_fold_by_fold_and_one_whose_parent_is_gone_from_scratch(tmp_path, capsys):
    results = tmp_path / "results"
    assert main([*FLAGS, *SMALL, "--results", str(results), "--trials", "5"]) == 0
    records = Study.load(results).records
    children = [record for record in records if record["parent"] is not None]
    assert len(children) == 3
    for child in children:
        assert child["inherited"]["trial"] == child["parent"]
        assert 0 < child["inherited"]["layers"] <= child["inherited"]["of"]
        assert len(child["replicates"]) == 2
    # A parent is at hand as long as it may have children.
    kept = {int(folder.name) for folder in (results / "checkpoints").iterdir()}
    assert kept == {record["trial"] for record in records if record["complete"]}

    shutil.rmtree(results / "checkpoints")
    capsys.readouterr()
    assert main([*FLAGS, *SMALL, "--results", str(results), "--trials", "1"]) == 0
    said = capsys.readouterr().out
    last = Study.load(results).records[-1]
    parents = f"the weights of its parent, trial {last['parent']}, are gone"
    assert f"Trial {last['trial']} trains from scratch: {parents}" in said
    assert "inherited" not in last
    assert json.loads(next(results.glob(f"*_{last['trial']:06d}.json")).read_text())["parent"] == last["parent"]
