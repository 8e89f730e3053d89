"""What a layer kind is, what a node of the network is, and the registry of kinds.

A layer object holds a configuration; calling it on nodes makes a node, as in Keras. A layer that is called twice shares
its weights between both nodes.
"""

# ruff: noqa: ARG002 (defaults that ignore what others use)

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

# Makes a layer in place of its class: takes the class as a function, and the arguments by name as they were given.
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
        inputs: the nodes that it was called on.
        shape: its output's shape, without the batch.
        index: grows with creation, so that an input's is below its consumer's.
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
    """A layer kind: subclass it, decorate it with ``@register_layer`` and ``@dataclass(slots=True, eq=False)``.

    The fields of the dataclass are the layer's arguments; all of them but ``name`` count in the hash of the network, so
    bring them to one form in ``__post_init__``. Shapes come without the batch.

    Attributes:
        name: a name for Keras, or None for an automatic one; it never counts in the hash.
    """

    # How many axes an input must have, the batch left out; None for any number.
    input_rank: ClassVar[int | None] = None
    # Whether the layer takes a list of tensors, as Add does.
    merges: ClassVar[bool] = False
    # Whether the order of those tensors is of no matter.
    symmetric: ClassVar[bool] = False
    # The name of the kind, set by register_layer.
    kind: ClassVar[str] = "Layer"
    # Layer → its configuration, set by register_layer.
    config_of: ClassVar[Callable[[Any], Any]]
    # Whether it has parameters or multiply-accumulates at all, set by register_layer.
    weighted: ClassVar[bool] = False
    # Whether its output has its input's shape, whatever it is; set by register_layer.
    keeps_shape: ClassVar[bool] = False

    name: str | None = field(default=None, kw_only=True)
    # What it was first called on. Shapes, not the node: a cycle would leave every network to the garbage collector.
    _first: tuple[Shape, ...] | None = field(default=None, init=False, repr=False)

    def output_shape(self, *shapes: Shape) -> Shape:
        """The output's shape for the input's shape, or shapes if it merges; the input's own by default.

        Raises:
            InvalidArchitecture: the layer cannot be called on it (see ``refuse``). An empty output need not be checked.
        """
        return shapes[0]

    def parameters(self, *shapes: Shape) -> tuple[int, int]:
        """Trainable and frozen parameters, as Keras' ``count_params()`` sees them."""
        return 0, 0

    def macs(self, output: Shape, *shapes: Shape) -> int:
        """Multiply-accumulates of one call on one image."""
        return 0

    def build(self, keras: Any, name: str) -> Any:
        """The Keras layer of that name, or a list of layers to be applied in turn, the last of that name.

        Args:
            keras: the module ``keras``, so that the file that defines a layer need not import it.
            name: unique in the model.
        """
        raise NotImplementedError

    def build_inference(self, keras: Any, name: str) -> Any:
        """As ``build``, for a model that is no longer trained: layers of Keras' own, with the same weights.

        To be given where ``build`` makes a layer that is not Keras', so that the model can be loaded anywhere.
        """
        return self.build(keras, name)

    @property
    def config(self) -> Any:
        """All that decides what ``build`` writes, but the name."""
        return type(self).config_of(self)

    def refuse(self, shapes: tuple | None, reason: str) -> InvalidArchitecture:
        """The error to raise for an input, or None for an argument that is wrong whatever the input."""
        if shapes is not None and not self.merges and len(shapes) == 1:
            shapes = shapes[0]
        return InvalidArchitecture(self.kind, shapes, reason)

    def __call__(self, inputs: Node | Sequence[Node]) -> Node:
        """Adds a node to the network.

        Raises:
            InvalidArchitecture: the layer cannot be called on these inputs, or would make an empty tensor.
        """
        if type(inputs) is Node:
            nodes: tuple[Node, ...] = (inputs,)
            shapes: tuple[Shape, ...] = (inputs.shape,)
            if self.keeps_shape and self._first is None and self.input_rank is None:  # nothing can be wrong
                self._first = shapes
                return Node(self, nodes, inputs.shape)
        else:
            nodes = self._merged(inputs)
            shapes = tuple([node.shape for node in nodes])
        if self.input_rank is not None and len(shapes[0]) != self.input_rank:
            raise self.refuse(shapes, f"the input must have {self.input_rank} axes")
        shape = self.output_shape(*shapes)
        if not shape or min(shape) < 1:
            left = _empty_outputs.get()
            if not shape or not left:
                raise self.refuse(shapes, f"the output would be empty, of shape {shape}")
            _empty_outputs.set(left - 1)
            shape = tuple([max(size, 1) for size in shape])
        if self._first is None:
            self._first = shapes
        else:
            self._check_shared(shapes, self._first)
        return Node(self, nodes, shape)

    def _merged(self, inputs: Any) -> tuple[Node, ...]:
        nodes = tuple(inputs) if isinstance(inputs, list | tuple) else ()
        if not nodes or not all(type(node) is Node for node in nodes):
            raise TypeError(f"{self.kind} must be called on the output of a layer, not on {inputs!r}")
        if len(nodes) > 1 and not self.merges:
            raise self.refuse(tuple([node.shape for node in nodes]), "it takes one input, not several")
        return nodes

    def _check_shared(self, shapes: tuple[Shape, ...], first: tuple[Shape, ...]) -> None:
        """A layer that is called again must fit the weights that its first call made."""
        weights = self.parameters(*first)
        if any(weights) and (weights != self.parameters(*shapes) or len(shapes[0]) != len(first[0])):
            shape = first if self.merges else first[0]
            raise self.refuse(shapes, f"its shared weights were made for an input of shape {shape}")


@contextmanager
def observe_layers(observer: Observer, empty_outputs: int = 0) -> Iterator[None]:
    """Let an observer make the layers of this thread, for example to record where their arguments come from.

    A layer class only has a Python ``__call__`` while something is observed: a permanent one that looks for observers
    would slow down the judging of networks by 11 to 16 %.

    Args:
        observer: receives a function that makes the layer, and the arguments by name before any check; returns the
            layer. Other threads make their layers as usual.
        empty_outputs: number of empty outputs that get sizes of 1 instead of raising ``InvalidArchitecture``. It is
            bounded, so that a function that adds layers until one is refused ends.
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
    """Enters a layer class under its own name, which must be new.

    Raises:
        ValueError: a kind of that name stands already.
    """
    known = _KINDS.get(cls.__name__)
    # The same class made again, as by a notebook's cell or a problem file that is read twice, replaces the old one.
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(f"a layer kind {cls.__name__} is registered already, by {known.__module__}")
    names = [entry.name for entry in fields(cls) if entry.name not in ("name", "_first")]
    cls.kind = cls.__name__
    cls.config_of = staticmethod(attrgetter(*names) if names else _no_config)
    cls.weighted = cls.parameters is not Layer.parameters or cls.macs is not Layer.macs
    cls.keeps_shape = cls.output_shape is Layer.output_shape and not cls.merges
    _KINDS[cls.__name__] = cls
    return cls


def _no_config(_: Layer) -> tuple:
    return ()


def layer_kinds() -> dict[str, type[Layer]]:
    """Kind → class, of all that is registered."""
    return dict(_KINDS)
