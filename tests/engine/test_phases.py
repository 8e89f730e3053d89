"""Phases of a search that grows: proposals, history and resumption."""

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.engine.jobs import Epoch, Finished
from metaopt.engine.phases import Phases
from metaopt.engine.setup import ImageKind
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.storage.journal import Scan
from metaopt.storage.state import StudyState
from metaopt.storage.study import JOURNAL
from metaopt.trials.growth import parse_growth
from metaopt.zoo import conv_stack
from tests.engine.synthetic import SyntheticExecutor, findings, search
from tests.storage.events import imported, proposed

STACK = Problem(conv_stack.make_space(1, 12), conv_stack.network, conv_stack.training, name="stack")


class Rater(SyntheticExecutor):
    """The lower the learning rate, the better the network."""

    def wait(self, handle, timeout=None):
        job = self.jobs.popleft()
        handle(Epoch(job.trial, 1, {"val_accuracy": 1 - job.point["learning_rate"]}, 0.1))
        handle(Finished(job.trial))


def grown(folder, problem=STACK, trials=9, **given):
    images = ImageKind((16, 16, 3), {"label": 10})
    return search(folder, problem=problem, images=images, executor=Rater(), trials=trials, epochs=1, **given)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["random", "tpe", "evolution"])
def test_each_phase_meets_its_own_constraint(tmp_path, sampler):
    bounds = (2e5, 1e6, 5e6)
    study = grown(tmp_path / "results", sampler=sampler, grow="macs=2e5,1e6,5e6", constraints=("params<=1e6",))
    records = study.records
    assert len(records) == 9
    for number, record in enumerate(records):
        assert record["macs"] <= bounds[number // 3]
        assert record["constraints"]["macs<=5e+06"] == record["macs"] - 5e6
        assert record["feasible"]
    assert max(record["macs"] for record in records[3:]) > bounds[0]


@pytest.mark.slow
def test_evolution_adds_blocks_to_the_best_stacks(tmp_path):
    study = grown(tmp_path / "results", trials=30, sampler="evolution", grow="blocks=1,2,4", lambda_=2)
    depths = [len(record["space"]["blocks"]) for record in study.records]
    assert [set(depths[:10]), set(depths[10:20]), set(depths[20:])] == [{1}, {2}, {3, 4}]
    grown_up = [record for record in study.records[20:] if record["parent"] is not None]
    assert any(record["parent"] < 20 for record in grown_up)
    alike = []
    for record in grown_up:
        parent, child = study.records[record["parent"]]["space"]["blocks"], record["space"]["blocks"]
        alike.append(max(sum(one[key] == other[key] for key in one) for one in parent for other in child))
    assert len(alike) == 10
    assert sum(alike) / len(alike) > 5  # of 7 fields of a block


@pytest.mark.slow
@pytest.mark.parametrize("grow", ["blocks=1,2,4", "macs=2e5,1e6,5e6"])
def test_an_interrupted_search_with_phases_finds_the_same(tmp_path, grow):
    class Killed(Exception):
        pass

    class Stopping(Rater):
        def wait(self, handle, timeout=None):
            if self.jobs[0].trial == 7:
                raise Killed
            super().wait(handle, timeout)

    whole = grown(tmp_path / "whole", trials=12, sampler="evolution", grow=grow)
    images = ImageKind((16, 16, 3), {"label": 10})
    with pytest.raises(Killed):
        search(tmp_path / "parts", problem=STACK, images=images, executor=Stopping(), trials=12, epochs=1,
               sampler="evolution", grow=grow)  # fmt: skip
    parts = search(tmp_path / "parts", problem=STACK, images=images, executor=Rater())
    assert findings(whole) == findings(parts)


def view_of(study, number, others=None):
    """The study as it was before a trial; ``others`` are the events of some trials in the place of their own."""
    state = StudyState()
    for event in Scan(study.folder / JOURNAL):
        trial = event.get("trial")
        if trial == number:
            break
        if trial not in (others or {}):
            state.apply(event)
        elif event["event"] == "proposed":
            for other in others[trial]:
                state.apply(other)
    return StudyView(state, study.space, 0, None)


@pytest.mark.slow
def test_history_has_the_best_of_earlier_phases(tmp_path):
    study = grown(tmp_path / "results", trials=12, sampler="random")
    growing = Phases(parse_growth("blocks=1,2,4"), (0, 4, 8), n_parents=2)
    losses = [record["loss"] for record in study.records]
    for number in range(12):
        view = view_of(study, number)
        phase = number // 4
        assert growing.phase(view) == phase
        seen = [one.trial for one in growing.history(view).observations]
        elders = sorted(range(4 * phase), key=losses.__getitem__)[:2]
        assert seen == [*sorted(elders), *range(4 * phase, number)]


@pytest.mark.slow
def test_rejected_and_imported_trials_are_in_no_phase(tmp_path):
    study = grown(tmp_path / "results", trials=12, sampler="random")
    growing = Phases(parse_growth("blocks=1,2"), (0, 6), n_parents=3)
    first, fourth = study.state.trials[0].vals, study.state.trials[3].vals
    rejected = {"event": "rejected", "trial": 3, "reason": "params", "detail": "it is too large"}
    others = {0: [imported(first, 0.9)], 3: [proposed(3, 3, fourth), rejected]}
    assert growing.phase(view_of(study, 7, others)) == 0
    assert growing.phase(view_of(study, 8, others)) == 1
    seen = [one.trial for one in growing.history(view_of(study, 12, others)).observations]
    assert len(seen) == 3 + 4
    assert seen[3:] == [8, 9, 10, 11]


def same_size(point, input_shape, classes):
    x = inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(Conv2D(8, 3)(x))))


