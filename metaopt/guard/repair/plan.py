"""A traced network as a list of steps, whose shapes and costs are functions of labels.

A step is a layer call. What it makes of height and width depends on its geometry alone (kernel, strides, padding: all
arguments but its width), and what it costs is α·c_in·c_out + β·c_out + γ·c_in + δ at given sizes; both are remembered
for all steps that are made alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import itemgetter
from typing import Any

from metaopt.blueprint import InvalidArchitecture, Layer, Node, Shape
from metaopt.guard.repair.ladders import Ladders
from metaopt.guard.repair.trace import Sources, Trace
from metaopt.guard.repair.traced import Traced, form_of, labels_of

Compute = Callable[[Mapping[str, float]], Any]
# Height and width of an image; () of a tensor without them.
Size = tuple[int, ...]
# Height and width, and the channels that it makes of each channel of its input if it has no width of its own.
Output = tuple[Size, float]
# α, β, γ, δ of the parameters, and of the multiply-accumulates.
Coefficients = tuple[tuple[float, float, float, float], tuple[float, float, float, float]]

# Arguments that say how wide a layer's output is, and nothing of its height and width.
WIDTHS = ("filters", "units")
_REMEMBERED = 1 << 17


@dataclass(slots=True, eq=False)
class Step:
    """One layer call.

    Attributes:
        layer: as it was traced.
        inputs: how many steps back its inputs are.
        labels: of its geometry, each once.
        names: of the traced arguments of its geometry.
        arguments: those, as a function from values to a tuple.
        strides: its strides as a function of values, None where they are fixed.
        stride_labels: their labels.
        width: its width as a function of values, None where it has none or a fixed one.
        width_labels: the labels of its width.
        channels: size of its output's last axis in the trace; ``size`` that of the others.
        passes: it keeps its input's shape, whatever it is.
        follows: it comes after layers that the space does not decide, such as the projection of a skip, which
            ``network`` may make for the shape of what they are added to.
        leader: of a layer that is added to others and whose width the space does not decide: how many steps back that
            is whose width it takes; 0 for none.
        alike: equal for steps that make the same of equal values.
        head: it is an output of the network.
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
    passes: bool
    follows: bool
    alike: int
    head: bool
    leader: int = 0


class Shop:
    """Makes steps of traces; remembers what steps that are made alike make of sizes, and what they cost."""

    def __init__(self, ladders: Ladders):
        self._ladders = ladders
        self._alike: dict[Any, int] = {}
        self._outputs: dict[Any, Output | None] = {}
        self._coefficients: dict[Any, Coefficients] = {}

    def steps_of(self, trace: Trace) -> list[Step]:
        """The steps of a trace, in its order."""
        numbers = {node: number for number, node in enumerate(trace.blueprint.nodes)}
        heads = set(trace.blueprint.heads.values())
        steps: list[Step] = []
        for number, node in enumerate(trace.blueprint.nodes):
            inputs = tuple([number - numbers[source] for source in node.inputs])
            followed = bool(inputs) and all(steps[number - back].follows for back in inputs)
            steps.append(self._step(node, inputs, trace.sources.get(node.layer, {}), followed, node in heads))
            if node.layer.symmetric:
                _note_leader(steps, number)
        return steps

    def output(self, step: Step, size: Size, arguments: tuple[Any, ...]) -> Output | None:
        """What a step makes of an image; None if nothing would be left, or there is no such layer."""
        key = (step.alike, size, arguments)
        try:
            return self._outputs[key]
        except KeyError:
            pass
        unit = _unit(step)
        layer = _made(step, arguments, None)
        found = None
        if layer is not None:
            try:
                shape = layer.output_shape((*size, unit))
                found = (shape[:-1], shape[-1] / unit) if min(shape) >= 1 else None
            except InvalidArchitecture:
                pass
        if len(self._outputs) < _REMEMBERED:
            self._outputs[key] = found
        return found

    def coefficients(self, step: Step, size: Size, output: Size, arguments: tuple[Any, ...]) -> Coefficients:
        """The costs of a step at given sizes."""
        key = (step.alike, size, arguments)
        found = self._coefficients.get(key)
        if found is None:
            found = _solve(step, size, output, arguments)
            if len(self._coefficients) < _REMEMBERED:
                self._coefficients[key] = found
        return found

    def _step(self, node: Node, inputs: tuple[int, ...], sources: Sources, followed: bool, head: bool) -> Step:
        layer = node.layer
        geometry = {name: source for name, source in sources.items() if name not in WIDTHS}
        geometry = dict(sorted(geometry.items(), key=_is_computed))  # as _all_compiled is fastest
        width = next((sources[name] for name in WIDTHS if name in sources), None)
        labels = tuple(dict.fromkeys(labels_of(tuple(geometry.values()))))
        passes = type(layer).output_shape is Layer.output_shape
        return Step(
            layer=layer,
            inputs=inputs,
            labels=labels,
            names=tuple(geometry),
            arguments=_all_compiled(list(geometry.values())) if geometry else _no_arguments,
            strides=compiled(geometry["strides"]) if "strides" in geometry else None,
            stride_labels=tuple(dict.fromkeys(labels_of(geometry["strides"]))) if "strides" in geometry else (),
            width=None if width is None else compiled(width),
            width_labels=() if width is None else tuple(dict.fromkeys(labels_of(width))),
            channels=node.shape[-1],
            size=node.shape[:-1],
            passes=passes,
            follows=bool(inputs) and not sources and (followed or not (passes or layer.merges)),
            alike=self._number(layer, geometry, labels),
            head=head,
        )

    def _number(self, layer: Layer, geometry: Sources, labels: Sequence[str]) -> int:
        numbers = {label: number for number, label in enumerate(labels)}
        fixed = [
            getattr(layer, name) for name in _arguments(type(layer)) if name not in geometry and name not in WIDTHS
        ]
        key = (
            type(layer),
            *fixed,
            *[self._ladders.kinds[label] for label in labels],
            *[(name, form_of(source, numbers)) for name, source in geometry.items()],
        )
        return self._alike.setdefault(key, len(self._alike))


