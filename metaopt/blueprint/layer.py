"""Base class of layers, nodes of a network, and the registry of layer kinds.

A layer object holds a configuration. As in Keras, calling it on nodes creates a node, and a layer that is called twice
shares its weights between both nodes.
"""

# ruff: noqa: ARG002 (default implementations ignore arguments that subclasses use)

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import count
from operator import attrgetter
from threading import Lock
from typing import Any, ClassVar, TypeVar

from metaopt.blueprint.errors import InvalidArchitecture

# A tensor's shape without the batch: (height, width, channels), or (units,).
Shape = tuple[int, ...]

_creation = count()

# Makes a layer instead of its class, given a function that makes the layer and the arguments by name.
Observer = Callable[[Callable[..., "Layer"], dict[str, Any]], "Layer"]

# The observer of the current thread, and how many more of its outputs may be empty; see ``observe_layers``.
_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)
_empty_outputs: ContextVar[int] = ContextVar("empty_outputs", default=0)
# The observers of all threads.
_observers: list[Observer] = []
_observers_lock = Lock()


class Node:
    """One call of a layer: a tensor of the network.

    Attributes:
        layer: the layer that was called.
        inputs: the nodes on which it was called.
        shape: the shape of its output, without the batch.
        index: number of the node in the order of creation; inputs have lower numbers than their consumers.
    """

    __slots__ = ("index", "inputs", "layer", "shape")

    def __init__(self, layer: "Layer", inputs: tuple["Node", ...], shape: Shape):
        self.layer = layer
        self.inputs = inputs
        self.shape = shape
        self.index = next(_creation)

    def __repr__(self) -> str:
        return f"<{self.layer.kind} {self.shape}>"


class LayerClass(type):
    """Metaclass of the layer classes. Its call makes a layer and can be observed, see ``observe_layers``."""


@dataclass(slots=True, eq=False)
class Layer(metaclass=LayerClass):
    """Base class of layers. Decorate subclasses with ``@register_layer`` and ``@dataclass(slots=True, eq=False)``.

    The fields of the dataclass are the arguments of the layer. All fields except ``name`` count in the structural hash,
    so standardize equivalent values in ``__post_init__``. All shapes are without the batch.

    Attributes:
        name: a name for Keras, or None for an automatic one; it does not count in the hash.
    """

    # Number of axes that an input must have, without the batch; None for any number.
    input_rank: ClassVar[int | None] = None
    # Whether the layer takes a list of tensors, like Add.
    merges: ClassVar[bool] = False
    # Whether the order of those tensors does not count.
    symmetric: ClassVar[bool] = False
    # Name of the layer kind; set by register_layer.
    kind: ClassVar[str] = "Layer"
    # Function from a layer to its configuration; set by register_layer.
    config_of: ClassVar[Callable[[Any], Any]]
    # Whether it may have parameters or multiply-accumulates; set by register_layer.
    weighted: ClassVar[bool] = False
    # Whether the output always has the shape of the input; set by register_layer.
    keeps_shape: ClassVar[bool] = False

    name: str | None = field(default=None, kw_only=True)
    # Input shapes of the first call. Shapes instead of the node avoid a reference cycle, which only the garbage
    # collector could free.
    _first_shapes: tuple[Shape, ...] | None = field(default=None, init=False, repr=False)

    def output_shape(self, *shapes: Shape) -> Shape:
        """Return the output shape for the input shape, or for all input shapes of a merging layer.

        The default is the input shape. An implementation need not check for an empty output.

        Raises:
            InvalidArchitecture: the layer cannot be called on these shapes (see ``refuse``).
        """
        return shapes[0]

    def parameters(self, *shapes: Shape) -> tuple[int, int]:
        """Return the numbers of trainable and frozen parameters, as Keras' ``count_params()`` counts them."""
        return 0, 0

    def macs(self, output: Shape, *shapes: Shape) -> int:
        """Return the multiply-accumulates of one call on one image."""
        return 0

    def hidden_activations(self, output: Shape, *shapes: Shape) -> int:
        """Return the elements of all outputs within the layer for one image, its own output apart."""
        return 0

    def build(self, keras: Any, name: str) -> Any:
        """Build the Keras layer, or a list of layers that are applied one after another.

        Args:
            keras: the module ``keras``, passed so that the file that defines a layer need not import it.
            name: name for the Keras layer, or for the last one of the list; unique in the model.
        """
        raise NotImplementedError

    def build_inference(self, keras: Any, name: str) -> Any:
        """Build the layer for an exported model, from built-in Keras layers with the same weights.

        Override it if ``build`` makes a custom Keras layer, so that the exported model loads without metaopt.
        """
        return self.build(keras, name)

    @property
    def config(self) -> Any:
        """All arguments except the name."""
        return type(self).config_of(self)

    def refuse(self, shapes: tuple | None, reason: str) -> InvalidArchitecture:
        """Return the exception to raise for an invalid input.

        Args:
            shapes: the input shapes, or None if an argument is invalid for every input.
            reason: why the input is invalid, as a sentence.
        """
        if shapes is not None and not self.merges and len(shapes) == 1:
            shapes = shapes[0]
        return InvalidArchitecture(self.kind, shapes, reason)

    def __call__(self, inputs: Node | Sequence[Node]) -> Node:
        """Add a node to the network.

        Raises:
            InvalidArchitecture: the layer cannot be called on these inputs, or the output would be empty.
            TypeError: the inputs are not nodes.
        """
        if type(inputs) is Node:
            nodes: tuple[Node, ...] = (inputs,)
            shapes: tuple[Shape, ...] = (inputs.shape,)
            if self.keeps_shape and self._first_shapes is None and self.input_rank is None:  # no check applies
                self._first_shapes = shapes
                return Node(self, nodes, inputs.shape)
        else:
            nodes = self._check_inputs(inputs)
            shapes = tuple([node.shape for node in nodes])
        if self.input_rank is not None and len(shapes[0]) != self.input_rank:
            raise self.refuse(shapes, f"Expected an input with {self.input_rank} axes, got {len(shapes[0])}.")
        shape = self.output_shape(*shapes)
        if not shape or min(shape) < 1:
            left = _empty_outputs.get()
            if not shape or not left:
                raise self.refuse(shapes, f"The output would be empty, with shape {shape}.")
            _empty_outputs.set(left - 1)
            shape = tuple([max(size, 1) for size in shape])
        if self._first_shapes is None:
            self._first_shapes = shapes
        else:
            self._check_shared(shapes, self._first_shapes)
        return Node(self, nodes, shape)

    def _check_inputs(self, inputs: Any) -> tuple[Node, ...]:
        nodes = tuple(inputs) if isinstance(inputs, list | tuple) else ()
        if not nodes or not all(type(node) is Node for node in nodes):
            raise TypeError(
                f"Invalid input of {self.kind}: {inputs!r}. Expected the output of a layer, or a list of them."
            )
        if len(nodes) > 1 and not self.merges:
            raise self.refuse(tuple([node.shape for node in nodes]), f"Expected one input, got {len(nodes)}.")
        return nodes

    def _check_shared(self, shapes: tuple[Shape, ...], first: tuple[Shape, ...]) -> None:
        """Check that a repeated call fits the weights that the first call created."""
        weights = self.parameters(*first)
        if any(weights) and (weights != self.parameters(*shapes) or len(shapes[0]) != len(first[0])):
            shape = first if self.merges else first[0]
            raise self.refuse(shapes, f"The shared weights of this layer were created for input shape {shape}.")


