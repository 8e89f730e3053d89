"""Values that the reader of pickles makes, beside Python's own; see ``pickle_reader``."""

import datetime
from dataclasses import dataclass, field
from typing import Any

_SCALARS = (str, int, float, complex, bytes, type(None))
_LONGEST_KEY = 100  # items of a tuple
_KEY_BITS = 63


class NotPlain(ValueError):
    """The bytes are damaged, no pickle, or hold something that hyperopt does not write."""


@dataclass
class Budget:
    """Limits of a reading: the objects that it may still create.

    Attributes:
        objects: number of containers and items.
        characters: characters of texts that are converted.
    """

    objects: int
    characters: int

    def spend(self, objects: int = 0, characters: int = 0) -> None:
        """Count objects and characters.

        Raises:
            NotPlain: There are too many.
        """
        self.objects -= objects
        self.characters -= characters
        if self.objects < 0 or self.characters < 0:
            raise NotPlain("it holds too many objects")


@dataclass
class Instance:
    """An object with attributes, such as hyperopt's ``Trials``.

    Attributes:
        name: name of its class.
        attributes: its attributes by name.
    """

    name: str
    attributes: dict[Any, Any] = field(default_factory=dict)


class OldText(str):
    """Text that Python 2 wrote as ``str``: as UTF-8 where possible, else as Latin-1.

    Attributes:
        raw: its bytes, which may be the content of a number.
    """

    raw: bytes

    def __new__(cls, raw: bytes) -> "OldText":
        """Decode the bytes."""
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        made = super().__new__(cls, text)
        made.raw = raw
        return made


def as_key(value: Any) -> Any:
    """Return a key of a dict or an item of a set.

    Raises:
        NotPlain: It is neither a scalar nor a tuple of scalars; hashing nested tuples can take for ever.
    """
    if isinstance(value, int) and value.bit_length() > _KEY_BITS:
        raise NotPlain("a large integer is a key")  # many of them can have one hash
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, tuple) and len(value) <= _LONGEST_KEY and all(isinstance(each, _SCALARS) for each in value):
        return value
    if isinstance(value, datetime.datetime):
        return value
    raise NotPlain(f"a {type(value).__name__.strip('_')} is a key")
