"""Tables of a comparison, on studies of the real search loop."""

from pathlib import Path

from metaopt.report.analysis.comparison import compare, group_studies, load_studies
from metaopt.storage.study import Study
from tests.report.searched import search_study


def compared(*studies: Study) -> dict:
    loaded = load_studies([study.folder for study in studies])
    return compare(loaded, group_studies(loaded))


def test_share_of_trials_that_met_each_constraint(tmp_path: Path) -> None:
    limits = ("params<=2e5", "val_precision>=0.3", "memory<=1e12")
    one, other = search_study(tmp_path / "one", constraints=limits), search_study(tmp_path / "other", sampler="tpe")
    with_limits, without = compared(one, other)["limits"]
    records = one.records
    assert with_limits["trained"] == len(records) == 20
    assert list(with_limits["limits"]) == ["params<=200000", "val_precision>=0.3"]
    kept = sum(record.params <= 2e5 for record in records)
    assert with_limits["limits"]["params<=200000"] == {"kept": kept, "of": 20, "share": kept / 20}
    assert with_limits["all"]["kept"] == sum(record.is_feasible for record in records)
    assert without["limits"] == {}
