"""Layers in the configuration of a Keras model: found, named, and changed, those of nested models and wrappers too."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Path = tuple[str, ...]
"""Names of a layer and of the models and wrappers around it, the outermost first."""

_WRAPPED = ("layer", "backward_layer")  # keys under which wrappers hold a layer


@dataclass(frozen=True)
class LayerConfig:
    """One layer in the configuration of a model.

    Attributes:
        path: its path.
        entry: ``class_name``, ``config`` and more, as Keras serialises a layer.
    """

    path: Path
    entry: dict[str, Any]

    @property
    def kind(self) -> str:
        """Name of its class."""
        return str(self.entry["class_name"])

    @property
    def config(self) -> dict[str, Any]:
        """Arguments of its class."""
        found: dict[str, Any] = self.entry["config"]
        return found

    @property
    def name(self) -> str:
        """Its name in Keras."""
        return str(self.config.get("name", self.path[-1]))


def find_layers(config: Mapping[str, Any], path: Path = ()) -> Iterator[LayerConfig]:
    """Yield the layers of a model's configuration, each before those inside it."""
    for entry in config.get("layers", ()):
        yield from _within(entry, path)


def _within(entry: dict[str, Any], path: Path) -> Iterator[LayerConfig]:
    config = entry["config"]
    here = (*path, str(config.get("name", entry.get("name", ""))))
    yield LayerConfig(here, entry)
    yield from find_layers(config, here)
    for key in _WRAPPED:
        inner = config.get(key)
        if isinstance(inner, dict) and isinstance(inner.get("config"), dict):
            yield from _within(inner, here)


def changed(config: dict[str, Any], changes: Mapping[Path, Callable[[dict[str, Any]], None]]) -> dict[str, Any]:
    """Return a copy of a model's configuration in which some layers are changed.

    Args:
        config: the configuration, which stays as it is.
        changes: path → function that changes the entry of this layer in place.
    """
    copied = copy.deepcopy(config)
    for layer in list(find_layers(copied)):
        if layer.path in changes:
            changes[layer.path](layer.entry)
    return copied


def name_layers(layers: list[LayerConfig]) -> dict[Path, str]:
    """Return names of layers that are the same however many models the process has built before.

    Keras numbers the layers of a process: the third dense layer is ``dense_2``, whatever model it is in. Layers with
    such names are numbered within their model, from 1; others keep the name that the user gave.
    """
    counts: dict[str, int] = {}
    names: dict[Path, str] = {}
    for layer in layers:
        kind = _snake_case(layer.kind)
        if numbered := re.fullmatch(rf"((?:forward_|backward_)?{re.escape(kind)})(_\d+)?", layer.name):
            base = numbered[1]
            counts[base] = counts.get(base, 0) + 1
            is_wrapped = base != kind  # by Bidirectional, which copies the name of the layer; the first had no number
            name = base if is_wrapped and counts[base] == 1 else f"{base}_{counts[base]}"
        else:
            name = layer.name
        taken = set(names.values())
        names[layer.path] = name if name not in taken else "/".join(layer.path)
    return names


def _snake_case(name: str) -> str:
    """Return the name that Keras gives to a layer of this class."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
