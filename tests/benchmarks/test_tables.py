from pathlib import Path

import numpy as np
import pytest
from hyperopt import hp

from benchmarks.peers.table_loading import load_table
from metaopt.errors import UserError
from tests.benchmarks.tables_for_tests import EPOCHS, RATES, load_rows, make_rows, make_space, write_rows


def test_table_is_an_objective(tmp_path: Path) -> None:
    table = load_rows(tmp_path, make_rows())
    network = table.network({"rate": 1, "norm": 1, "layers": 1, "width": 1})
    assert network.curves.best_errors[-1] == table.final_errors.min()
    assert table.full_training_s == EPOCHS + 1


def test_threshold_is_reached_by_the_share_of_networks(tmp_path: Path) -> None:
    table = load_rows(tmp_path, make_rows())
    assert (table.final_errors <= table.threshold(2 / 18)).sum() == 2


def test_missing_configurations_are_named(tmp_path: Path) -> None:
    rows = [row for row in make_rows() if row["config"]["rate"] != 0.1]
    with pytest.raises(UserError, match=r"lacks 6 of 18 configurations, e\.g\. .*'rate': 2\.0"):
        load_rows(tmp_path, rows)


@pytest.mark.parametrize("key", ["val_acc", "test_acc", "cpu_s"])
def test_curve_of_another_length_is_named(tmp_path: Path, key: str) -> None:
    rows = make_rows()
    del rows[7][key][-1]
    with pytest.raises(UserError, match=rf"{key} of row 7 has {EPOCHS - 1} epochs. Expected {EPOCHS}"):
        load_rows(tmp_path, rows)


def test_longer_curve_is_named_and_not_the_others(tmp_path: Path) -> None:
    rows = make_rows()
    rows[7]["val_acc"] = [*rows[7]["val_acc"], 0.5]
    with pytest.raises(UserError, match=rf"val_acc of row 7 has {EPOCHS + 1} epochs. Expected {EPOCHS}"):
        load_rows(tmp_path, rows)


@pytest.mark.parametrize("value", [None, "half", [0.5], float("nan")])
def test_value_that_is_no_number_is_named(tmp_path: Path, value: object) -> None:
    rows = make_rows()
    rows[3]["val_loss"][2] = value
    with pytest.raises(UserError, match="val_loss of row 3 is no list of finite numbers"):
        load_rows(tmp_path, rows)


def test_missing_option_is_named_by_its_value(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "table.jsonl", [{**make_rows()[0], "config": {"rate": 0.1}}])
    with pytest.raises(UserError, match=r"lacks 1 of 2 configurations, e\.g\. {'rate': 0\.3}"):
        load_table("options", path, {"rate": hp.choice("rate", [0.1, 0.3])}, complete=True)


def test_missing_key_is_named(tmp_path: Path) -> None:
    rows = make_rows()
    del rows[3]["val_loss"]
    with pytest.raises(UserError, match="row 3 lacks val_loss"):
        load_rows(tmp_path, rows)


def test_value_outside_an_ordered_parameter_is_named(tmp_path: Path) -> None:
    rows = make_rows()
    rows[5]["config"]["rate"] = 0.5
    with pytest.raises(UserError, match=r"row 5 does not fit the space: rate is 0\.5"):
        load_rows(tmp_path, rows)


def test_space_with_another_option_is_named(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "table.jsonl", make_rows())
    space = {**make_space(), "norm": hp.choice("norm", ["batch", "layer"])}
    with pytest.raises(UserError, match=r"row 0 does not fit the space: .*norm"):
        load_table("test", path, space, ordered={"rate": RATES})


def test_draw_outside_the_space_is_named(tmp_path: Path) -> None:
    rows = make_rows()
    rows[2]["vals"] = {"rate": 7.0, "norm": 0, "layers": 0}
    with pytest.raises(UserError, match=r"row 2 does not fit the space: rate is 7\.0\. Expected 0 to 2"):
        load_rows(tmp_path, rows)


def test_same_configuration_and_seed_twice_is_named(tmp_path: Path) -> None:
    rows = make_rows()
    with pytest.raises(UserError, match="in the rows with id 4, 18"):
        load_rows(tmp_path, [*rows, {**rows[4], "id": 18}])


def test_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "table.jsonl", make_rows())
    path.write_text(path.read_text() + "{torn")
    with pytest.raises(UserError, match="Line 19 of"):
        load_table("test", path, make_space(), ordered={"rate": RATES})


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.jsonl cannot be read"):
        load_table("test", tmp_path / "absent.jsonl", make_space())


