"""Groups of studies that differ only in their seed, and their labels."""

from pathlib import Path

from hyperopt import hp

from metaopt.report.analysis.comparison.groups import differences, group_studies
from metaopt.report.analysis.comparison.studies import ComparedStudy, load_studies
from tests.report.searched import search_study


def load(*studies) -> list[ComparedStudy]:
    return load_studies([study.folder for study in studies])


def test_seeds_of_one_search_are_a_group(tmp_path: Path) -> None:
    made = [
        search_study(tmp_path / "b", seed=1, trials=3),
        search_study(tmp_path / "t", sampler="tpe", seed=0, trials=3),
        # What the machine has free, and where the trainings run, makes no other search.
        search_study(tmp_path / "a", seed=0, trials=3, executor="inline", constraints=("memory<=3e9",)),
    ]
    groups = group_studies(load(*made))
    assert [(group.label, [member.name for member in group.members]) for group in groups] == [
        ("random", ["a", "b"]),
        ("tpe", ["t"]),
    ]
    assert list(groups[0].by_seed()) == [0, 1]


def test_labels_have_the_settings_that_differ(tmp_path: Path) -> None:
    made = [
        search_study(tmp_path / "a", trials=3),
        search_study(tmp_path / "b", trials=4, constraints=("params<=5e5",)),
        search_study(tmp_path / "c", trials=3, space={"x": hp.uniform("x", -1, 1), "branch": None}),
        search_study(tmp_path / "d", trials=3, data="mnist"),
    ]
    studies = load(*made)
    labels = [group.label for group in group_studies(studies)]
    assert labels[1] == "random, trials 4, params<=500000"
    assert len(set(labels)) == 4
    assert labels[2].endswith("(c)")
    assert differences(studies[0], studies[3]) == ["data"]
    assert differences(studies[0], studies[0]) == []


def test_strategies_are_not_differences(tmp_path: Path) -> None:
    made = [search_study(tmp_path / "a", trials=3), search_study(tmp_path / "b", trials=3, sampler="tpe")]
    assert differences(*load(*made)) == []


def test_resumed_study_counts_the_trials_of_all_runs(tmp_path: Path) -> None:
    twice = search_study(tmp_path / "twice", trials=3, seed=1)
    search_study(twice.folder, trials=6)
    made = [search_study(tmp_path / "once", trials=6), twice]
    assert len(group_studies(load(*made))) == 1
