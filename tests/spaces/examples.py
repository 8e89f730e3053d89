"""Example spaces that cover all distributions, nesting, shared nodes and operations."""

from collections.abc import Callable
from typing import Any

from hyperopt import hp
from hyperopt.pyll import scope


def every_distribution() -> Any:
    return {
        "choice": hp.choice("choice", ["a", "b", None]),
        "pchoice": hp.pchoice("pchoice", [(0.2, "x"), (0.5, "y"), (0.3, "z")]),
        "uniform": hp.uniform("uniform", -1, 3),
        "quniform": hp.quniform("quniform", -7, 12, 2.5),
        "loguniform": hp.loguniform("loguniform", -3, 1),
        "qloguniform": hp.qloguniform("qloguniform", -1, 4, 3),
        "normal": hp.normal("normal", 2, 3),
        "qnormal": hp.qnormal("qnormal", 2, 3, 0.5),
        "lognormal": hp.lognormal("lognormal", 0.5, 1),
        "qlognormal": hp.qlognormal("qlognormal", 1, 1, 2),
        "randint": hp.randint("randint", 6),
        "randint from": hp.randint("randint_from", 5, 9),
        "uniformint": hp.uniformint("uniformint", 1, 9),
    }


def nested() -> Any:
    return hp.choice(
        "model",
        [
            {"kind": "none"},
            {
                "kind": "dense",
                "layers": hp.choice(
                    "layers",
                    [
                        [hp.uniformint("one", 4, 9)],
                        [hp.uniformint("two_a", 4, 9), hp.choice("two_b", [None, hp.loguniform("two_c", 0, 1)])],
                    ],
                ),
            },
            (1, "fixed", hp.normal("free", 0, 1)),
        ],
    )


def shared() -> Any:
    width = hp.quniform("width", 8, 64, 8)
    inner = hp.choice("inner", [width, {"width": width, "depth": hp.randint("depth", 1, 4)}])
    return {
        "first": hp.choice("first", [inner, width, "nothing"]),
        "second": hp.choice("second", [{"again": inner}, None, width]),
        "third": hp.choice("third", [hp.uniform("left", 0, 1), hp.uniform("right", 0.5, 2)]),
    }


def operations() -> Any:
    factor = hp.loguniform("factor", -0.6, 0.6)
    return {
        "units": scope.int(40 * factor),
        "rounded": scope.int(hp.quniform("rounded", 1, 5, 1)),
        "shifted": 3 + scope.int(hp.uniform("shifted", 2.5, 6)) * 2,
        "power": scope.pow(2, hp.uniformint("exponent", 3, 8)),
        "root": scope.sqrt(hp.uniform("square", 1, 4)),
        "negative": -hp.uniform("positive", 0, 1) / 4,
        "constant": scope.exp(1.0),
    }


def numbered_keys() -> Any:
    return {1: hp.uniform("one", 0, 1), 2: hp.choice("two", [True, False]), 3: {4: hp.uniform("four", 0, 1)}}


def blocks() -> Any:
    """A stack of one to six blocks, in which all depths share the first blocks."""
    each = [
        {"filters": hp.qloguniform(f"filters{i}", 1, 4, 1), "pool": hp.choice(f"pool{i}", [None, 2, 3])}
        for i in range(6)
    ]
    return {"blocks": hp.choice("depth", [each[: n + 1] for n in range(6)]), "lr": hp.loguniform("lr", -9, -2)}


def constant() -> Any:
    return {"a": 1, "b": [2, None]}


EXAMPLES: dict[str, Callable[[], Any]] = {
    one.__name__: one for one in (every_distribution, nested, shared, operations, numbered_keys, blocks, constant)
}
