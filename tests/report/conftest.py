"""Studies to report on: made ones, one of the real search loop, and the reference's trials."""

import json
import re
from pathlib import Path

import pytest

from metaopt.report.analysis import StudyData
from metaopt.spaces import Vals
from metaopt.storage.files import Unsynced
from metaopt.storage.study import Study
from tests.engine.synthetic import SyntheticExecutor, search
from tests.report.making import make_failure, make_record, study_of

ASSETS = Path(__file__).parents[1] / "assets" / "studies"
CONSTRAINTS = ("params<=1e6",)


@pytest.fixture(scope="session")
def study() -> StudyData:
    """Forty trials: three failed, two are infeasible."""
    made = [make_record(trial, constraints=CONSTRAINTS) for trial in range(40)]
    for trial in (3, 17, 18):
        made[trial] = make_failure(trial, constraints=CONSTRAINTS)
    for trial in (8, 25):
        made[trial] = make_record(trial, constraints=CONSTRAINTS, counts={"params": 2_000_000, "macs": 1})
    return study_of(made, constraints=CONSTRAINTS)


@pytest.fixture(scope="session")
def rung_study(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    """A real search over rungs: all of Hyperband's brackets for R = 9 and η = 3, and the first one again."""
    folder = tmp_path_factory.mktemp("hyperband") / "results"
    return StudyData.of(search(folder, scheduler="hyperband", epochs=9, trials=9 + 5 + 3 + 9))


@pytest.fixture(scope="session")
def auto_study(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    """A real search of ``auto``: 14 trials of at most 9 epochs, of which one fails."""
    folder = tmp_path_factory.mktemp("auto") / "results"
    executor = SyntheticExecutor(fails=lambda job: job.trial == 5)
    given = {"sampler": "auto", "scheduler": "auto", "epochs": 9, "trials": 14}
    return StudyData.of(search(folder, executor=executor, files=Unsynced(), **given))


@pytest.fixture(scope="session")
def function_study() -> StudyData:
    """A stored search over rungs of a Python function, which reports no epochs."""
    return StudyData.of(Study.load(ASSETS / "function_rungs"))


@pytest.fixture(scope="session")
def reference_study(shared: Path) -> StudyData:
    """The reference's 42 trials on CIFAR-100, imported: the metrics of its first head under today's names."""
    totals = {"loss": "loss", "val_loss": "val_total_loss", "fine_outputs_loss": "train"}
    made = []
    for trial, path in enumerate(sorted((shared / "data" / "cifar100_trials").glob("*.json"))):
        old = json.loads(path.read_text())
        history = {totals.get(name, _rename(name)): values for name, values in old["history"].items()}
        made.append(make_record(trial, history=history, imported=True, point=old["space"], vals=Vals()))
    return study_of(made)


def _rename(name: str) -> str:
    match = re.fullmatch(r"(val_)?(fine_|coarse_)outputs_(acc|loss)", name)
    if match is None:
        return name
    head = "" if match[2] == "fine_" else "coarse_"
    return f"{match[1] or ''}{head}{'accuracy' if match[3] == 'acc' else 'loss'}"
