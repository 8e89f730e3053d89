"""A real evolution on the digits, by the command that a user types."""

import statistics

import pytest

from metaopt.cli.search import main
from metaopt.storage.study import Study

pytestmark = pytest.mark.slow

MU = 3


def test_the_population_improves_and_every_network_keeps_the_limits(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = "--data digits --space flower_cnn --strategy evolution --lambda 2 --trials 9 --epochs 2 --seed 0"
    code = main([*flags.split(), "--mu", str(MU), "--constraint", "macs<=2e5", "--constraint", "params<=1e5"])
    assert code == 0, capsys.readouterr().err

    records = Study.load(tmp_path / "results").records
    assert len(records) == 9
    assert all(record["macs"] <= 2e5 and record["params"] <= 1e5 for record in records)
    accuracies = [-record["loss"] for record in records]
    first, population = accuracies[:MU], sorted(accuracies)[-MU:]
    assert statistics.mean(population) > statistics.mean(first) + 0.1
    assert statistics.mean(accuracies[MU:]) > statistics.mean(first) + 0.1  # the children, too, not a lucky one
    assert all(record["parent"] is not None for record in records[MU:])
