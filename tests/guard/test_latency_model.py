"""Latency predicted from multiply-accumulates."""

import pytest

from metaopt.guard.latency_model import LatencyModel
from metaopt.spaces import Vals
from metaopt.trials.trial import Trial

MACS = [1e5, 1e6, 4e6, 2e7, 8e7]


def line(macs: float) -> float:
    return 0.4 + macs / 4e6


def test_a_line_is_found() -> None:
    model = LatencyModel.fit(MACS, map(line, MACS))
    assert model.base_ms == pytest.approx(0.4)
    assert 1 / model.ms_per_mac == pytest.approx(4e6)
    assert (model.margin, model.n_trials) == (2.0, 5)
    assert model.predict(6e6) == pytest.approx(1.9)


def test_networks_are_far_off_beyond_the_margin() -> None:
    model = LatencyModel.fit(MACS, map(line, MACS))
    edge = model.largest_macs(5.0)
    assert line(edge) == pytest.approx(10.0)
    assert not model.is_far_off(0.99 * edge, 5.0)
    assert model.is_far_off(1.01 * edge, 5.0)


def test_a_measured_network_that_met_a_limit_is_never_far_off() -> None:
    """One network is six times as fast as its multiply-accumulates say."""
    counts = [*MACS * 30, 8e7]
    latencies = [*map(line, counts[:-1]), line(8e7) / 6]
    model = LatencyModel.fit(counts, latencies)
    assert model.margin > 2
    assert not any(model.is_far_off(macs, ms) for macs, ms in zip(counts, latencies, strict=True))


@pytest.mark.parametrize("latencies", [[1.0] * 4, [5.0, 4.0, 3.0, 2.0, 1.0]])
def test_few_trials_or_no_growth_predict_nothing(latencies) -> None:
    assert LatencyModel.fit(MACS[: len(latencies)], latencies) is None


def measured(number: int, macs: float, ms: float | None) -> Trial:
    info = {} if ms is None else {"latency": {"median_ms": ms}}
    return Trial(number, Vals({}), {}, 1, proposal={"macs": macs}, info=info)


def test_the_model_is_renewed_when_trials_have_doubled() -> None:
    trials = [measured(number, macs, line(macs)) for number, macs in enumerate(MACS * 4)]
    counts = {n: LatencyModel.of_trials(trials[:n]) for n in (4, 5, 9, 10, 19, 20)}
    assert counts[4] is None
    assert [counts[n].n_trials for n in (5, 9, 10, 19, 20)] == [5, 5, 10, 10, 20]


def test_trials_without_a_latency_do_not_count() -> None:
    assert LatencyModel.of_trials([measured(number, macs, None) for number, macs in enumerate(MACS)]) is None