@pytest.mark.parametrize(
    ("problem", "grow", "message"),
    [
        (Problem({"learning_rate": hp.uniform("learning_rate", 0, 1)}, same_size), "macs=1e5,2e5",
         "no parameter of the space changes the macs"),
        (Problem({"learning_rate": hp.uniform("learning_rate", 0, 1)}, same_size), "blocks=1,2",
         "the space has no stack"),
        (Problem(conv_stack.make_space(3, 5), conv_stack.network), "blocks=1,4", "no stack of the space has at most 1"),
        (STACK, "blocks=10,12,14", "no stack of the space has 13 to 14 blocks, but 1 to 12"),
        (Problem({"x": hp.uniform("x", 0, 1)}), "macs=1e5,2e5", r"needs a problem with network\(\)"),
    ],
)  # fmt: skip
def test_spaces_without_growth_are_refused(tmp_path, problem, grow, message):
    with pytest.raises(UserError, match=message):
        grown(tmp_path / "results", problem, grow=grow)


def few(point, input_shape, classes):
    x = inputs = Input(input_shape)
    for _ in range(point["n"]):
        x = Conv2D(4, point["kernel"], padding="same")(x)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(x)))


FEW = Problem(
    {"n": hp.uniformint("n", 0.501, 4.499), "kernel": hp.choice("kernel", [1, 3, 5]), "learning_rate": 0.1}, few
)


@pytest.mark.slow
def test_an_exhausted_phase_begins_the_next(tmp_path):
    """Of 12 networks; the smallest phase admits the two of one small layer."""
    macs = sorted(few({"n": n, "kernel": k}, (16, 16, 3), {"label": 10}).macs for n in range(1, 5) for k in (1, 3, 5))
    grow = f"macs={macs[1]},{macs[5]},{macs[-1]}"
    study = grown(tmp_path / "whole", FEW, trials=60, grow=grow)
    counts = [record["macs"] for record in study.records]
    assert sorted(counts) == macs
    assert sorted(counts[:2]) == macs[:2]
    assert sorted(counts[:6]) == macs[:6]
    for after in (1, 2, 6):  # within a phase, and where one ends
        folder = tmp_path / str(after) / "results"

        class Interrupted(Rater):
            left = after

            def wait(self, handle, timeout=None):
                if not self.left:
                    raise KeyboardInterrupt
                self.left -= 1
                super().wait(handle, timeout)

        images = ImageKind((16, 16, 3), {"label": 10})
        with pytest.raises(KeyboardInterrupt):
            search(folder, problem=FEW, images=images, executor=Interrupted(), trials=60, epochs=1, grow=grow)
        assert findings(grown(folder, FEW, trials=60)) == findings(study), after


@pytest.mark.slow
def test_grow_and_fill_can_be_switched_off(tmp_path):
    study = grown(tmp_path / "results", trials=6, grow="macs=1e5,1e6", fill=0.9)
    assert (study.settings["grow"], study.settings["fill"]) == ("macs=1e5,1e6", 0.9)
    study = grown(tmp_path / "results", trials=9, grow=None, fill=None)
    assert (study.settings["grow"], study.settings["fill"]) == (None, None)
    assert len(study.records) == 9


@pytest.mark.slow
def test_an_impossible_phase_names_its_constraint(tmp_path):
    with pytest.raises(UserError, match=r"No network .* macs<=100 cannot be met: the smallest macs reached is"):
        grown(tmp_path / "results", grow="macs=100,1e6", trials=2)
