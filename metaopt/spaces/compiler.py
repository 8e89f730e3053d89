"""Compiler from a hyperopt expression, a pyll graph, to parameters and an expression tree.

No other module reads pyll, except the samplers that call hyperopt's own algorithms.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from hyperopt.pyll import as_apply, dfs, scope
from hyperopt.pyll.base import Apply, Literal
from hyperopt.pyll.stochastic import implicit_stochastic_symbols

from metaopt.errors import UserError
from metaopt.spaces import nodes
from metaopt.spaces.conditions import find_conditions
from metaopt.spaces.distributions import CONTINUOUS, Distribution
from metaopt.spaces.nodes import Node
from metaopt.spaces.space import Parameter, Space


def compile_space(space: Any) -> Space:
    """Compile a search space.

    Args:
        space: a hyperopt expression: a dict, list, tuple or ``hp.*``, nested at any depth. Nodes may be shared, and
            combined by arithmetic and ``hyperopt.pyll.scope``. A ``Space`` is returned unchanged.

    Returns:
        The compiled space. A space without any ``hp.*`` has a single point.

    Raises:
        UserError: the expression is not a space, two parameters have the same label, the arguments of a distribution
            are invalid or depend on another parameter, or a random node has no label.
    """
    if isinstance(space, Space):
        return space
    if not isinstance(space, Apply | Mapping | list | tuple):
        raise UserError(
            f"Invalid value for space: {space!r}. Expected a dict, a list or a hyperopt expression such as"
            " hp.choice(label, options)."
        )
    try:
        graph = as_apply(space)
    except TypeError as error:  # pyll sorts the keys of a dict
        raise UserError(f"The space has a dict whose keys cannot be sorted ({error}). Use strings as keys.") from None
    return _Compiler(graph).compile()


class _Compiler:
    """One pass over one pyll graph. As in pyll, nodes are compared by identity."""

    def __init__(self, graph: Apply) -> None:
        self.graph = graph
        self.integers = _find_integer_nodes(graph)
        self.compiled: dict[Apply, Node] = {}
        self.parameter_nodes: dict[str, Apply] = {}  # label → its hyperopt_param
        self.distributions: dict[str, Distribution] = {}

    def compile(self) -> Space:
        root = self.compile_node(self.graph)
        for label, distribution in self.distributions.items():
            distribution.check(label)
        conditions = find_conditions(root)
        return Space(
            tuple(Parameter(label, self.distributions[label], conditions[label]) for label in conditions), root
        )

    def compile_node(self, apply: Apply) -> Node:
        """Return the tree of a pyll node, the same object for the same node."""
        if apply not in self.compiled:
            self.compiled[apply] = self.translate(apply)
        return self.compiled[apply]

    def translate(self, apply: Apply) -> Node:
        if isinstance(apply, Literal):
            return nodes.Constant(apply.obj.item() if isinstance(apply.obj, np.generic) else apply.obj)
        if apply.name == "hyperopt_param":
            return nodes.Value(self.add_parameter(apply))
        if apply.name == "switch":
            return self.translate_switch(apply)
        if apply.name == "pos_args":
            return nodes.Sequence(tuple(self.compile_node(item) for item in apply.pos_args))
        if apply.name == "dict" and (items := _get_items(apply)) is not None:
            return nodes.Dict(tuple((key, self.compile_node(value)) for key, value in items))
        if apply.name in implicit_stochastic_symbols:
            raise UserError(
                f"The space draws scope.{apply.name}(…) without a label. Use hp.{apply.name}(label, …) instead."
            )
        return self.translate_operation(apply)

    def translate_operation(self, apply: Apply) -> Node:
        args = tuple(self.compile_node(arg) for arg in apply.pos_args)
        if apply.name in ("float", "int") and len(args) == 1 and isinstance(args[0], nodes.Value):
            # hp.* wraps its draws in float() or int(); our values already have this type.
            is_integer = self.distributions[args[0].label].is_integer
            if is_integer == (apply.name == "int") or apply.pos_args[0] in self.integers:
                return args[0]
        named = tuple((name, self.compile_node(arg)) for name, arg in apply.named_args)
        return nodes.Operation(apply.name, scope._impls[apply.name], args, named)

    def translate_switch(self, apply: Apply) -> Node:
        """Translate a switch whose index is a parameter: ``hp.choice``, ``hp.pchoice``, or one on ``hp.randint``."""
        index, options = apply.pos_args[0], apply.pos_args[1:]
        if index.name == "int":
            index = index.pos_args[0]
        if index.name != "hyperopt_param":
            raise UserError(
                "The space has a scope.switch with a computed index. Use hp.choice(label, options) instead."
            )
        label = self.add_parameter(index, n_options=len(options))
        low, high = self.distributions[label].bounds
        if not (self.distributions[label].is_integer and low >= 0 and high < len(options)):
            raise UserError(
                f"Hyperparameter {label!r} selects one of {len(options)} options, but has values from {low} to {high}."
                f" Expected integers from 0 to {len(options) - 1}."
            )
        return nodes.Choice(label, tuple(self.compile_node(option) for option in options))

    def add_parameter(self, apply: Apply, n_options: int | None = None) -> str:
        """Register the parameter of a hyperopt_param and return its label.

        Args:
            apply: the hyperopt_param.
            n_options: number of options of the switch whose index it is; None if it is no index.
        """
        name, drawn = (apply.pos_args[0].obj, apply.pos_args[1])
        if not isinstance(name, str):
            raise UserError(f"Invalid label of a hyperparameter: {name!r}. Expected a string.")
        if self.parameter_nodes.setdefault(name, apply) is not apply:
            raise UserError(
                f"Two hyperparameters have the label {name!r}. Rename one of them, or create it once and use it twice."
            )
        if name not in self.distributions:
            self.distributions[name] = _translate_distribution(name, drawn, apply in self.integers, n_options)
        return name


def _translate_distribution(label: str, drawn: Apply, is_integer: bool, n_options: int | None) -> Distribution:
    """Return the distribution of a pyll node."""
    if drawn.name == "categorical":
        return Distribution("pchoice", tuple(_get_number(label, p) for p in drawn.pos_args[0].pos_args))
    given = dict(drawn.named_args)
    if drawn.name == "randint":
        given |= dict(zip(("low", "high"), drawn.pos_args, strict=False))
        args = tuple(_get_number(label, given[name]) for name in ("low", "high") if name in given)
        if len(args) == 1:
            return Distribution("choice", args) if args[0] == n_options else Distribution("randint", (0, *args))
        return Distribution("randint", args)
    if drawn.name not in CONTINUOUS:
        raise UserError(
            f"Hyperparameter {label!r} has the unknown distribution {drawn.name!r}. Use one of hyperopt's hp.*."
        )
    names = CONTINUOUS[drawn.name]
    given |= dict(zip(names, drawn.pos_args, strict=False))
    missing = [name for name in names if name not in given]
    if missing:
        raise UserError(f"Hyperparameter {label!r} lacks the argument {missing[0]!r} of hp.{drawn.name}.")
    args = tuple(_get_number(label, given[name]) for name in names)
    return Distribution("uniformint", args[:2]) if is_integer else Distribution(drawn.name, args)


def _get_number(label: str, argument: Apply) -> float:
    """Return an argument of a distribution as a plain int or float."""
    value = argument.obj if isinstance(argument, Literal) else None
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, int | float):
        problem = "depends on another hyperparameter" if value is None else f"is {value!r}"
        raise UserError(f"An argument of hyperparameter {label!r} {problem}. Expected a number.")
    return value


def _get_items(apply: Apply) -> list[tuple[Any, Apply]] | None:
    """Return keys and values of a dict node, or None for other calls of ``scope.dict``."""
    if not apply.pos_args:
        return [(key, value) for key, value in apply.named_args]
    pairs = apply.pos_args[0].pos_args if len(apply.pos_args) == 1 and not apply.named_args else []
    if pairs and all(len(pair.pos_args) == 2 and isinstance(pair.pos_args[0], Literal) for pair in pairs):
        return [(pair.pos_args[0].obj, pair.pos_args[1]) for pair in pairs]
    return None


def _find_integer_nodes(graph: Apply) -> set[Apply]:
    """Find ``hp.uniformint``, and ``hp.quniform`` with q = 1 that only ``scope.int`` uses.

    In pyll, uniformint is int(float(hyperopt_param(quniform, q=1))).

    Returns:
        For each such parameter, its hyperopt_param and the float() around it.
    """
    users: dict[Apply, list[Apply]] = {}
    for node in dfs(graph):
        for used in node.inputs():
            users.setdefault(used, []).append(node)
    found: set[Apply] = set()
    for node in users:
        if node.name != "hyperopt_param" or node.pos_args[1].name != "quniform":
            continue
        quniform = node.pos_args[1]
        steps = [*quniform.pos_args[2:3], *(arg for name, arg in quniform.named_args if name == "q")]
        casts = users[node]
        if [getattr(step, "obj", None) for step in steps] == [1] and all(
            cast.name == "float" and {user.name for user in users.get(cast, [])} == {"int"} for cast in casts
        ):
            found.update([node, *casts])
    return found