def _is_computed(item: tuple[str, Any]) -> bool:
    return not (isinstance(item[1], Traced) and item[1].function is None)


def _no_arguments(_: Mapping[str, float]) -> tuple[Any, ...]:
    return ()


def compiled(source: Any) -> Compute:
    """A traced value as a function of the values of all its labels."""
    if isinstance(source, Traced):
        if source.function is None:
            return itemgetter(source.operands[0])
        return _applied(source.function, source.operands)
    if isinstance(source, list | tuple):
        return _applied(_tuple, tuple(source))
    return lambda _: source


def _applied(function: Callable[..., Any], operands: tuple[Any, ...]) -> Compute:
    """A function of traced operands; those of one or two, which are most, without a detour."""
    if len(operands) == 1:
        only = compiled(operands[0])
        return lambda vals: function(only(vals))
    if len(operands) == 2 and not isinstance(operands[1], Traced | list | tuple):
        first, constant = compiled(operands[0]), operands[1]
        return lambda vals: function(first(vals), constant)
    if len(operands) == 2:
        one, other = map(compiled, operands)
        return lambda vals: function(one(vals), other(vals))
    computes = [compiled(operand) for operand in operands]
    return lambda vals: function(*[compute(vals) for compute in computes])


def _tuple(*items: Any) -> tuple[Any, ...]:
    return items


def _all_compiled(sources: Sequence[Any]) -> Compute:
    """Traced values as one function to the tuple of them.

    Below 0 what was computed becomes 0: a trace does not tell of ``max(0, x)``, but no network that stands has less.
    """
    labels = [source.operands[0] for source in sources if isinstance(source, Traced) and source.function is None]
    if len(labels) == len(sources) > 1:
        return itemgetter(*labels)
    computes = [compiled(source) for source in sources]
    cut_off = [not (isinstance(source, Traced) and source.function is None) for source in sources]
    if len(labels) == len(sources) - 1 > 1 and cut_off[-1]:
        known, last = itemgetter(*labels), computes[-1]
        return lambda vals: (*known(vals), _cut_off(last(vals)))
    pairs = list(zip(computes, cut_off, strict=True))
    return lambda vals: tuple([_cut_off(compute(vals)) if cut else compute(vals) for compute, cut in pairs])


def _cut_off(value: Any) -> Any:
    return 0 if type(value) is int and value < 0 else value


def _note_leader(steps: list[Step], number: int) -> None:
    """Of tensors that are added, those whose width the space does not decide take that of the others."""
    makers = [_maker(steps, number - back) for back in steps[number].inputs]
    leading = [maker for maker in makers if steps[maker].width is not None]
    for maker in makers:
        if leading and steps[maker].width is None and has_width(steps[maker].layer) and leading[0] < maker:
            steps[maker].leader = maker - leading[0]


def _maker(steps: Sequence[Step], number: int) -> int:
    """The step that decides the width of a step's output; of tensors that are joined, the first one's."""
    while steps[number].inputs and not has_width(steps[number].layer):
        number -= steps[number].inputs[0]
    return number


def has_width(layer: Layer) -> bool:
    """Whether its arguments alone say how wide its output is."""
    return hasattr(layer, "filters") or hasattr(layer, "units")


def _unit(step: Step) -> int:
    """The fewest channels that a layer may have before it, of which others are multiples."""
    groups = getattr(step.layer, "groups", 1)
    return groups if isinstance(groups, int) else 1


def _made(step: Step, arguments: tuple[Any, ...], width: int | None) -> Layer | None:
    """The layer of a step for other arguments; None if there is no such layer."""
    kind = type(step.layer)
    values = {name: getattr(step.layer, name) for name in _arguments(kind)}
    values.update(zip(step.names, arguments, strict=True))
    if width is not None:
        values.update({name: width for name in ("filters", "units") if name in values})
    try:
        return kind(**values)
    except (InvalidArchitecture, ArithmeticError, ValueError, TypeError):
        return None


def _solve(step: Step, size: Size, output: Size, arguments: tuple[Any, ...]) -> Coefficients:
    """α, β, γ, δ from the costs at one and two times the fewest channels."""
    unit = _unit(step)
    layers = [_made(step, arguments, unit), _made(step, arguments, 2 * unit)]
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
