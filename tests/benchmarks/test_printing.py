from pathlib import Path

from benchmarks.peers.peer import Peer
from benchmarks.peers.printing import describe_table, print_figures, print_notes, print_ranks
from benchmarks.peers.results import Result
from benchmarks.peers.simulation import Step
from benchmarks.peers.summary import rank_methods, summarise
from tests.benchmarks.tables_for_tests import load_rows, make_rows


def test_table_is_described_with_sizes_and_luck(tmp_path: Path) -> None:
    rows = make_rows()
    plain = describe_table(load_rows(tmp_path, rows))
    assert "18 networks, every point of its space; 9 epochs" in plain
    rows[0]["params"], rows[1]["params"] = 1200, 34
    good = rows[11]
    again = {**good, "seed": 1, "val_acc": [value - 0.02 for value in good["val_acc"]]}
    text = describe_table(load_rows(tmp_path, [*rows, again]))
    assert "34 to 1,200 parameters;" in text
    assert "a network of the better half varies by 0.0141" in text
    assert "MACs" not in text


def test_method_that_reached_nothing_counts_with_the_budget(tmp_path: Path) -> None:
    table = load_rows(tmp_path, make_rows())
    best, poor = float(table.final_errors.min()), 0.7
    results = [
        Result("p", "test", table.digest, seed, 40, (Step(2.0, error, error),), 4, 0.5, {})
        for seed, error in enumerate([poor, poor, best])
    ]
    text = print_figures({"p": summarise(table, results, 40)}, {"q": "optuna is not installed"}, 40)
    assert "| p | 3 | > 40; 27.3 (2.0–40.0); 33 % |" in text
    assert "| q | – | skipped: optuna is not installed |" in text
    rows = text.splitlines()
    assert len({row.count("|") for row in rows}) == 1


def test_notes_say_versions_and_what_was_skipped() -> None:
    peers = {
        "a": Peer(("numpy",), lambda simulation, seed: None, "As it is."),
        "b": Peer(("no-such-package",), lambda simulation, seed: None, "As it is."),
    }
    text = print_notes(peers, {"b": str(peers["b"].why_not())})
    assert "- a: numpy " in text
    assert text.endswith("- b: skipped, no-such-package is not installed.")


def test_ranks_are_printed_with_their_tables() -> None:
    ranks = rank_methods({"a": [1.0, 1.0], "b": [2.0, 2.0], "c": [3.0, 3.0]})
    text = print_ranks(ranks, "cost", ["one", "two"])
    assert text.startswith("Mean rank by cost over 2 tables (one, two). Friedman's test: p = ")
    assert "| a | 1.00 |" in text
