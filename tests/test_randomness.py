import subprocess
import sys

import numpy as np
import pytest

from metaopt.randomness import derive_seed, make_fold_purpose, make_generator


def test_streams_are_those_of_stored_studies() -> None:
    """A resumed search must repeat the draws of earlier versions."""
    assert make_generator(1, 2, "order", 3).random(2) == pytest.approx([0.4842681512055165, 0.7224259574569722])
    assert derive_seed(1, 2, "x") == 1104083068
    assert make_fold_purpose("order", 2) == "order of fold 2"


def test_equal_arguments_give_equal_draws() -> None:
    first, second = (make_generator(0, 5, "propose", 1).integers(10**9, size=5) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize("other", [(1, 0, "a", 0), (0, 1, "a", 0), (0, 0, "b", 0), (0, 0, "a", 1)])
def test_each_argument_gives_another_stream(other: tuple[int, int, str, int]) -> None:
    assert make_generator(*other).integers(2**62) != make_generator(0, 0, "a", 0).integers(2**62)


def test_streams_of_many_trials_are_independent() -> None:
    draws = np.array([make_generator(0, trial, "order").random(50) for trial in range(200)])
    assert draws.mean() == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef(draws[:, 0], draws[:, 1])[0, 1]) < 0.2


def test_derived_seeds_are_valid_for_keras() -> None:
    seeds = [derive_seed(0, trial, "initialise") for trial in range(300)]
    assert all(type(seed) is int and 0 <= seed < 2**31 for seed in seeds)
    assert len(set(seeds)) == 300


def test_first_fold_has_the_purpose_of_training_without_folds() -> None:
    assert make_fold_purpose("order", 0) == "order"
    assert make_fold_purpose("order", 1) != make_fold_purpose("order", 2)


def test_draws_do_not_depend_on_the_process() -> None:
    code = "from metaopt.randomness import derive_seed; print(derive_seed(3, 4, 'order', 5))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "5"}
    )
    assert int(run.stdout) == derive_seed(3, 4, "order", 5)
