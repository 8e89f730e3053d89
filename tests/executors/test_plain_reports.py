"""Reports of trainings: whatever a training returns, reports or raises ends its trial and not the search."""

import contextlib
import json
import threading
from fractions import Fraction

import numpy as np
import pytest

from metaopt.engine.jobs import Epoch, EpochProgress, Failed, Finished, Rejected, Remark
from metaopt.errors import ResultsNotWritable
from metaopt.executors import Inline, Processes
from metaopt.executors.failures import attempt
from metaopt.executors.plain_reports import plain_end, plain_message
from tests.executors.scripted import Scripted, collect, last, make_job, run

JOB = make_job(3, to=5)


class BadText:
    def __repr__(self):
        raise RuntimeError("no text")


class BadError(Exception):
    __str__ = BadText.__repr__


class NoPickle:
    def __reduce__(self):
        raise RuntimeError("not to be pickled")


class NoUnpickle:
    def __getstate__(self):
        return {"a": 1}

    def __setstate__(self, state):
        raise RuntimeError("not to be unpickled")


class OwnBase(BaseException):
    pass


class Raises:
    """A trainer that raises."""

    def __init__(self, error):
        self.error = error

    def setup(self, options):
        pass

    def train(self, job, report):
        raise self.error


def ring() -> dict:
    value: dict = {}
    value["me"] = value
    return value


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ({(0, 1): 3, b"a": np.int64(4)}, {"(0, 1)": 3, "b'a'": 4}),
        ({"a": ring()}, {"a": {"me": "{...}"}}),
        ({"a": BadText(), "b": threading.Lock}, {"a": "<BadText>", "b": repr(threading.Lock)}),
        ({"loss": Fraction(1, 2)}, {"loss": 0.5}),
        ({"loss": np.array([0.5], np.float32)}, {"loss": 0.5}),
        ({"loss": 1, "epochs": "three"}, {"loss": 1, "epochs": 5}),
        ({"loss": 1, "epochs": 2.0}, {"loss": 1, "epochs": 2}),
        ({"loss": 1, "epochs": float("nan")}, {"loss": 1, "epochs": 5}),
        ({"loss": 1, "epochs": 10**400}, {"loss": 1, "epochs": 5}),
        ({"loss": 1, "epochs": -1}, {"loss": 1, "epochs": 5}),
        ({"loss": 1, "a": NoPickle()}, None),
    ],
)  # fmt: skip
def test_results_are_plain_values(returned, expected):
    end = plain_end(JOB, Finished(3, returned=returned))
    if expected is not None:
        assert end.returned == expected
    json.dumps(end.returned, allow_nan=False)


def test_facts_of_another_type_are_left_out():
    facts = {"device": 3, "threads": "two", "versions": "3.12", "params": "few", "macs": 7, "inherited": 5, "more": {1}}
    assert plain_end(JOB, Finished(3, info=facts)).info == {"macs": 7, "more": "{1}"}


@pytest.mark.parametrize("loss", ["low", None, float("nan"), 10**400, [0.5, 0.25], BadText()])
def test_a_loss_that_is_no_number_is_refused(loss):
    with pytest.raises(TypeError, match=r"as its loss\. Expected a finite number"):
        plain_end(JOB, Finished(3, returned={"loss": loss}))


def test_failures_and_rejections_have_bounded_texts():
    failed = plain_end(JOB, Failed(9, BadText(), "x" * 10_000, traceback=b"bytes"))
    assert (failed.trial, failed.cause, failed.traceback) == (3, "<BadText>", "b'bytes'")
    assert len(failed.error) < 2100
    assert plain_end(JOB, Failed(3, "two\nlines", "e")).cause == "two lines"
    assert plain_end(JOB, Rejected(3, "params", BadText())).detail == "<BadText>"
    for end in (None, {"loss": 1}, "done"):
        with pytest.raises(TypeError, match="Expected a report"):
            plain_end(JOB, end)


