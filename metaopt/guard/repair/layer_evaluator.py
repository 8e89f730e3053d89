"""Evaluation of single layers: output shapes and costs as functions of labels, without building the network.

A step is one layer call of a traced network. Its effect on height and width depends on its geometry alone (kernel,
strides, padding: all arguments but its width). At given sizes its cost is α·c_in·c_out + β·c_out + γ·c_in + δ. Both are
memoised for all steps with the same signature.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import itemgetter
from typing import Any

from metaopt.blueprint import InvalidArchitecture, Layer, Node, Shape
from metaopt.guard.repair.tracing import Sources, Trace, Traced, expression_of, labels_of
from metaopt.guard.repair.value_grid import ValueGrid

# From the values of labels to a layer argument, or to a tuple of them.
Compute = Callable[[Mapping[str, float]], Any]
# Height and width of an image; () of a tensor without them.
Size = tuple[int, ...]
# Size of an output, and output channels per input channel if the layer has no width of its own.
Output = tuple[Size, float]
# α, β, γ, δ of the parameters, and of the multiply-accumulates.
Coefficients = tuple[tuple[float, float, float, float], tuple[float, float, float, float]]

# Arguments that set the width of a layer's output; all others belong to its geometry.
WIDTHS = ("filters", "units")
_MAX_MEMOISED = 1 << 17


@dataclass(slots=True, eq=False)
class Step:
    """One layer call.

    Attributes:
        layer: as it was traced.
        inputs: distance back to each input, in steps.
        labels: labels of the geometry, without repetitions.
        names: names of the traced geometry arguments.
        arguments: from values to a tuple of those arguments.
        strides: from values to the strides; None if they are fixed.
        stride_labels: labels of the strides.
        width: from values to the width; None if the layer has none or a fixed one.
        width_labels: labels of the width.
        channels: size of the output's last axis in the trace.
        size: sizes of the output's other axes in the trace.
        keeps_shape: the output always has the input's shape.
        is_projection: it belongs to a branch without labels, such as the projection of a skip connection, which
            ``network`` may adapt to the shape of the tensor it is added to.
        signature: equal for steps that map equal values to equal outputs and costs.
        is_head: it is an output of the network.
        width_source: distance back to the step whose width this one takes, for layers with a fixed width that are added
            to others; 0 for none.
    """

    layer: Layer
    inputs: tuple[int, ...]
    labels: tuple[str, ...]
    names: tuple[str, ...]
    arguments: Compute
    strides: Compute | None
    stride_labels: tuple[str, ...]
    width: Compute | None
    width_labels: tuple[str, ...]
    channels: int
    size: Size
    keeps_shape: bool
    is_projection: bool
    signature: int
    is_head: bool
    width_source: int = 0


class LayerEvaluator:
    """Makes the steps of traces and evaluates them, with memoisation by signature."""

    def __init__(self, grid: ValueGrid):
        self._grid = grid
        self._signatures: dict[Any, int] = {}
        self._outputs: dict[Any, Output | None] = {}
        self._coefficients: dict[Any, Coefficients] = {}

    def make_steps(self, trace: Trace) -> list[Step]:
        """Return the steps of a trace, in its order."""
        numbers = {node: number for number, node in enumerate(trace.blueprint.nodes)}
        heads = set(trace.blueprint.heads.values())
        steps: list[Step] = []
        for number, node in enumerate(trace.blueprint.nodes):
            inputs = tuple([number - numbers[source] for source in node.inputs])
            projected = bool(inputs) and all(steps[number - back].is_projection for back in inputs)
            steps.append(self._make_step(node, inputs, trace.sources.get(node.layer, {}), projected, node in heads))
            if node.layer.symmetric:
                _set_width_sources(steps, number)
        return steps

    def output(self, step: Step, size: Size, arguments: tuple[Any, ...]) -> Output | None:
        """Return the output of a step for an input size; None if it is empty or the layer is invalid."""
        key = (step.signature, size, arguments)
        try:
            return self._outputs[key]
        except KeyError:
            pass
        unit = _least_channels(step)
        layer = _make_layer(step, arguments, None)
        found = None
        if layer is not None:
            try:
                shape = layer.output_shape((*size, unit))
                found = (shape[:-1], shape[-1] / unit) if min(shape) >= 1 else None
            except InvalidArchitecture:
                pass
        if len(self._outputs) < _MAX_MEMOISED:
            self._outputs[key] = found
        return found

    def cost_coefficients(self, step: Step, size: Size, output: Size, arguments: tuple[Any, ...]) -> Coefficients:
        """Return the cost coefficients of a step at given input and output sizes."""
        key = (step.signature, size, arguments)
        found = self._coefficients.get(key)
        if found is None:
            found = _solve(step, size, output, arguments)
            if len(self._coefficients) < _MAX_MEMOISED:
                self._coefficients[key] = found
        return found

    def _make_step(self, node: Node, inputs: tuple[int, ...], sources: Sources, projected: bool, is_head: bool) -> Step:
        layer = node.layer
        geometry = {name: source for name, source in sources.items() if name not in WIDTHS}
        geometry = dict(sorted(geometry.items(), key=_is_computed))  # the order in which _compile_all is fastest
        width = next((sources[name] for name in WIDTHS if name in sources), None)
        labels = tuple(dict.fromkeys(labels_of(tuple(geometry.values()))))
        keeps_shape = type(layer).output_shape is Layer.output_shape
        return Step(
            layer=layer,
            inputs=inputs,
            labels=labels,
            names=tuple(geometry),
            arguments=_compile_all(list(geometry.values())) if geometry else _no_arguments,
            strides=compile_value(geometry["strides"]) if "strides" in geometry else None,
            stride_labels=tuple(dict.fromkeys(labels_of(geometry["strides"]))) if "strides" in geometry else (),
            width=None if width is None else compile_value(width),
            width_labels=() if width is None else tuple(dict.fromkeys(labels_of(width))),
            channels=node.shape[-1],
            size=node.shape[:-1],
            keeps_shape=keeps_shape,
            is_projection=bool(inputs) and not sources and (projected or not (keeps_shape or layer.merges)),
            signature=self._signature(layer, geometry, labels),
            is_head=is_head,
        )

    def _signature(self, layer: Layer, geometry: Sources, labels: Sequence[str]) -> int:
        numbers = {label: number for number, label in enumerate(labels)}
        fixed = [
            getattr(layer, name) for name in _arguments(type(layer)) if name not in geometry and name not in WIDTHS
        ]
        key = (
            type(layer),
            *fixed,
            *[self._grid.distribution_ids[label] for label in labels],
            *[(name, expression_of(source, numbers)) for name, source in geometry.items()],
        )
        return self._signatures.setdefault(key, len(self._signatures))


def compile_value(source: Any) -> Compute:
    """Return a traced value as a function of the values of its labels."""
    if isinstance(source, Traced):
        if source.function is None:
            return itemgetter(source.operands[0])
        return _compile_call(source.function, source.operands)
    if isinstance(source, list | tuple):
        return _compile_call(_as_tuple, tuple(source))
    return lambda _: source


def _compile_call(function: Callable[..., Any], operands: tuple[Any, ...]) -> Compute:
    """Return the call of a function; calls with one or two operands, which are most, have faster forms."""
    if len(operands) == 1:
        only = compile_value(operands[0])
        return lambda vals: function(only(vals))
    if len(operands) == 2 and not isinstance(operands[1], Traced | list | tuple):
        first, constant = compile_value(operands[0]), operands[1]
        return lambda vals: function(first(vals), constant)
    if len(operands) == 2:
        one, other = map(compile_value, operands)
        return lambda vals: function(one(vals), other(vals))
    computes = [compile_value(operand) for operand in operands]
    return lambda vals: function(*[compute(vals) for compute in computes])


def _compile_all(sources: Sequence[Any]) -> Compute:
    """Return traced values as one function from the values of labels to a tuple.

    Negative results become 0: a trace does not record ``max(0, x)``, but no valid network has a negative argument.
    """
    labels = [source.operands[0] for source in sources if isinstance(source, Traced) and source.function is None]
    if len(labels) == len(sources) > 1:
        return itemgetter(*labels)
    computes = [compile_value(source) for source in sources]
    is_clipped = [not (isinstance(source, Traced) and source.function is None) for source in sources]
    if len(labels) == len(sources) - 1 > 1 and is_clipped[-1]:
        known, last = itemgetter(*labels), computes[-1]
        return lambda vals: (*known(vals), _clip(last(vals)))
    pairs = list(zip(computes, is_clipped, strict=True))
    return lambda vals: tuple([_clip(compute(vals)) if clipped else compute(vals) for compute, clipped in pairs])


def _is_computed(item: tuple[str, Any]) -> bool:
    return not (isinstance(item[1], Traced) and item[1].function is None)


def _no_arguments(_: Mapping[str, float]) -> tuple[Any, ...]:
    return ()


def _as_tuple(*items: Any) -> tuple[Any, ...]:
    return items


def _clip(value: Any) -> Any:
    return 0 if type(value) is int and value < 0 else value


def _set_width_sources(steps: list[Step], number: int) -> None:
    """Let added tensors of a fixed width take the width of the first one whose width has labels."""
    makers = [_width_maker(steps, number - back) for back in steps[number].inputs]
    leading = [maker for maker in makers if steps[maker].width is not None]
    for maker in makers:
        if leading and steps[maker].width is None and has_width(steps[maker].layer) and leading[0] < maker:
            steps[maker].width_source = maker - leading[0]


def _width_maker(steps: Sequence[Step], number: int) -> int:
    """Return the step that sets the width of a step's output; of several inputs the first one is followed."""
    while steps[number].inputs and not has_width(steps[number].layer):
        number -= steps[number].inputs[0]
    return number