@contextmanager
def observe_layers(observer: Observer, empty_outputs: int = 0) -> Iterator[None]:
    """Let an observer make the layers of this thread, for example to record where their arguments come from.

    A layer class only has a Python ``__call__`` while something is observed: a permanent one that looks for observers
    would slow down the creation of networks by 11 to 16 %.

    Args:
        observer: receives a function that makes the layer, and the arguments by name before any check; returns the
            layer. Other threads make their layers as usual.
        empty_outputs: number of empty outputs that get sizes of 1 instead of raising ``InvalidArchitecture``. It is
            bounded, so that a function that adds layers until one is invalid ends.
    """
    observing, allowed = _observer.set(observer), _empty_outputs.set(empty_outputs)
    with _observers_lock:
        _observers.append(observer)
        LayerClass.__call__ = _make_observed  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        with _observers_lock:
            _observers.remove(observer)
            if not _observers:
                del LayerClass.__call__
        _observer.reset(observing)
        _empty_outputs.reset(allowed)


def _make_observed(cls: Any, *args: Any, **named: Any) -> Any:
    observer = _observer.get()
    if observer is None:  # only another thread observes
        return type.__call__(cls, *args, **named)
    arguments = {**dict(zip(cls.__match_args__, args, strict=False)), **named} if args else named
    return observer(partial(type.__call__, cls), arguments)


_KINDS: dict[str, type[Layer]] = {}

AnyLayer = TypeVar("AnyLayer", bound=type[Layer])


def register_layer(cls: AnyLayer) -> AnyLayer:
    """Class decorator that registers a layer kind under the name of the class.

    Raises:
        ValueError: another class has registered this name.
    """
    known = _KINDS.get(cls.__name__)
    # A class that is defined again, by a notebook cell or by loading a problem file twice, replaces the earlier one.
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(
            f"The layer kind {cls.__name__} is already registered by {known.__module__}. Rename the new class."
        )
    names = [argument.name for argument in fields(cls) if argument.name not in ("name", "_first_shapes")]
    cls.kind = cls.__name__
    cls.config_of = staticmethod(attrgetter(*names) if names else _no_config)
    cls.weighted = cls.parameters is not Layer.parameters or cls.macs is not Layer.macs
    cls.keeps_shape = cls.output_shape is Layer.output_shape and not cls.merges
    _KINDS[cls.__name__] = cls
    return cls


def _no_config(_: Layer) -> tuple:
    return ()


def layer_kinds() -> dict[str, type[Layer]]:
    """Return all registered layer kinds: name → class."""
    return dict(_KINDS)
