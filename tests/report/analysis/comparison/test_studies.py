"""Studies of a comparison: their names, what is rejected, and which test is compared."""

from pathlib import Path

import pytest

from metaopt.errors import UserError
from metaopt.report.analysis.comparison.studies import ComparedStudy, load_studies
from tests.report.searched import log_test, search_study


def load(*studies) -> list[ComparedStudy]:
    return load_studies([study.folder for study in studies])


def test_names_are_paths_where_folder_names_are_equal(tmp_path: Path) -> None:
    made = [search_study(tmp_path / folder, trials=2) for folder in ("a/results", "b/results", "c")]
    assert [study.name for study in load(*made)] == [str(made[0].folder), str(made[1].folder), "c"]


def test_pickles_of_a_pattern_are_ignored(tmp_path: Path) -> None:
    for name in ("a", "b"):
        search_study(tmp_path / "all" / name, trials=2)
    paths = sorted((tmp_path / "all").iterdir())
    assert [path.name for path in paths] == ["a", "a.pkl", "b", "b.pkl"]
    assert [study.name for study in load_studies(paths)] == ["a", "b"]


def test_invalid_studies_are_rejected(tmp_path: Path) -> None:
    study = search_study(tmp_path / "a", trials=2)
    with pytest.raises(UserError, match="at least two studies"):
        load(study)
    with pytest.raises(UserError, match="at least two studies"):
        load_studies([])
    with pytest.raises(UserError, match=r"There is no study in .*absent"):
        load_studies([study.folder, tmp_path / "absent"])
    with pytest.raises(UserError, match="same study"):
        load_studies([study.folder, tmp_path / "." / "a"])


def test_first_test_of_the_best_network_is_compared(tmp_path: Path) -> None:
    study = search_study(tmp_path / "a", trials=5)
    other = search_study(tmp_path / "b", trials=5)
    log_test(study, 10, point={"x": 0.0, "branch": None}, trial=None)
    log_test(study, 40, seed=3)
    log_test(study, 30, seed=3)
    log_test(study, 20, seed=4)
    log_test(study, 5, seed=5, epochs=99)
    first, second = load(study, other)
    assert first.test is not None
    assert first.test["scores"]["test_accuracy"]["value"] == 0.9
    assert [m["scores"]["test_accuracy"]["value"] for m in first.retrainings] == [0.9, 0.95]
    assert first.n_tests == 5
    assert first.predictions is not None
    assert first.predictions.correct().mean() == 0.9
    assert (second.test, second.retrainings, second.predictions) == (None, [], None)


def test_other_kinds_of_models_are_no_retrainings(tmp_path: Path) -> None:
    study, other = search_study(tmp_path / "a", trials=5), search_study(tmp_path / "b", trials=5)
    log_test(study, 40, seed=3)
    for seed, kind in enumerate(({"members": 5}, {"mirror": True}, {"recipe": {"mixup": 0.2}}, {"augment": "flip"})):
        log_test(study, 20, seed=10 + seed, **kind)
    log_test(study, 30, seed=4)
    first, _ = load(study, other)
    assert [m["seed"] for m in first.retrainings] == [3, 4]


def test_study_without_trials_is_rejected(tmp_path: Path) -> None:
    studies = [search_study(tmp_path / name, trials=2) for name in ("a", "b")]
    journal = studies[0].folder / "journal.jsonl"
    journal.write_text(journal.read_text().splitlines(keepends=True)[0])
    with pytest.raises(UserError, match=r"The study in .*a has no trials yet"):
        load(*studies)


def test_without_a_test_of_the_best_the_first_is_compared(tmp_path: Path) -> None:
    study, other = search_study(tmp_path / "a", trials=5), search_study(tmp_path / "b", trials=5)
    log_test(study, 10, point={"x": 0.0, "branch": None}, trial=None)
    first, _ = load(study, other)
    assert first.test is not None
    assert first.test["trial"] is None
