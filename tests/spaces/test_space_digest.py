import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hyperopt import hp
from hyperopt.pyll import scope

from metaopt.spaces import compile_space
from metaopt.spaces.space_digest import describe_constant
from tests.spaces.examples import EXAMPLES


def base() -> dict[str, Any]:
    return {
        "a": hp.uniform("x", 0, 1),
        "b": hp.choice("y", [1, 2, {"c": hp.randint("z", 5)}]),
        "n": scope.int(3 * hp.uniform("w", 1, 2)),
    }


def test_key_order_and_type_of_bounds_do_not_count() -> None:
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
def test_every_change_of_the_points_changes_the_digest(change: dict[str, Any]) -> None:
    assert compile_space(base() | change).digest != compile_space(base()).digest


def test_description_lists_root_choices_and_parameters() -> None:
    assert compile_space(base()).description == (
        'point = {"a": value[x], "b": choice[y], "n": int(mul(3, value[w]))}\n'
        'choice[y] = 1 | 2 | {"c": value[z]}\n'
        "w ~ uniform(1, 2)\n"
        "x ~ uniform(0, 1)\n"
        "y ~ choice(3)\n"
        "z ~ randint(0, 5)\n"
    )


def test_constants_are_described_without_address_or_set_order() -> None:
    class Thing:
        pass

    assert "0x" not in describe_constant(Thing())
    assert describe_constant({"b", "a"}) == '{"a", "b"}'
    assert describe_constant(base) == f"{__name__}.base"
    assert describe_constant(len) == "builtins.len"


@pytest.mark.slow
def test_digest_is_equal_in_every_process() -> None:
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


def test_functions_of_one_name_have_other_digests() -> None:
    def digest(*options: Any) -> str:
        return compile_space({"f": hp.choice("f", list(options))}).digest

    def make(k: int) -> Any:
        return lambda x: x * k

    assert digest(lambda x: x + 1, make(1)) == digest(lambda x: x + 1, make(1))
    assert len({digest(lambda x: x + 1), digest(lambda x: x + 2), digest(make(1)), digest(make(2))}) == 4


def test_earlier_digest_differs_for_unusual_options_only() -> None:
    for name in EXAMPLES:
        space = compile_space(EXAMPLES[name]())
        assert space.earlier_digest == space.digest
    space = compile_space({"f": hp.choice("f", [lambda x: x, len])})
    assert space.earlier_digest != space.digest
