"""Phases under limits that grow: what is proposed in each, what the sampler sees, and how a search goes on in them."""

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.engine.jobs import Epoch, Finished
from metaopt.engine.phases import Phases
from metaopt.engine.settings import resolve
from metaopt.engine.setup import ImageKind
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.storage.state import StudyState
from metaopt.trials.growth import Growth, constraints_in_force, parse_growth, phase_starts
from metaopt.zoo import conv_stack
from tests.engine.synthetic import SyntheticExecutor, findings, search

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


@pytest.mark.parametrize(
    ("text", "growth"),
    [
        ("macs=1e6,2e6,4e6", Growth("macs", (1e6, 2e6, 4e6))),
        (" params = 1000 , 20_00", Growth("params", (1000, 2000))),
        ("blocks=1,2,4", Growth("blocks", (1, 2, 4))),
        ("macs=5e6", Growth("macs", (5e6,))),
    ],
)
def test_what_is_written_is_read(text, growth):
    assert parse_growth(text) == growth


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("macs", "Expected NAME=NUMBER"),
        ("", "Expected NAME=NUMBER"),
        ("macs=1e6,,2e6", "Expected NAME=NUMBER"),
        ("macs=1e6;2e6", "Expected NAME=NUMBER"),
        ("macs=few,many", "Expected NAME=NUMBER"),
        ("macs<=1e6", "Expected NAME=NUMBER"),
        ("memory=1e6,2e6", "memory cannot grow; expected one of params, macs, blocks"),
        ("block=1,2", "block cannot grow"),
        ("macs=0,1e6", "must be above 0"),
        ("macs=1e6,nan", "must be above 0"),
        ("macs=1e6,inf", "must be above 0"),
        ("blocks=1,2.5", "must be integers"),
        ("macs=2e6,1e6", "must ascend from phase to phase"),
        ("macs=1e6,1e6", "must ascend from phase to phase"),
    ],
)
def test_malformed_growth_is_refused(text, message):
    with pytest.raises(UserError, match=message) as raised:
        parse_growth(text)
    assert str(raised.value).startswith(f"Invalid value for grow: {text}. ")


def test_trials_are_shared_equally_and_the_rest_goes_to_the_last_phase():
    assert phase_starts(parse_growth("blocks=1,2,4"), 0, 11) == (0, 3, 6)
    assert phase_starts(parse_growth("blocks=1,2,4"), 50, 3) == (50, 51, 52)
    assert phase_starts(parse_growth("macs=5"), 0, 1) == (0,)
    with pytest.raises(UserError, match="3 phases, but there are only 2 trials"):
        phase_starts(parse_growth("blocks=1,2,4"), 0, 2)


def test_the_last_phase_s_limit_joins_the_user_s():
    assert list(map(str, constraints_in_force(["params<=500"], "macs=10,20"))) == ["params<=500", "macs<=20"]
    assert list(map(str, constraints_in_force(["macs<=30", "val_loss<=2"], "macs=10,20"))) == [
        "val_loss<=2",
        "macs<=20",
    ]
    assert list(map(str, constraints_in_force(["macs<=30"], "blocks=1,2"))) == ["macs<=30"]
    with pytest.raises(UserError, match="goes beyond the constraint macs<=15"):
        constraints_in_force(["macs<=15"], "macs=10,20")


def settings_after(state=None, **given):
    return resolve(given, {}, state or StudyState())


def ended(settings, own, finished):
    """The state of a study with so many trials."""
    state = StudyState([{"event": "run", "settings": settings.as_event()}])
    for number in range(own):
        state.apply({"event": "proposed", "trial": number, "vals": {}, "point": {}, "to": 1, "model_based": False,
                     "network": {}, "rejected": {}})  # fmt: skip
    if finished:
        state.apply({"event": "done", "reason": "all trials are done"})
    return state


def test_a_search_that_goes_on_is_in_the_phases_in_which_it_was():
    new = settings_after(grow="blocks=1,2,4", trials=12)
    assert new.phases == (0, 4, 8)
    interrupted = ended(new, 5, finished=False)
    assert settings_after(interrupted).phases == (0, 4, 8)
    assert settings_after(interrupted, grow="blocks=1,2,4").phases == (0, 4, 8)
    assert settings_after(interrupted, trials=30).phases == (0, 10, 20)
    assert settings_after(interrupted, grow="blocks=2,4").phases == (0, 6)
    done = ended(new, 12, finished=True)
    assert settings_after(done).phases == (0, 4, 8)  # what comes now belongs to the last phase
    assert settings_after(done, grow="blocks=5,6").phases == (12, 18)


