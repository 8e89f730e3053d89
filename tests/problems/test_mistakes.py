"""Mistakes in users' files: their own lines, a hint, and nothing of metaopt."""

import re
from pathlib import Path

import pytest

import metaopt
from metaopt.blueprint import Blueprint, Dense, Input
from metaopt.problems.mistakes import Mistake, find_mistake, locate, mistakes_explained
from metaopt.problems.user_files import run_file

FILE = """
from metaopt.blueprint import Dense, Input
from helper_of_mistakes import widen

def network(point):
    return block(point)

def block(point):
    WIDTHS = {"narrow": 3}
    return %s
"""
HELPER = "def widen(settings):\n    return settings['widht']\n"


def raised(tmp_path: Path, expression: str, point: object) -> Exception:
    """The exception of a user's network."""
    (tmp_path / "helper_of_mistakes.py").write_text(HELPER)
    (tmp_path / "mine.py").write_text(FILE % expression)
    network = run_file(tmp_path / "mine.py")["network"]
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any kind
        network(point)
    return caught.value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ('point["unit"]', "KeyError: no key 'unit'; did you mean 'units'?"),
        ('point["blok"]["kernel"]', "KeyError: no key 'blok'; did you mean 'block'?"),
        ('WIDTHS["narow"]', "KeyError: no key 'narow'; did you mean 'narrow'?"),
        ("poin", "NameError: name 'poin' is not defined; did you mean 'point'?"),
        ("Dens(3)", "NameError: name 'Dens' is not defined; did you mean 'Dense'?"),
        ("point.item()", "AttributeError: 'dict' object has no attribute 'item'; did you mean 'items'?"),
        ("__import__('numpyy')", "ModuleNotFoundError: No module named 'numpyy'; did you mean 'numpy'?"),
        ("Dense(3, unit=2)", "TypeError: Dense.__init__() got an unexpected keyword argument 'unit'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_the_message_has_the_line_and_a_hint(tmp_path: Path, monkeypatch, expression: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    error = raised(tmp_path, expression, {"units": 3, "block": {"kernel": 5}})
    assert str(find_mistake(error)) == (
        f"mine.py, line 10: {message}\n  mine.py, line 6, in network\n    return block(point)\n"
        f"  mine.py, line 10, in block\n    return {expression}"
    )
    assert locate(error) == "mine.py, line 10"


def test_lines_of_helper_modules_are_the_users(tmp_path: Path) -> None:
    error = raised(tmp_path, "widen(point)", {"width": 3})
    text = str(find_mistake(error))
    assert f"{tmp_path / 'helper_of_mistakes.py'}, line 2: KeyError: no key 'widht'; did you mean 'width'?" in text
    assert "return widen(point)" in text


def test_a_long_recursion_is_cut(tmp_path: Path) -> None:
    text = str(find_mistake(raised(tmp_path, "block(point)", {})))
    assert "RecursionError" in text
    assert re.search(r"… \d{2,4} lines before", text)
    assert len(text.splitlines()) < 15


def test_a_bug_of_metaopt_is_no_mistake(tmp_path: Path, monkeypatch) -> None:
    # Compiled under a name in the package, where a bug of it would be.
    code = compile("def broken(self, *_, **__):\n    raise ZeroDivisionError\n", metaopt.__file__, "exec")
    names: dict = {}
    exec(code, names)
    monkeypatch.setattr(Dense, "__init__", names["broken"])
    error = raised(tmp_path, "Dense(3)", {})
    assert isinstance(error, ZeroDivisionError)
    assert find_mistake(error) is None


def test_values_that_a_layer_refuses_are_the_users(tmp_path: Path) -> None:
    error = raised(tmp_path, "Dense()", {})
    assert "TypeError: Dense.__init__() missing 1 required" in str(find_mistake(error))


def test_exceptions_of_other_code_are_no_mistakes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="of a test") as caught:
        raise ValueError("of a test")
    assert find_mistake(caught.value) is None
    assert locate(caught.value) is None
    with pytest.raises(ValueError, match="of a test"), mistakes_explained():
        raise ValueError("of a test")


def test_a_file_that_cannot_be_run_shows_its_line(tmp_path: Path) -> None:
    for text, message in (
        ("a = 1\nb = [\n", r"mine\.py, line 2: SyntaxError: '\[' was never closed\n    b = \["),
        ("import json\n\nX = json.loads('{')\n", r"mine\.py, line 3: JSONDecodeError: .*\n.*\n    X = json\.loads"),
        ("from metaopt.blueprint import Conv2\n", r"line 1: ImportError: .*; did you mean 'Conv2D'\?"),
        ("import nothing_like_this\n", r"line 1: ModuleNotFoundError: .*: is it installed in "),
    ):
        (tmp_path / "mine.py").write_text(text)
        with pytest.raises(Mistake, match=message) as caught:
            run_file(tmp_path / "mine.py")
        assert caught.value.__cause__ is not None
        assert "metaopt/problems" not in str(caught.value)


def test_search_from_python_chains_the_exception(tmp_path: Path) -> None:
    def network(point, input_shape, classes):
        inputs = Input(input_shape)
        return Blueprint(inputs, Dense(point["unit"])(inputs))

    from hyperopt import hp

    with pytest.raises(Mistake, match=r"line \d+: KeyError: no key 'unit'; did you mean 'units'\?") as caught:
        metaopt.search(
            lambda point: 0.0,
            {"units": hp.uniformint("units", 1, 5)},
            network=network,
            input_shape=(4,),
            classes={"label": 2},
            results=tmp_path / "results",
            progress=False,
        )
    assert isinstance(caught.value.__cause__, KeyError)
    assert not (tmp_path / "results").exists()