def has_width(layer: Layer) -> bool:
    """Return whether a layer sets the width of its output by an argument."""
    return hasattr(layer, "filters") or hasattr(layer, "units")


def _least_channels(step: Step) -> int:
    """Return the least number of input channels of a layer, of which all others are multiples."""
    groups = getattr(step.layer, "groups", 1)
    return groups if isinstance(groups, int) else 1


def _make_layer(step: Step, arguments: tuple[Any, ...], width: int | None) -> Layer | None:
    """Return the layer of a step with other arguments; None if they are invalid."""
    kind = type(step.layer)
    values = {name: getattr(step.layer, name) for name in _arguments(kind)}
    values.update(zip(step.names, arguments, strict=True))
    if width is not None:
        values.update({name: width for name in WIDTHS if name in values})
    try:
        return kind(**values)
    except (InvalidArchitecture, ArithmeticError, ValueError, TypeError):
        return None


def _solve(step: Step, size: Size, output: Size, arguments: tuple[Any, ...]) -> Coefficients:
    """Solve for α, β, γ, δ from the costs at one and two times the least number of channels."""
    unit = _least_channels(step)
    layers = [_make_layer(step, arguments, unit), _make_layer(step, arguments, 2 * unit)]
    costs: list[dict[tuple[int, int], float]] = [{}, {}]
    for i, layer in enumerate(layers):
        for j in range(2):
            if layer is None:
                costs[0][i, j] = costs[1][i, j] = 0.0
                continue
            shape: Shape = (*size, (j + 1) * unit)
            channels = (i + 1) * unit if has_width(layer) else shape[-1]
            costs[0][i, j] = float(sum(layer.parameters(shape)))
            costs[1][i, j] = float(layer.macs((*output, channels), shape))
    found = []
    for cost in costs:
        alpha = cost[1, 1] - cost[1, 0] - cost[0, 1] + cost[0, 0]
        beta = cost[1, 0] - cost[0, 0] - alpha
        gamma = cost[0, 1] - cost[0, 0] - alpha
        found.append((alpha / unit**2, beta / unit, gamma / unit, cost[0, 0] - alpha - beta - gamma))
    return found[0], found[1]


@lru_cache
def _arguments(kind: type[Layer]) -> tuple[str, ...]:
    return tuple([entry.name for entry in fields(kind) if entry.init and entry.name != "name"])
