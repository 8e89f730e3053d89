"""Which studies differ only in their seed, what they are called, and which retraining stands for them."""

from pathlib import Path

import pytest
from hyperopt import hp

from metaopt.errors import UserError
from metaopt.report.analysis.compared_studies import Contender, differences, group_contenders, load_contenders
from tests.report.contest import make_study, retrain


def load(*studies) -> list[Contender]:
    return load_contenders([study.folder for study in studies])


def test_studies_that_differ_only_in_their_seed_are_one_group(tmp_path: Path) -> None:
    made = [
        make_study(tmp_path / "b", seed=1, trials=3),
        make_study(tmp_path / "t", sampler="tpe", seed=0, trials=3),
        # What the machine has free, and where the trainings run, makes no other search.
        make_study(tmp_path / "a", seed=0, trials=3, executor="inline", constraints=("memory<=3e9",)),
    ]
    groups = group_contenders(load(*made))
    assert [(group.label, [member.name for member in group.members]) for group in groups] == [
        ("random", ["a", "b"]),
        ("tpe", ["t"]),
    ]
    assert list(groups[0].by_seed()) == [0, 1]


def test_groups_of_one_strategy_are_told_apart_by_what_differs(tmp_path: Path) -> None:
    made = [
        make_study(tmp_path / "a", trials=3),
        make_study(tmp_path / "b", trials=4, constraints=("params<=5e5",)),
        make_study(tmp_path / "c", trials=3, space={"x": hp.uniform("x", -1, 1), "branch": None}),
        make_study(tmp_path / "d", trials=3, data="mnist"),
    ]
    contenders = load(*made)
    labels = [group.label for group in group_contenders(contenders)]
    assert labels[1] == "random, trials 4, params<=500000"
    assert len(set(labels)) == 4
    assert labels[2].endswith("(c)")
    assert differences(contenders[0], contenders[3]) == ["data"]
    assert differences(contenders[0], contenders[0]) == []


def test_strategies_do_not_count_as_differences(tmp_path: Path) -> None:
    made = [make_study(tmp_path / "a", trials=3), make_study(tmp_path / "b", trials=3, sampler="tpe")]
    assert differences(*load(*made)) == []


def test_a_study_that_went_on_is_as_long_as_all_its_runs(tmp_path: Path) -> None:
    twice = make_study(tmp_path / "twice", trials=3, seed=1)
    make_study(twice.folder, trials=3)
    made = [make_study(tmp_path / "once", trials=6), twice]
    assert len(group_contenders(load(*made))) == 1


def test_names_are_paths_only_where_folders_share_theirs(tmp_path: Path) -> None:
    made = [make_study(tmp_path / folder, trials=2) for folder in ("a/results", "b/results", "c")]
    assert [contender.name for contender in load(*made)] == [str(made[0].folder), str(made[1].folder), "c"]


def test_pickles_that_a_pattern_names_too_are_passed_over(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_study(tmp_path / "all" / name, trials=2)
    paths = sorted((tmp_path / "all").iterdir())
    assert [path.name for path in paths] == ["a", "a.pkl", "b", "b.pkl"]
    assert [contender.name for contender in load_contenders(paths)] == ["a", "b"]


def test_too_few_no_or_equal_studies_are_refused(tmp_path: Path) -> None:
    study = make_study(tmp_path / "a", trials=2)
    with pytest.raises(UserError, match="two studies or more"):
        load(study)
    with pytest.raises(UserError, match="two studies or more"):
        load_contenders([])
    with pytest.raises(UserError, match=r"there is no study in .*absent"):
        load_contenders([study.folder, tmp_path / "absent"])
    with pytest.raises(UserError, match="same study"):
        load_contenders([study.folder, tmp_path / "." / "a"])


def test_the_first_measurement_of_the_best_network_stands_for_a_study(tmp_path: Path) -> None:
    study = make_study(tmp_path / "a", trials=5)
    other = make_study(tmp_path / "b", trials=5)
    retrain(study, 10, point={"x": 0.0, "branch": None}, trial=None)
    retrain(study, 40, seed=3)
    retrain(study, 30, seed=3)
    retrain(study, 20, seed=4)
    retrain(study, 5, seed=5, epochs=99)
    first, second = load(study, other)
    assert first.measured is not None
    assert first.measured["scores"]["test_accuracy"]["value"] == 0.9
    assert [m["scores"]["test_accuracy"]["value"] for m in first.retrainings] == [0.9, 0.95]
    assert first.looks == 5
    assert first.predictions is not None
    assert first.predictions.right().mean() == 0.9
    assert (second.measured, second.retrainings, second.predictions) == (None, [], None)


def test_a_retraining_into_another_kind_of_model_is_no_other_seed_of_it(tmp_path: Path) -> None:
    study, other = make_study(tmp_path / "a", trials=5), make_study(tmp_path / "b", trials=5)
    retrain(study, 40, seed=3)
    for seed, kind in enumerate(({"members": 5}, {"mirror": True}, {"recipe": {"mixup": 0.2}}, {"augment": "flip"})):
        retrain(study, 20, seed=10 + seed, **kind)
    retrain(study, 30, seed=4)
    first, _ = load(study, other)
    assert [m["seed"] for m in first.retrainings] == [3, 4]


def test_a_study_without_a_run_is_told(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / name, trials=2) for name in ("a", "b")]
    journal = studies[0].folder / "journal.jsonl"
    journal.write_text(journal.read_text().splitlines(keepends=True)[0])
    with pytest.raises(UserError, match=r"the study in .*a has no trials yet"):
        load(*studies)


def test_a_study_whose_best_was_never_retrained_shows_what_was(tmp_path: Path) -> None:
    study, other = make_study(tmp_path / "a", trials=5), make_study(tmp_path / "b", trials=5)
    retrain(study, 10, point={"x": 0.0, "branch": None}, trial=None)
    first, _ = load(study, other)
    assert first.measured is not None
    assert first.measured["trial"] is None
