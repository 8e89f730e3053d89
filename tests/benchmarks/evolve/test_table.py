"""Tables of the results of the benchmark of evolution while training."""

import json

from benchmarks.evolve.budget import Budget
from benchmarks.evolve.table import print_tables


def line(method, seed, score, task="gaps", failed=None):
    incumbents = [[1.0, 1, 0.5, 9.0], [2.0, 5, 0.4, score]]
    result = {"incumbents": incumbents, "epochs": 10, "seconds": 30.0, "failed": failed}
    return {"task": task, "method": method, "seed": seed, "budget": "epochs:10", **result}


def printed(tmp_path, capsys, *lines):
    path = tmp_path / "results.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))
    print_tables([path])
    return capsys.readouterr().out


def test_scores_have_intervals_and_paired_tests(tmp_path, capsys):
    lines = [line("evolve", seed, 0.1 + seed / 100) for seed in range(8)]
    lines += [line("unchanged", seed, 0.4 + seed / 50) for seed in range(8)]
    text = printed(tmp_path, capsys, *lines)
    assert "**gaps**, 10 epochs" in text
    assert "| evolve | 0.1350 (0.1145 to 0.1555) | 8 | 10 | 30 |  |  |  |" in text
    assert "| 8, 0 | 0.00781 |" in text, "2 / 2^8, the smallest p-value of eight pairs"
    assert "Error of evolve as a share of that of the unchanged configuration: 0.28" in text


def test_larger_accuracies_are_better(tmp_path, capsys):
    lines = [line("evolve", seed, 0.9, "digits") for seed in range(3)]
    lines += [line("optuna median", seed, 0.8 + seed / 100, "digits") for seed in range(3)]
    assert "| 3, 0 |" in printed(tmp_path, capsys, *lines)


def test_failed_runs_are_told(tmp_path, capsys):
    text = printed(tmp_path, capsys, line("evolve", 0, 0.1), line("ray pbt", 0, 0.1, failed="ValueError"))
    assert "1 runs failed: [('gaps', 'ray pbt')]" in text
    assert "| ray pbt |" not in text


def test_runs_are_compared_at_an_earlier_moment(tmp_path, capsys):
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(line("evolve", 0, 0.1)) + "\n" + json.dumps(line("evolve", 1, 0.2)) + "\n")
    print_tables([path], Budget.read("epochs:3"))
    text = capsys.readouterr().out
    assert "10 epochs, after 3 epochs" in text
    assert "| evolve | 9.0000 (9.0000 to 9.0000) | 2 | 3 | 30 |" in text
    print_tables([path], Budget.read("epochs:11"))
    assert capsys.readouterr().out == "", "no run was as long"
