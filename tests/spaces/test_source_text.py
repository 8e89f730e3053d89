"""Python source of spaces."""

import random
from math import log

import pytest
from hyperopt import hp
from hyperopt.pyll import as_apply, scope

from metaopt.errors import UserError
from metaopt.problems.loading import list_ready_problems, load_problem
from metaopt.spaces import compile_space
from metaopt.spaces.source_text import write_space
from tests.spaces import examples
from tests.spaces.random_spaces import SpaceBuilder

EXAMPLES = ("every_distribution", "nested", "shared", "operations")


def run(source, **names):
    """Return the space of a source, compiled."""
    exec("\n".join([*source.imports, *source.statements]), names)
    return compile_space(names["space"])


@pytest.mark.parametrize("name", EXAMPLES)
def test_source_compiles_to_the_same_space(name) -> None:
    space = compile_space(getattr(examples, name)())
    assert run(write_space(space)).description == space.description


@pytest.mark.parametrize("name", list_ready_problems())
def test_source_of_ready_spaces_compiles_to_the_same_space(name) -> None:
    space = compile_space(load_problem(name).space)
    source = write_space(space)
    assert run(source).description == space.description
    assert max(map(len, source.statements)) <= 120


def test_source_of_random_spaces_compiles_to_the_same_space() -> None:
    for seed in range(150):
        space = compile_space(SpaceBuilder(random.Random(seed)).space())
        assert run(write_space(space)).description == space.description, seed


def test_shared_nodes_stay_shared() -> None:
    block = as_apply({"kernel": hp.uniformint("block_0_kernel", 2, 5), "units": hp.uniform("block_0_units", 0, 1)})
    source = write_space(compile_space(hp.choice("n", [[block], [block, 1]])))
    assert source.statements[0].startswith("block_0 = as_apply(")
    assert run(source).labels == ("n", "block_0_kernel", "block_0_units")


def test_a_shared_index_is_a_variable() -> None:
    index = hp.randint("index", 2)
    space = compile_space({"a": scope.switch(index, "x", "y"), "b": scope.switch(index, 1, 2), "raw": index})
    assert run(write_space(space)).description == space.description


def test_bounds_are_written_as_logarithms() -> None:
    source = write_space(compile_space({"rate": hp.loguniform("rate", log(1e-4), log(0.3))}))
    assert source.statements == ['space = {"rate": hp.loguniform("rate", log(0.0001), log(0.3))}']


def test_comments_stand_above_their_parameters() -> None:
    space = compile_space({"a": 10 ** hp.uniform("x", 0, 1), "b": hp.choice("kind", ["p", hp.uniform("y", 0, 1)])})
    text = "\n".join(write_space(space, {"x": ["about x"], "kind": ["word " * 40]}).statements)
    before, after = text.split("# about x")
    assert "hp.uniform" not in before
    assert after.lstrip().startswith('hp.uniform("x"')
    assert all(len(line) <= 120 for line in text.splitlines())
    assert run(write_space(space, {"x": ["about x"], "kind": ["word " * 40]})).description == space.description


def test_functions_are_written_by_name() -> None:
    source = write_space(compile_space(hp.choice("f", [len, None])), name_of=lambda value: value.__name__)
    assert source.names == ["len"]
    assert run(source).point({"f": 0}) is len


def test_a_value_without_literal_or_name_is_an_error() -> None:
    with pytest.raises(UserError, match="cannot be written as Python"):
        write_space(compile_space(hp.choice("f", [len, None])))
