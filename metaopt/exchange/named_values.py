"""Values of hyperparameters that other programs name: by the labels of a space, or by paths in its points."""

from collections.abc import Mapping
from typing import Any

from metaopt.errors import UserError, nearest
from metaopt.exchange.flat_points import unflatten
from metaopt.spaces import Space, Vals
from metaopt.spaces.option_values import find_options, match_option
from metaopt.storage.importing import read_point


def read_named(
    space: Space, values: Mapping[str, Any], defaults: Mapping[str, Any], empty: tuple[str, ...] = ()
) -> Vals:
    """Return the draw of a row of named values.

    Args:
        space: the compiled space.
        values: label → value, or path in the point → value, e.g. ``"block.filters"``. Options of choices are values of
            ``metaopt.spaces.option_values``.
        defaults: path → value for keys that the row lacks.
        empty: further paths that the row has no value for: they are None where the point needs one.

    Raises:
        UserError: A name is unknown, or the values are no point of the space.
    """
    if values.keys() <= space.by_label.keys():
        try:
            return _by_labels(space, values)
        except UserError as error:
            if not _are_paths(space, values):
                raise
            labels_error = error
        try:
            return _by_paths(space, values, defaults, empty)
        except UserError:
            raise labels_error from None
    return _by_paths(space, values, defaults, empty)


def _are_paths(space: Space, values: Mapping[str, Any]) -> bool:
    """Return whether names may be paths as well: labels and keys of a space are often the same."""
    return bool(values) and all(name in space.by_label for name in values)


def _by_labels(space: Space, values: Mapping[str, Any]) -> Vals:
    options = find_options(space)
    found: dict[str, float] = {}
    for label, value in values.items():
        distribution = space.by_label[label].distribution
        if label in options:
            found[label] = match_option(label, options[label], value)
            continue
        matched = distribution.match(value)
        if matched is None:
            arguments = ", ".join(f"{arg:g}" for arg in distribution.args)
            raise UserError(f"{label} is {value!r}. Expected a value of {distribution.name}({arguments}).")
        found[label] = matched
    return space.restrict(found)


def _by_paths(space: Space, values: Mapping[str, Any], defaults: Mapping[str, Any], empty: tuple[str, ...]) -> Vals:
    try:
        return read_point(space, unflatten(values), defaults)
    except UserError as error:
        if not empty:
            raise _with_label_hint(space, values, error) from None
        first = error
    try:
        return read_point(space, unflatten(values), {**dict.fromkeys(empty), **defaults})
    except UserError:
        raise first from None


def _with_label_hint(space: Space, values: Mapping[str, Any], error: UserError) -> UserError:
    unknown = [name for name in values if name not in space.by_label and "." not in name]
    near = next((found for name in unknown if (found := nearest(name, space.labels)) is not None), None)
    return error if near is None or near in values else UserError(f"{error} Is a label meant, such as {near}?")
