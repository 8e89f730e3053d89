"""A hyperopt expression, read once: pyll's graph in, parameters and an expression tree out.

Nothing else of metaopt reads pyll, but for the samplers that call hyperopt's own algorithms.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from hyperopt.pyll import as_apply, dfs, scope
from hyperopt.pyll.base import Apply, Literal
from hyperopt.pyll.stochastic import implicit_stochastic_symbols

from metaopt.errors import UserError
from metaopt.spaces import nodes
from metaopt.spaces.conditions import conditions_of
from metaopt.spaces.distributions import CONTINUOUS, Distribution
from metaopt.spaces.nodes import Node
from metaopt.spaces.space import Parameter, Space


def compile_space(space: Any) -> Space:
    """Compiles a search space.

    Args:
        space: a hyperopt expression: a dict, list, tuple or ``hp.*``, nested at any depth, in which nodes may be shared
            and combined by arithmetic and ``hyperopt.pyll.scope``; or a ``Space``, which is returned.

    Returns:
        The compiled space. One without any ``hp.*`` is a space of a single point.

    Raises:
        UserError: it is no space; two parameters have the same label; a distribution has arguments from which nothing
            can be drawn, or that depend on another parameter; something is drawn at random without a label.
    """
    if isinstance(space, Space):
        return space
    if not isinstance(space, Apply | Mapping | list | tuple):
        raise UserError(
            f"the space is {space!r}; write a dict, a list or a hyperopt expression such as hp.choice(label, options)"
        )
    try:
        graph = as_apply(space)
    except TypeError as error:  # pyll sorts the keys of a dict
        raise UserError(f"the space has a dict whose keys cannot be sorted ({error}); use strings") from None
    return _Compiler(graph).compile()


class _Compiler:
    """One walk over one pyll graph; its nodes are told apart by identity, as pyll does."""

    def __init__(self, graph: Apply) -> None:
        self.graph = graph
        self.whole = _whole_numbers(graph)
        self.compiled: dict[Apply, Node] = {}
        self.sources: dict[str, Apply] = {}  # label → its hyperopt_param
        self.distributions: dict[str, Distribution] = {}

    def compile(self) -> Space:
        root = self.node(self.graph)
        for label, distribution in self.distributions.items():
            distribution.check(label)
        conditions = conditions_of(root)
        return Space(
            tuple(Parameter(label, self.distributions[label], conditions[label]) for label in conditions), root
        )

    def node(self, apply: Apply) -> Node:
        """The tree of a pyll node: the same object for the same node."""
        if apply not in self.compiled:
            self.compiled[apply] = self.translate(apply)
        return self.compiled[apply]

    def translate(self, apply: Apply) -> Node:
        if isinstance(apply, Literal):
            return nodes.Constant(apply.obj.item() if isinstance(apply.obj, np.generic) else apply.obj)
        if apply.name == "hyperopt_param":
            return nodes.Value(self.parameter(apply))
        if apply.name == "switch":
            return self.choice(apply)
        if apply.name == "pos_args":
            return nodes.Sequence(tuple(self.node(item) for item in apply.pos_args))
        if apply.name == "dict" and (items := _items(apply)) is not None:
            return nodes.Record(tuple((key, self.node(value)) for key, value in items))
        if apply.name in implicit_stochastic_symbols:
            raise UserError(
                f"the space draws scope.{apply.name}(…) without a label; write hp.{apply.name}(label, …) instead"
            )
        return self.operation(apply)

    def operation(self, apply: Apply) -> Node:
        args = tuple(self.node(arg) for arg in apply.pos_args)
        if apply.name in ("float", "int") and len(args) == 1 and isinstance(args[0], nodes.Value):
            # hp.* wraps what it draws in float() or int(), which our values are already.
            integer = self.distributions[args[0].label].is_integer
            if integer == (apply.name == "int") or apply.pos_args[0] in self.whole:
                return args[0]
        named = tuple((name, self.node(arg)) for name, arg in apply.named_args)
        return nodes.Operation(apply.name, scope._impls[apply.name], args, named)

    def choice(self, apply: Apply) -> Node:
        """A switch whose index is a parameter: ``hp.choice``, ``hp.pchoice``, or a switch on ``hp.randint``."""
        index, options = apply.pos_args[0], apply.pos_args[1:]
        if index.name == "int":
            index = index.pos_args[0]
        if index.name != "hyperopt_param":
            raise UserError("the space has a scope.switch whose index is computed; use hp.choice(label, options)")
        label = self.parameter(index, options=len(options))
        low, high = self.distributions[label].bounds
        if not (self.distributions[label].is_integer and low >= 0 and high < len(options)):
            raise UserError(
                f"hyperparameter {label!r} picks one of {len(options)} options, but is not always one of their indices"
            )
        return nodes.Choice(label, tuple(self.node(option) for option in options))

    def parameter(self, apply: Apply, options: int | None = None) -> str:
        """Notes a hyperopt_param; ``options`` where it picks one of them directly.

        Returns:
            Its label.
        """
        name, drawn = (apply.pos_args[0].obj, apply.pos_args[1])
        if not isinstance(name, str):
            raise UserError(f"the label {name!r} of a hyperparameter must be a string")
        if self.sources.setdefault(name, apply) is not apply:
            raise UserError(
                f"two hyperparameters have the label {name!r}; rename one, or make it once and use it at both places"
            )
        if name not in self.distributions:
            self.distributions[name] = _distribution(name, drawn, apply in self.whole, options)
        return name


def _distribution(label: str, drawn: Apply, whole: bool, options: int | None) -> Distribution:
    """The distribution that a pyll node draws from."""
    if drawn.name == "categorical":
        return Distribution("pchoice", tuple(_number(label, p) for p in drawn.pos_args[0].pos_args))
    given = dict(drawn.named_args)
    if drawn.name == "randint":
        given |= dict(zip(("low", "high"), drawn.pos_args, strict=False))
        args = tuple(_number(label, given[name]) for name in ("low", "high") if name in given)
        if len(args) == 1:
            return Distribution("choice", args) if args[0] == options else Distribution("randint", (0, *args))
        return Distribution("randint", args)
    if drawn.name not in CONTINUOUS:
        raise UserError(f"hyperparameter {label!r} is drawn from {drawn.name!r}, which is no distribution of hp")
    names = CONTINUOUS[drawn.name]
    given |= dict(zip(names, drawn.pos_args, strict=False))
    missing = [name for name in names if name not in given]
    if missing:
        raise UserError(f"hyperparameter {label!r} lacks the argument {missing[0]!r} of hp.{drawn.name}")
    args = tuple(_number(label, given[name]) for name in names)
    return Distribution("uniformint", args[:2]) if whole else Distribution(drawn.name, args)


def _number(label: str, argument: Apply) -> float:
    """A distribution's argument as a plain int or float."""
    value = argument.obj if isinstance(argument, Literal) else None
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, int | float):
        what = "depends on another hyperparameter" if value is None else f"is {value!r}"
        raise UserError(f"an argument of hyperparameter {label!r} {what}; only numbers can stand there")
    return value


