import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hyperopt import hp
from hyperopt.pyll import scope

from metaopt.spaces import compile_space
from metaopt.spaces.canonical import describe
from tests.spaces.examples import EXAMPLES


def base() -> dict[str, Any]:
    return {
        "a": hp.uniform("x", 0, 1),
        "b": hp.choice("y", [1, 2, {"c": hp.randint("z", 5)}]),
        "n": scope.int(3 * hp.uniform("w", 1, 2)),
    }


def test_the_order_of_keys_and_the_type_of_bounds_do_not_count() -> None:
    turned = dict(reversed(list((base() | {"a": hp.uniform("x", 0.0, high=1.0)}).items())))
    assert compile_space(turned) == compile_space(base())
    assert compile_space(turned).digest == compile_space(base()).digest


@pytest.mark.parametrize(
    "change",
    [
        {"a": hp.uniform("other", 0, 1)},
        {"a": hp.uniform("x", 0, 2)},
        {"a": hp.loguniform("x", 0, 1)},
        {"b": hp.choice("y", [1, 2])},
        {"b": hp.choice("y", [2, 1, {"c": hp.randint("z", 5)}])},
        {"b": hp.choice("y", [True, 2, {"c": hp.randint("z", 5)}])},
        {"b": hp.choice("y", [1, 2, {"d": hp.randint("z", 5)}])},
        {"n": scope.int(4 * hp.uniform("w", 1, 2))},
        {"n": 3 * hp.uniform("w", 1, 2)},
        {"extra": None},
    ],
)
def test_whatever_changes_the_points_changes_the_digest(change: dict[str, Any]) -> None:
    assert compile_space(base() | change).digest != compile_space(base()).digest


def test_the_text() -> None:
    assert compile_space(base()).canonical == (
        'point = {"a": value[x], "b": choice[y], "n": int(mul(3, value[w]))}\n'
        'choice[y] = 1 | 2 | {"c": value[z]}\n'
        "w ~ uniform(1, 2)\n"
        "x ~ uniform(0, 1)\n"
        "y ~ choice(3)\n"
        "z ~ randint(0, 5)\n"
    )


def test_constants_have_no_address_and_no_order_of_a_set() -> None:
    class Thing:
        pass

    assert "0x" not in describe(Thing())
    assert describe({"b", "a"}) == '{"a", "b"}'
    assert describe(base) == f"{__name__}.base"
    assert describe(len) == "builtins.len"


def test_every_process_finds_the_same_digest() -> None:
    code = (
        "from tests.spaces.examples import EXAMPLES\n"
        "from metaopt.spaces import compile_space\n"
        "for name in EXAMPLES: print(name, compile_space(EXAMPLES[name]()).digest)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = {name: compile_space(EXAMPLES[name]()).digest for name in EXAMPLES}
    assert dict(line.split() for line in done.stdout.splitlines()) == here
