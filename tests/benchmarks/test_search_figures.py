"""Results and figures of the benchmark of real searches."""

from pathlib import Path

import pytest

from benchmarks.searches.printing import print_configurations, print_searches
from benchmarks.searches.process import Outcome
from benchmarks.searches.recorder import Recorder, read_events
from benchmarks.searches.results import CONFIGURATIONS, SEARCH, Result, ResultFile, Setting, make_result
from benchmarks.searches.summary import capped_seconds, find_common_target, ratio_interval, summarise
from metaopt.errors import UserError

SETTING = Setting(SEARCH, "digits", "space", "data", 3, 100.0, 1)
EPOCHS = [("a", 1, 10.0, 0.5), ("a", 2, 20.0, 0.7), ("b", 1, 30.0, 0.6), ("a", 3, 40.0, 0.8), ("b", 2, 101.0, 0.99)]


def search(seed: int, *epochs: tuple[str, int, float, float], failed: int = 0, setting: Setting = SETTING) -> Result:
    events: list[dict[str, object]] = [
        {"kind": "epoch", "trial": trial, "epoch": epoch, "s": seconds, "val_accuracy": accuracy}
        for trial, epoch, seconds, accuracy in epochs
    ]
    events += [{"kind": "failed", "s": 1.0}] * failed
    judged = {"test_accuracy": 0.75, "val_accuracy": 0.8}
    return make_result(
        setting, "method", seed, Outcome(events, 100.0, 95.0, judged), {"package": "1"}, {"load": [1, 1]}
    )


def at(seed: int, seconds: float, accuracy: float) -> Result:
    return search(seed, ("a", 1, seconds, accuracy))


def test_result_counts_epochs_until_the_limit() -> None:
    found = search(0, *EPOCHS, failed=2)
    assert len(found.epochs) == 4
    assert (found.configurations, found.full_trainings, found.failed) == (2, 1, 2)
    assert found.first_epoch_s == 10.0


def test_time_to_an_accuracy_and_accuracy_at_a_time() -> None:
    found = search(0, *EPOCHS)
    assert [found.seconds_to(each) for each in (0.5, 0.65, 0.7, 0.75, 0.9)] == [10.0, 20.0, 20.0, 40.0, None]
    assert [found.best_accuracy(each) for each in (5, 10, 35, 40)] == [0.0, 0.5, 0.7, 0.8]


def test_list_of_networks_has_no_time_limit() -> None:
    setting = Setting(CONFIGURATIONS, "digits", "space", "data", 3, 2.0, 1)
    assert len(search(0, *EPOCHS, setting=setting).epochs) == 5


def test_figures_of_a_method() -> None:
    figures = summarise([at(0, 20.0, 0.9), at(1, 60.0, 0.9), at(2, 10.0, 0.5)], [0.9])
    time = figures.time_to[0.9]
    assert time.median == 60.0
    assert time.mean[0] == pytest.approx(60.0)  # 20, 60, and the limit of 100
    assert time.reached == pytest.approx(2 / 3)
    assert figures.accuracy[0.25][0] == pytest.approx((0.9 + 0.5) / 3)
    assert figures.accuracy[1.0][0] == pytest.approx((0.9 + 0.9 + 0.5) / 3)
    assert figures.cpu_share == pytest.approx(0.95)
    assert figures.test_accuracy == (0.75, 0.75, 0.75)


def test_median_is_none_if_most_searches_missed_the_target() -> None:
    assert summarise([at(0, 20.0, 0.9), at(1, 5.0, 0.5), at(2, 10.0, 0.5)], [0.9]).time_to[0.9].median is None


def test_common_target_is_what_the_worst_median_search_reaches() -> None:
    good = [at(seed, 10.0, 0.9 + seed / 100) for seed in range(4)]
    poor = [at(0, 10.0, 0.5), at(1, 10.0, 0.6), at(2, 10.0, 0.7), at(3, 10.0, 0.8)]
    target = find_common_target({"good": good, "poor": poor})
    assert target == 0.6
    assert summarise(poor, [target]).time_to[target].median is not None


def test_ratio_is_of_means_over_common_seeds() -> None:
    own, other = {0: 10.0, 1: 30.0, 2: 500.0}, {0: 40.0, 1: 40.0, 3: 1.0}
    ratio = ratio_interval(own, other)
    assert ratio is not None
    assert ratio[0] == pytest.approx(0.5)
    assert 0.25 <= ratio[1] <= 0.5 <= ratio[2] <= 0.75
    assert ratio_interval({0: 1.0}, {1: 1.0}) is None


def test_missed_target_counts_with_the_limit() -> None:
    assert capped_seconds([at(0, 20.0, 0.9), at(3, 20.0, 0.1)], 0.5) == {0: 20.0, 3: 100.0}


def test_file_of_results_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "searches.jsonl"
    results = [search(0, *EPOCHS), search(1, *EPOCHS)]
    for each in results:
        ResultFile(path).add(each)
    with path.open("a") as file:
        file.write('{"method": "torn')
    found = ResultFile(path)
    assert found.results == results
    assert found.of(SETTING) == {"method": results}
    assert found.has(SETTING, "method", 1)
    assert not found.has(Setting(SEARCH, "digits", "space", "data", 3, 50.0, 1), "method", 1)


def test_foreign_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "searches.jsonl"
    path.write_text('{"peer": "metaopt tpe"}\n')
    with pytest.raises(UserError, match=r"lacks setting, method, .*no result of benchmarks\.searches"):
        ResultFile(path)


def test_recorder_keeps_whole_events_and_the_best(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 0.0)
    assert [recorder.epoch("a", 1, 0.5), recorder.epoch("a", 2, 0.5), recorder.epoch("b", 1, 0.6)] == [
        True,
        False,
        True,
    ]
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"kind": "ep')
    assert [event["epoch"] for event in read_events(tmp_path)] == [1, 2, 1]


def test_tables_name_targets_that_nobody_reached() -> None:
    text = print_searches({"metaopt auto": [at(0, 20.0, 0.9)], "peer": [at(0, 40.0, 0.9)]}, [0.9, 0.95], 100.0)
    assert "| peer | 0.50 (0.50–0.50) | neither reached it |" in text
    assert "| metaopt auto | 1 | 20; 20 (20–20); 100 % | > 100; 100 (100–100); 0 % |" in text


def test_table_of_the_same_networks() -> None:
    setting = Setting(CONFIGURATIONS, "digits", "space", "data", 3, 2.0, 1)
    results = {"metaopt": [search(0, *EPOCHS, setting=setting)], "peer": [search(0, *EPOCHS, setting=setting)]}
    text = print_configurations(results, 2)
    assert "| metaopt | 1 | 100.0 (100.0–100.0) | 2.0 | 5 | 0.9900 | 0.95 | – |" in text
    assert "| peer | 1 | 100.0 (100.0–100.0) | 2.0 | 5 | 0.9900 | 0.95 | 1.00 (1.00–1.00) |" in text
