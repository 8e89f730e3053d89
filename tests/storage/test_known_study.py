"""Earlier studies and default points as events."""

import pytest
from hyperopt import hp

from metaopt.errors import UserError
from metaopt.spaces import compile_space
from metaopt.storage.event_fields import check_fields
from metaopt.storage.files import Unsynced
from metaopt.storage.known_study import default_event, study_event
from tests.engine.synthetic import InOneGo, SyntheticExecutor, search

SPACE = {"x": hp.uniform("x", 0, 1), "y": hp.choice("y", ["a", "b"])}


class Distance(InOneGo):
    """Accuracy falls with the distance of x from 0.5."""

    def metrics(self, job, epoch):
        accuracy = 1 - abs(job.point["x"] - 0.5)
        return {"val_accuracy": accuracy, "val_loss": 1 - accuracy}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    folder = tmp_path_factory.mktemp("earlier") / "results"
    return search(folder, space=SPACE, trials=11, executor=Distance(), sampler="random", files=Unsynced())


def test_trials_with_a_loss_are_kept_best_first(earlier) -> None:
    notes: list[str] = []
    event = study_event(earlier.folder, compile_space(SPACE), {}, notes.append)
    check_fields({**event, "clock": 0.0}, has_header=True)
    losses = [each["loss"] for each in event["points"]]
    assert len(losses) == 11
    assert losses == sorted(losses)
    assert (
        event["points"][0]["vals"]
        == min(
            (trial for trial in earlier.state.trials if trial.results), key=lambda trial: trial.results[-1].values[0]
        ).vals
    )
    assert event["study"] == earlier.state.header["id"]
    assert not notes


def test_options_are_found_by_value_and_others_left_out(earlier) -> None:
    """The order of the options, by which vals name them, differs between the spaces."""
    space = {"x": hp.uniform("x", 0, 0.5), "y": hp.choice("y", ["c", "b", "a"])}
    notes: list[str] = []
    event = study_event(earlier.folder, compile_space(space), {}, notes.append)
    assert 0 < len(event["points"]) < 11
    assert all(each["vals"]["x"] <= 0.5 and each["vals"]["y"] in (1, 2) for each in event["points"])
    assert f"{11 - len(event['points'])} trials of the study" in notes[0]


def test_a_study_of_another_space_is_refused(earlier) -> None:
    with pytest.raises(UserError, match="is of another space, so no search of this one can start from it"):
        study_event(earlier.folder, compile_space({"z": hp.uniform("z", 0, 1)}), {}, print)


def test_a_study_without_results_is_refused(tmp_path) -> None:
    executor = SyntheticExecutor(fails=lambda job: True)
    study = search(tmp_path / "results", space=SPACE, trials=2, executor=executor, sampler="random", files=Unsynced())
    with pytest.raises(UserError, match="has no trial with a result to start from"):
        study_event(study.folder, compile_space(SPACE), {}, print)


def test_a_missing_study_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        study_event(tmp_path / "nowhere", compile_space(SPACE), {}, print)


def test_one_default_point_or_several() -> None:
    space = compile_space(SPACE)
    one = default_event({"x": 0.5, "y": "b"}, space, {})
    assert [each["vals"] for each in one["points"]] == [{"x": 0.5, "y": 1}]
    assert len(default_event([{"x": 0.5, "y": "b"}, {"x": 0.1, "y": "a"}], space, {})["points"]) == 2


@pytest.mark.parametrize(
    "point", [{"x": 2.0, "y": "b"}, {"x": 0.5, "y": "c"}, {"x": 0.5}, 7, None, {"x": "text", "y": "a"}]
)
def test_a_default_point_outside_the_space_is_refused(point) -> None:
    with pytest.raises(UserError, match=r"A default point cannot be used\. The point is not in this space: "):
        default_event(point, compile_space(SPACE), {})
