"""Points that record which of their keys are read."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from metaopt.values.safe_text import safe_str


class Reads:
    """Keys that were read, as paths in the point, joined by dots; items of a sequence have no number.

    Attributes:
        known: all keys of the points.
        read: those that were read one by one.
        copied: those that were only read with all others of their dict, as by ``{**point}``.
    """

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.read: set[str] = set()
        self.copied: set[str] = set()

    def record(self, point: Any, path: str = "") -> Any:
        """Return a point that records what is read of it; dicts within it record too."""
        if isinstance(point, Mapping):
            return _RecordedPoint(point, self, path)
        if isinstance(point, list | tuple) and type(point) in (list, tuple):
            return type(point)([self.record(item, path) for item in point])
        return point

    def unread(self, whole: bool = False) -> set[str]:
        """Return the known keys that were not read; those below an unread key are left out.

        Args:
            whole: whether a copy of all keys of a dict counts as reading each.
        """
        unread = self.known - self.read - (self.copied if whole else set())
        return {key for key in unread if not any(parent in unread for parent in _get_parents(key))}


class _RecordedPoint(dict[Any, Any]):
    """Dict that tells a ``Reads`` which keys are read; it is pickled and copied as a plain dict."""

    def __init__(self, point: Mapping[Any, Any], reads: Reads, path: str) -> None:
        self._reads = reads
        self._copying: deque[Any] = deque()  # keys that a copy of the dict will read next
        self._paths = {key: f"{path}.{safe_str(key)}" if path else safe_str(key) for key in point}
        reads.known.update(self._paths.values())
        super().__init__({key: reads.record(value, self._paths[key]) for key, value in point.items()})

    def _note(self, key: Any) -> None:
        if self._copying and self._copying[0] == key:  # {**point} reads every key in turn
            self._copying.popleft()
            return
        self._copying.clear()
        if key in self._paths:
            self._reads.read.add(self._paths[key])

    def _note_all(self) -> None:
        self._reads.copied.update(self._paths.values())
        self._copying = deque(self._paths)

    def __getitem__(self, key: Any) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def pop(self, key: Any, *default: Any) -> Any:
        self._note(key)
        return super().pop(key, *default)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        self._note(key)
        return super().setdefault(key, default)

    # An own __iter__ makes {**point} and f(**point) call it; CPython reads a plain dict without asking it.
    def __iter__(self) -> Iterator[Any]:
        self._note_all()
        return super().__iter__()

    def keys(self) -> Any:
        self._note_all()
        return super().keys()

    def values(self) -> Any:
        self._note_all()
        return super().values()

    def items(self) -> Any:
        self._note_all()
        return super().items()

    def copy(self) -> dict[Any, Any]:
        self._note_all()
        return dict(super().items())

    def __or__(self, other: Any) -> Any:
        self._note_all()
        return dict(super().items()) | other

    def __ror__(self, other: Any) -> Any:
        self._note_all()
        return other | dict(super().items())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[dict[Any, Any]]]:
        return dict, (dict(super().items()),)


def _get_parents(key: str) -> Iterator[str]:
    parts = key.split(".")
    return (".".join(parts[:n]) for n in range(1, len(parts)))
