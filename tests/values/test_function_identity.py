"""A function is identified by what it does: by its code and what it captured, in every process."""

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from metaopt.values.function_identity import describe_function, function_digest


def make(k: Any) -> Any:
    log: list[int] = []

    def train(point: Any) -> Any:
        """Train."""
        log.append(1)
        return k, len(log), point

    return train


class Trainer:
    def __init__(self, k: Any) -> None:
        self.k, self.calls = k, 0

    def __call__(self, point: Any) -> Any:
        self.calls += 1
        return self.k, point

    def method(self, point: Any) -> Any:
        return self.k, point


def helped(point: Any) -> Any:
    return helper(point)


def helper(point: Any) -> Any:
    return point


MAKERS = {
    "closure": make,
    "object": Trainer,
    "method": lambda k: Trainer(k).method,
    "partial": lambda k: functools.partial(helped, k),
    "lambda": lambda k: lambda point: (k, point),
    "default": lambda k: eval(f"lambda point, k={k!r}: k"),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(("one", "other"), [(1, 2), (1, "1"), ((1,), (2,)), (None, 0)])
def test_captured_values_count(name: str, one: Any, other: Any) -> None:
    first, again, different = (MAKERS[name](k) for k in (one, one, other))
    assert function_digest(first) == function_digest(again) != function_digest(different)


@pytest.mark.parametrize("kind", [make, lambda k: lambda point: k["a"]])
def test_captured_containers_count_unless_the_function_changes_them(kind: Any) -> None:
    assert function_digest(kind({"a": 1})) != function_digest(kind({"a": 2}))
    train = make({"a": 1})
    before = function_digest(train)
    train(3)
    assert function_digest(train) == before


def test_what_calls_change_in_an_object_does_not_count() -> None:
    trainer = Trainer(1)
    before = function_digest(trainer)
    trainer(3)
    assert function_digest(trainer) == before


def test_functions_of_one_line_differ() -> None:
    pair = [lambda x: x + 1, lambda x: x + 2]
    assert len({describe_function(one) for one in pair}) == 2
    nested = lambda x: lambda y: x + y  # noqa: E731
    assert function_digest(nested) != function_digest(nested(1)) != function_digest(nested(2))


def test_code_without_source_counts() -> None:
    one, again, other = (eval(text) for text in ("lambda x: x + 1", "lambda x: x + 1", "lambda x: x + 2"))
    assert function_digest(one) == function_digest(again) != function_digest(other)


def test_a_helper_of_the_same_file_counts(monkeypatch) -> None:
    before = function_digest(helped)
    monkeypatch.setitem(globals(), "helper", lambda point: point)
    assert function_digest(helped) != before


def digests_of(folder: Path, text: str) -> list[str]:
    """Digests in a new process that runs a script."""
    (folder / "script.py").write_text(text)
    command = [sys.executable, "script.py"]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


SCRIPT = """
from metaopt.values.function_identity import function_digest
def train(point):
    return point["x"] * 2
print(function_digest(train), function_digest(lambda x: {train, x}))
"""


@pytest.mark.slow
def test_processes_agree_and_layout_does_not_count(tmp_path: Path) -> None:
    first = digests_of(tmp_path, SCRIPT)
    assert digests_of(tmp_path, SCRIPT) == first
    laid_out = SCRIPT.replace("    return", '    "Train."\n    # twice\n\n    return').replace('["x"]', "['x']")
    assert digests_of(tmp_path, laid_out) == first
    edited = digests_of(tmp_path, SCRIPT.replace("* 2", "* 3"))
    assert edited[0] != first[0]
    assert edited[1] != first[1]


def test_importable_functions_are_named() -> None:
    assert describe_function(helper) == f"{__name__}.helper"
