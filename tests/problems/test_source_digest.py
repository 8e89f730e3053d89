import pytest

from metaopt.problems.source_digest import network_code

BASE = '''"""A problem."""
from hyperopt import hp

space = {"a": hp.uniform("a", 0, 1)}  # the space


def network(point, input_shape, classes):
    """Builds it."""
    return point["a"] * 2
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # the space", ""),
        ('"""A problem."""', '"""Another text."""'),
        ('    """Builds it."""\n', "    # builds it\n\n"),
        ('hp.uniform("a", 0, 1)', 'hp.uniform("a", low=0, high=1)'),
        ('    return point["a"] * 2', "    return (point['a'] * 2)"),
        ("space = {", "space: dict = {"),
        ("\n\n\n", '\ndefaults = {"b": 1}\n\n\n'),
    ],
)
def test_what_does_not_count(old: str, new: str) -> None:
    assert old in BASE
    assert network_code(BASE.replace(old, new)) == network_code(BASE)


@pytest.mark.parametrize(
    ("old", "new"), [("* 2", "* 3"), ("network(", "build_model("), ("from hyperopt", "import os\nfrom hyperopt")]
)
def test_what_counts(old: str, new: str) -> None:
    assert network_code(BASE.replace(old, new)) != network_code(BASE)


def test_several_files_in_one_text() -> None:
    assert network_code(BASE + '\n"""Second file."""\nfrom __future__ import annotations\nX = 1\n').endswith("X = 1")


def test_a_function_of_nothing_but_a_docstring_stays_a_function() -> None:
    assert network_code('def f():\n    """Nothing."""\n') == "def f():\n    pass"


def test_what_cannot_be_parsed_is_taken_as_it_is() -> None:
    assert network_code("lambda x: x),\n") == "lambda x: x),\n"