def test_numbers_of_an_epoch_become_plain():
    message = Epoch(3, np.int64(2), {"loss": np.float32(0.5), "hits": np.int64(3)}, np.float64(1.5), ({"loss": 1},))
    plain = plain_message(JOB, message)
    assert plain == Epoch(3, 2, {"loss": 0.5, "hits": 3}, 1.5, ({"loss": 1},))
    assert [type(value) for value in (plain.epoch, *plain.metrics.values(), plain.seconds)] == [int, float, int, float]
    assert plain_message(JOB, Remark(9, BadText())) == Remark(3, "<BadText>")
    progress = plain_message(JOB, EpochProgress(9, np.int64(2), np.float32(0.5)))
    assert (progress, type(progress.fraction)) == (EpochProgress(3, 2, 0.5), float)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (Epoch(3, "two", {"loss": 1}, 0.1), "reported as number 'two'. Expected an integer >= 1"),
        (Epoch(3, 0, {"loss": 1}, 0.1), "reported as number 0"),
        (Epoch(3, 1.5, {"loss": 1}, 0.1), "reported as number 1.5"),
        (Epoch(3, 10**400, {"loss": 1}, 0.1), "reported as number 1000"),
        (EpochProgress(3, 0, 0.5), "reported as number 0"),
        (EpochProgress(3, 1, 45), "45 of epoch 1 was reported as done. Expected a fraction, 0 to 1"),
        (EpochProgress(3, 1, float("nan")), "nan of epoch 1"),
        (Epoch(3, 1, {"loss": "low"}, 0.1), "'loss': 'low'"),
        (Epoch(3, 1, {"loss": float("nan")}, 0.1), "'loss': nan"),
        (Epoch(3, 1, {"loss": BadText()}, 0.1), "Epoch 1 was reported with"),
        (Epoch(3, 1, [0.5], 0.1), "metrics of type list"),
        (Epoch(3, 1, {"loss": 1}, None), "None seconds"),
        (Epoch(3, 1, {"loss": 1}, -1), "-1 seconds"),
        (Epoch(3, 1, {"loss": 1}, 0.1, ({"loss": None},)), "'loss': None"),
        (Epoch(4, 1, {"loss": 1}, 0.1), "reported for trial 4. Expected 3"),
    ],
)
def test_an_epoch_of_other_types_fails_the_training(message, error):
    with pytest.raises(ValueError, match=error):
        plain_message(JOB, message)


@pytest.mark.parametrize("error", [BadError("x"), OwnBase("x"), SystemExit(3), GeneratorExit(), RecursionError()])
def test_whatever_a_training_raises_fails_its_trial(error):
    failed = attempt(Raises(error), JOB, lambda _: True)
    assert isinstance(failed, Failed)
    assert failed.cause == type(error).__name__
    assert "raise self.error" in failed.traceback


def test_ctrl_c_and_a_full_disk_end_the_search():
    for error in (KeyboardInterrupt(), ResultsNotWritable("full")):
        with pytest.raises(type(error)):
            attempt(Raises(error), JOB, lambda _: True)


def test_a_driver_s_error_passes_through_a_training_that_catches_all():
    class Stubborn(Scripted):
        def train(self, job, report):
            for _ in range(3):
                with contextlib.suppress(BaseException):  # as careless code does
                    report(Epoch(job.trial, 1, {"loss": 1.0}, 0.1))
            return Finished(job.trial)

    handled = []

    def handle(report):
        handled.append(report)
        raise ResultsNotWritable("The disk is full.")

    with Inline(Stubborn()) as executor:
        executor.submit(make_job(0))
        with pytest.raises(ResultsNotWritable):
            executor.wait(handle)
    assert len(handled) == 1


@pytest.mark.slow
def test_points_that_cannot_be_sent_and_ctrl_c_of_code_fail_one_trial():
    with Processes(Scripted(), threads=1) as executor:
        for point in ({"object": NoUnpickle()}, {"object": NoPickle()}):  # the first one before the worker is ready
            failed = last(run(executor, point), Failed)
            assert (failed.trial, failed.cause) == (7, "RuntimeError")
        assert isinstance(run(executor)[-1], Finished)
    for executor in (Processes(Raises(KeyboardInterrupt()), threads=1), Inline(Raises(KeyboardInterrupt()))):
        with executor:
            executor.submit(make_job(1))
            assert last(collect(executor), Failed).cause == "KeyboardInterrupt"
