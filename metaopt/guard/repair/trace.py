"""A network made once for study: empty tensors let through, and for each layer what its arguments were made from."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import Any

from metaopt.blueprint import Blueprint, Layer
from metaopt.blueprint.layer import LayerClass, lenient
from metaopt.guard.repair.traced import Conversions, TracedFloat, TracedInt, is_traced, untraced

# Argument of a layer → traced numbers, perhaps in tuples.
Sources = dict[str, Any]

_MOST_EMPTY = 500  # tensors that are let through; the deepest stack of the zoo has 61 layers that shrink an image

# What a thread that traces has found so far, and the conversions of its point.
_found: ContextVar[tuple[dict[Layer, Sources], Conversions] | None] = ContextVar("found", default=None)
_tracing = Lock()


@dataclass(frozen=True)
class Trace:
    """What was learned.

    Attributes:
        blueprint: the network; sizes that would be below 1 are 1.
        sources: layer → its traced arguments; layers without any are left out.
    """

    blueprint: Blueprint
    sources: Mapping[Layer, Sources]


def trace(network: Callable[[Any], Blueprint], point: Any, conversions: Conversions) -> Trace | None:
    """Makes the network of a traced point.

    Args:
        network: from a point to a blueprint.
        point: of traced numbers.
        conversions: the point's.

    Returns:
        None where it cannot be made even so: the function refuses the point itself, or fails on numbers that are no
        plain ones, or on shapes that are not to be.
    """
    sources: dict[Layer, Sources] = {}
    try:
        with _listening(sources, conversions):
            return Trace(network(point), sources)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (the function need not bear this; it is asked again with plain numbers)
        return None


@contextmanager
def _listening(sources: dict[Layer, Sources], conversions: Conversions) -> Iterator[None]:
    """Notes what this thread makes layers of.

    The call of ``LayerClass`` is replaced meanwhile, not for good: it would make every layer a fifth slower.
    """
    with _tracing:
        let_through, found = lenient.set(_MOST_EMPTY), _found.set((sources, conversions))
        LayerClass.__call__ = _make  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            del LayerClass.__call__
            _found.reset(found)
            lenient.reset(let_through)


def _make(cls: Any, *args: Any, **named: Any) -> Any:
    """Makes a layer of plain numbers: traced ones must not stay in the caches of metaopt.blueprint."""
    noting = _found.get()
    if noting is None:  # another thread's
        return type.__call__(cls, *args, **named)
    sources: Sources = {}
    conversions = noting[1]
    arguments = {**dict(zip(cls.__match_args__, args, strict=False)), **named} if args else named
    for name, value in arguments.items():
        kind = type(value)
        if kind is TracedInt or kind is TracedFloat:
            sources[name] = value
            arguments[name] = value.real
        elif kind is int:
            source = conversions.get(value)
            # What one argument was made of is not taken for another's; and 0 and 1, mostly constants, only once.
            if source is not None and (value > 1 or source.used_for is None) and source.used_for in (None, name):
                source.used_for = name
                sources[name] = source
        elif (kind is tuple or kind is list) and is_traced(value):
            sources[name] = value
            arguments[name] = untraced(value)
    layer = type.__call__(cls, **arguments)
    if sources:
        noting[0][layer] = sources
    return layer
