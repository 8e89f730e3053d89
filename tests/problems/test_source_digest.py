import sys
from pathlib import Path

import pytest

from metaopt.problems.loading import load_earlier_references, load_problem
from metaopt.problems.source_digest import code_digest, is_same_program, network_code

ROOT = Path(__file__).parents[2]

BASE = '''"""A problem."""
from hyperopt import hp

space = {"a": hp.uniform("a", 0, 1)}  # the space


def network(point, input_shape, classes):
    """Build it."""
    return point["a"] * 2
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # the space", ""),
        ('"""A problem."""', '"""Another text."""'),
        ('    """Build it."""\n', "    # build it\n\n"),
        ('hp.uniform("a", 0, 1)', 'hp.uniform("a", low=0, high=1)'),
        ('    return point["a"] * 2', "    return (point['a'] * 2)"),
        ("space = {", "space: dict = {"),
        ("\n\n\n", '\ndefaults = {"b": 1}\n\n\n'),
    ],
)
def test_changes_that_do_not_change_the_code(old: str, new: str) -> None:
    assert old in BASE
    assert network_code(BASE.replace(old, new)) == network_code(BASE)


@pytest.mark.parametrize(
    ("old", "new"), [("* 2", "* 3"), ("network(", "build_model("), ("from hyperopt", "import os\nfrom hyperopt")]
)
def test_changes_that_change_the_code(old: str, new: str) -> None:
    assert network_code(BASE.replace(old, new)) != network_code(BASE)


def test_several_files_in_one_text_are_parsed() -> None:
    assert network_code(BASE + '\n"""Second file."""\nfrom __future__ import annotations\nX = 1\n').endswith("X = 1")


def test_function_with_only_a_docstring_stays_valid() -> None:
    assert network_code('def f():\n    """Nothing."""\n') == "def f():\n    pass"


def test_text_that_cannot_be_parsed_is_unchanged() -> None:
    assert network_code("lambda x: x),\n") == "lambda x: x),\n"


@pytest.mark.parametrize("module", ["problem", "training_config"])
def test_moved_modules_have_the_code_of_their_earlier_path(module: str) -> None:
    earlier = "from metaopt.study.problem import Training\n"
    assert network_code(earlier.replace("study.problem", f"problems.{module}")) == network_code(earlier)
    assert network_code(earlier.replace("study.problem", "problems.loading")) != network_code(earlier)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="ast.unparse depends on the Python version")
@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("cnn", "bba223de6370a23e87d73698f62cbde000eb599f2965172660b396dfa57b4441"),
        ("conv_stack", "9430a3b3d8ec2d5f66567850a3f0718de1e8ee2a0c00f91465dc600f517b1f3d"),
        ("flower_cnn", "1f9421fdd770aa51ab951ebfca8b4432b460c02e4c2c6ea3229e890343547da5"),
        ("photo_cnn", "18d4c03daef6959efd4b2b4e25e000245b3c9bcf8227afaf45a0162315e6cf21"),
        ("wide_resnet", "b0fc77549fee96289ab2b29bf3e9225e4e55a615541e47953454f664db12f375"),
    ],
)
def test_code_of_ready_problems_is_that_of_stored_studies(name: str, digest: str) -> None:
    """Studies of earlier versions hold these digests. With other code they cannot be resumed."""
    problem = next(load_earlier_references()) if name == "cnn" else load_problem(name, ROOT)
    assert code_digest(problem.code) == digest


def test_only_comments_and_layout_may_differ_in_one_program() -> None:
    assert is_same_program(BASE, BASE.replace("  # the space", "").replace("* 2", "*  2"))
    assert not is_same_program(BASE, BASE.replace("* 2", "* 3"))
    assert not is_same_program(BASE, BASE.replace('hp.uniform("a", 0, 1)', "print()"))  # code, though of the space
    assert not is_same_program("(", ")")