def _items(apply: Apply) -> list[tuple[Any, Apply]] | None:
    """Keys and values of a dict node, or None for a call of ``scope.dict`` in another form."""
    if not apply.pos_args:
        return [(key, value) for key, value in apply.named_args]
    pairs = apply.pos_args[0].pos_args if len(apply.pos_args) == 1 and not apply.named_args else []
    if pairs and all(len(pair.pos_args) == 2 and isinstance(pair.pos_args[0], Literal) for pair in pairs):
        return [(pair.pos_args[0].obj, pair.pos_args[1]) for pair in pairs]
    return None


def _whole_numbers(graph: Apply) -> set[Apply]:
    """The nodes of ``hp.uniformint``, and of ``hp.quniform`` with q = 1 that is used by ``scope.int`` alone.

    pyll knows no uniformint: it is int(float(hyperopt_param(quniform, q=1))).

    Returns:
        Of each such parameter its hyperopt_param and the float() around it.
    """
    users: dict[Apply, list[Apply]] = {}
    for node in dfs(graph):
        for used in node.inputs():
            users.setdefault(used, []).append(node)
    whole: set[Apply] = set()
    for node in users:
        if node.name != "hyperopt_param" or node.pos_args[1].name != "quniform":
            continue
        quniform = node.pos_args[1]
        steps = [*quniform.pos_args[2:3], *(arg for name, arg in quniform.named_args if name == "q")]
        casts = users[node]
        if [getattr(step, "obj", None) for step in steps] == [1] and all(
            cast.name == "float" and {user.name for user in users.get(cast, [])} == {"int"} for cast in casts
        ):
            whole.update([node, *casts])
    return whole