def test_a_population_begins_in_the_first_phase_if_the_user_does_not_say_otherwise():
    assert settings_after(grow="blocks=1,2,4", trials=60).mu == 10
    assert settings_after(grow="blocks=1,2,4", trials=6).mu == 2
    assert settings_after(grow="blocks=1,2,4", trials=60, mu=33).mu == 33
    assert settings_after(trials=60).mu == 15


@pytest.mark.parametrize("sampler", ["random", "tpe", "evolution"])
def test_each_phase_keeps_its_limit_and_the_records_are_judged_by_the_last(tmp_path, sampler):
    bounds = (2e5, 1e6, 5e6)
    study = grown(tmp_path / "results", sampler=sampler, grow="macs=2e5,1e6,5e6", constraints=("params<=1e6",))
    records = study.records
    assert len(records) == 9
    for number, record in enumerate(records):
        assert record["macs"] <= bounds[number // 3]
        assert record["constraints"]["macs<=5e+06"] == record["macs"] - 5e6
        assert record["feasible"]
    assert max(record["macs"] for record in records[3:]) > bounds[0]


def test_evolution_goes_on_with_the_best_stacks_and_adds_blocks(tmp_path):
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


@pytest.mark.parametrize("grow", ["blocks=1,2,4", "macs=2e5,1e6,5e6"])
def test_an_interrupted_search_finds_what_an_uninterrupted_one_finds(tmp_path, grow):
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


def view_of(study, number):
    """The study as it was before a trial."""
    state = StudyState([study.header])
    state.trials = study.state.trials[:number]
    return StudyView(state, study.space, 0, None)


def test_the_sampler_sees_the_best_of_the_phases_before_and_all_of_its_own(tmp_path):
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


def test_rejected_and_imported_trials_are_in_no_phase(tmp_path):
    study = grown(tmp_path / "results", trials=12, sampler="random")
    growing = Phases(parse_growth("blocks=1,2"), (0, 6), n_parents=3)
    study.state.trials[0].imported = True
    study.state.trials[3].status = "rejected"
    assert growing.phase(view_of(study, 7)) == 0
    assert growing.phase(view_of(study, 8)) == 1
    seen = [one.trial for one in growing.history(view_of(study, 12)).observations]
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
def test_spaces_in_which_nothing_grows_are_refused(tmp_path, problem, grow, message):
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


def test_a_phase_of_which_every_network_was_trained_gives_way_to_the_next(tmp_path):
    """Of 12 networks; the smallest phase admits the two of one small layer."""
    macs = sorted(few({"n": n, "kernel": k}, (16, 16, 3), {"label": 10}).macs for n in range(1, 5) for k in (1, 3, 5))
    grow = f"macs={macs[1]},{macs[5]},{macs[-1]}"
    study = grown(tmp_path / "whole", FEW, trials=60, grow=grow)
    counts = [record["macs"] for record in study.records]
    assert sorted(counts) == macs
    assert sorted(counts[:2]) == macs[:2]
    assert sorted(counts[:6]) == macs[:6]
    for after in (1, 2, 3, 6, 8):
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


def test_a_growth_and_a_share_to_fill_can_be_switched_off(tmp_path):
    study = grown(tmp_path / "results", trials=6, grow="macs=1e5,1e6", fill=0.9)
    assert (study.settings["grow"], study.settings["fill"]) == ("macs=1e5,1e6", 0.9)
    study = grown(tmp_path / "results", trials=3, grow=None, fill=None)
    assert (study.settings["grow"], study.settings["fill"]) == (None, None)
    assert len(study.records) == 9


def test_limits_of_a_phase_that_no_network_keeps_are_named(tmp_path):
    with pytest.raises(UserError, match=r"No network of the space passes.*smallest macs reached is .* \(limit 100\)"):
        grown(tmp_path / "results", grow="macs=100,1e6", trials=2)