def test_held_out_error_is_the_mean_over_seeds(tmp_path: Path) -> None:
    rows = make_rows()
    second = {**rows[0], "seed": 1, "test_acc": [value + 0.1 for value in rows[0]["test_acc"]]}
    network = load_rows(tmp_path, [*rows, second]).networks[0]
    assert network.test_error(EPOCHS) == pytest.approx(1 - rows[0]["test_acc"][-1] - 0.05)
    assert np.array_equal(network.curves.val_accuracy, rows[0]["val_acc"])


def test_luck_is_the_deviation_between_seeds_of_good_networks(tmp_path: Path) -> None:
    rows = make_rows()
    good, poor = rows[11], rows[0]
    assert load_rows(tmp_path, rows).luck is None
    poor_again = {**poor, "seed": 1, "val_acc": [value - 0.3 for value in poor["val_acc"]]}
    assert load_rows(tmp_path, [*rows, poor_again]).luck is None
    good_again = {**good, "seed": 1, "val_acc": [value - 0.02 for value in good["val_acc"]]}
    assert load_rows(tmp_path, [*rows, poor_again, good_again]).luck == pytest.approx(0.02 / np.sqrt(2))


def test_sizes_of_networks_are_those_of_the_rows(tmp_path: Path) -> None:
    rows = make_rows()
    rows[1] |= {"params": 120, "macs": 3400}
    networks = load_rows(tmp_path, rows).networks
    assert (networks[1].params, networks[1].macs) == (120, 3400)
    assert (networks[0].params, networks[0].macs) == (None, None)


def test_default_point_is_a_draw(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "table.jsonl", make_rows())
    default = {"rate": 1, "norm": 0, "layers": 0}
    assert load_table("test", path, make_space(), ordered={"rate": RATES}, default=default).default == default


@pytest.mark.parametrize(
    ("default", "message"),
    [
        ({"rate": 3, "norm": 0, "layers": 0}, r"rate is 3\.0\. Expected 0 to 2"),
        ({"rate": 1, "norm": 0, "layers": 0, "width": 1}, "no active parameter width"),
        ({"rate": 1, "norm": 0}, "layers"),
    ],
)
def test_default_point_outside_its_space_is_named(tmp_path: Path, default: dict[str, int], message: str) -> None:
    path = write_rows(tmp_path / "table.jsonl", make_rows())
    with pytest.raises(UserError, match=f"The default point is outside its space: .*{message}"):
        load_table("test", path, make_space(), ordered={"rate": RATES}, default=default)


def test_diverged_training_has_error_one_at_no_cost(tmp_path: Path) -> None:
    rows = make_rows()
    rows[6] |= {key: rows[6][key][:2] for key in ("val_acc", "val_loss", "train_loss", "test_acc", "cpu_s")}
    rows[6]["diverged"] = "loss became nan in epoch 3."
    curves = load_rows(tmp_path, rows).networks[6].curves
    assert curves.errors[2:].tolist() == [1.0] * (EPOCHS - 2)
    assert curves.seconds.sum() == 3.0


def test_first_row_may_have_diverged(tmp_path: Path) -> None:
    rows = make_rows()
    rows[0] |= {key: [] for key in ("val_acc", "val_loss", "train_loss", "test_acc", "cpu_s")}
    rows[0]["diverged"] = "loss became nan in epoch 1."
    assert load_rows(tmp_path, rows).epochs == EPOCHS


def test_sampled_table_answers_for_its_own_networks(tmp_path: Path) -> None:
    table = load_rows(tmp_path, make_rows()[::2], complete=False)
    assert all(table.network(network.vals) is network for network in table.networks)


def test_nearest_network_differs_where_it_matters_least(tmp_path: Path) -> None:
    wanted = {"rate": 1, "norm": 0, "layers": 1, "width": 0}
    rows = make_rows()
    own = next(row for row in rows if row["config"] == {"rate": 0.01, "norm": False, "layers": {"n": 2, "width": 8}})
    table = load_rows(tmp_path, [row for row in rows if row is not own], complete=False)
    assert table.network(wanted).vals == {**wanted, "width": 1}
    weights = dict(zip(table.space.labels, table.distances.weights, strict=True))
    assert weights["rate"] > weights["norm"] > weights["width"] > 0


def test_proposal_outside_a_complete_table_is_an_error(tmp_path: Path) -> None:
    table = load_rows(tmp_path, make_rows())
    with pytest.raises(UserError, match="no point of the space"):
        table.network({"rate": 5, "norm": 0, "layers": 0})
