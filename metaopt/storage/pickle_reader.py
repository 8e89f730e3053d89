"""Reader of pickles that hyperopt writes: interprets the opcodes into plain values and executes nothing.

``pickle.Unpickler`` with a list of admitted classes is not enough: a NumPy dtype whose flags a file sets makes NumPy
take bytes of the file for addresses, nested tuples as a key take for ever to hash, and nine bytes can ask for
gigabytes. Of the libraries, picklescan and fickling judge or decompile a pickle but return no values, pickletools lists
opcodes, and restricted unpicklers call the classes that they admit. Here no class is ever looked up: a name is an entry
of a table (``pickle_names``), its construction a function on plain values.

Protocols 0 to 5 are read, of Python 2 too. Time and memory are proportional to the size of the file: a step takes at
least one byte, what a step copies is counted, and only scalars and tuples of scalars are hashed.
"""

import codecs
import pickle
import struct
from collections.abc import Callable
from typing import Any

from metaopt.storage.pickle_names import build, construct, find_name
from metaopt.storage.pickle_values import Budget, NotPlain, OldText, as_key
from metaopt.values.safe_text import cut

MAX_BYTES = 500_000_000
MAX_OBJECTS = 10_000_000  # 10,000 trials of 60 hyperparameters have some 3 million
_MOST_DIGITS = 310  # an integer that a float can hold
_MOST_INTEGER_BYTES = 128


def read_plain(data: bytes) -> Any:
    """Return the value of a pickle: of dict, list, tuple, set, str, bytes, numbers, datetime and ``Instance``.

    Args:
        data: the pickle; bytes after its end are ignored.

    Raises:
        NotPlain: It is damaged, too large, or names something that hyperopt does not write.
    """
    if len(data) > MAX_BYTES:
        raise NotPlain(f"it has {len(data):,} bytes, more than {MAX_BYTES:,}")
    try:
        return _Machine(data).run()
    except NotPlain:
        raise
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, struct.error) as error:
        raise NotPlain(f"it is damaged ({cut(type(error).__name__ + ': ' + str(error), 100)})") from error


class _Machine:
    """The stack machine of pickle, see the comments of ``pickletools``.

    Args:
        data: the pickle.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []  # the stacks below each mark
        self._memo: dict[int, Any] = {}
        self._budget = Budget(MAX_OBJECTS, 4 * len(data) + 1000)

    def run(self) -> Any:
        """Interpret the opcodes up to STOP."""
        data, end, steps, stop = self._data, len(self._data), _STEPS, pickle.STOP[0]
        while self._position < end:
            code = data[self._position]
            self._position += 1
            if code == stop:
                return self._stack.pop()
            step = steps.get(code)
            if step is None:
                raise NotPlain(f"byte {self._position - 1} is no instruction that hyperopt's pickles have")
            step(self)
        raise NotPlain("it ends early")

    def push(self, value: Any) -> None:
        """Push a value."""
        self._stack.append(value)

    def container(self, value: Any, cost: int = 1) -> None:
        """Push a new container, of which there are so many at most."""
        self._budget.spend(cost)
        self._stack.append(value)

    def take(self, length: int) -> bytes:
        """Return the next bytes; a length beyond the end of the file allocates nothing."""
        end = self._position + length
        if length < 0 or end > len(self._data):
            raise NotPlain("it ends early")
        found = self._data[self._position : end]
        self._position = end
        return found

    def byte(self) -> int:
        """Return the next byte as a number."""
        value = self._data[self._position]
        self._position += 1
        return value

    def number(self, form: str) -> int:
        """Return the next number, in a format of ``struct``."""
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def line(self) -> bytes:
        """Return the next line, without its end."""
        end = self._data.index(b"\n", self._position)
        return self.take(end + 1 - self._position)[:-1]

    def mark(self) -> None:
        """Begin a group of values."""
        self._marked.append(self._stack)
        self._stack = []

    def group(self) -> list[Any]:
        """End a group, and return its values."""
        values, self._stack = self._stack, self._marked.pop()
        return values

    def pop(self) -> None:
        """Drop the last value, or a mark without values."""
        if self._stack:
            self._stack.pop()
        else:
            self._stack = self._marked.pop()

    def integer_of_text(self) -> None:
        """INT and LONG: decimal digits; 00 and 01 are False and True."""
        text = self.line().rstrip(b"L")
        if len(text) > _MOST_DIGITS:
            raise NotPlain("an integer is too large")
        self.push({b"00": False, b"01": True}.get(text) if text in (b"00", b"01") else int(text))

    def integer_of_bytes(self, length: int) -> None:
        """LONG1 and LONG4: two's complement."""
        if length > _MOST_INTEGER_BYTES:
            raise NotPlain("an integer is too large")
        self.push(int.from_bytes(self.take(length), "little", signed=True))

    def quoted(self) -> None:
        """STRING: a str of Python 2, quoted."""
        text = self.line().strip()
        if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
            raise NotPlain("a string is not quoted")
        self.push(OldText(codecs.escape_decode(text[1:-1])[0]))

    def put(self, number: int) -> None:
        """Store the last value in the memo."""
        self._memo[number] = self._stack[-1]

    def get(self, number: int) -> None:
        """Push a value of the memo."""
        self._stack.append(self._memo[number])

    def dict_of(self, items: list[Any]) -> dict[Any, Any]:
        """Return a dict of alternating keys and values."""
        return {as_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)}

    def append(self, items: list[Any]) -> None:
        """APPEND and APPENDS: append to the list below."""
        _require(self._stack[-1], list).extend(items)

    def set_items(self, items: list[Any]) -> None:
        """SETITEM and SETITEMS: set items of the dict below."""
        _require(self._stack[-1], dict).update(self.dict_of(items))

    def add_items(self) -> None:
        """ADDITEMS: add to the set below."""
        items = self.group()
        _require(self._stack[-1], set).update(map(as_key, items))

    def last(self, count: int) -> list[Any]:
        """Remove the last values, and return them."""
        if len(self._stack) < count:
            raise NotPlain("a value is missing")
        values = self._stack[-count:]
        del self._stack[-count:]
        return values

    def name(self, module: object, name: object) -> None:
        """GLOBAL and STACK_GLOBAL: push a name, if hyperopt's pickles have it."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise NotPlain("a name is no text")
        self.push(find_name(module, name))

    def reduce(self) -> None:
        """REDUCE and NEWOBJ: construct a value from a name and its arguments."""
        name, arguments = self.last(2)
        self.container(construct(name, _require(arguments, tuple), self._budget))

    def build(self) -> None:
        """BUILD: give the value below its state."""
        (state,) = self.last(1)
        build(self._stack[-1], state, self._budget)


def _require(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise NotPlain(f"a {kind.__name__} is missing")
    return value


def _refuse_later_protocol(machine: _Machine) -> None:
    if machine.byte() > pickle.HIGHEST_PROTOCOL:
        raise NotPlain("it has a later protocol")


def _global(machine: _Machine) -> None:
    module, name = machine.line().decode(), machine.line().decode()
    machine.name(module, name)


_STEPS: dict[int, Callable[[_Machine], Any]] = {
    code[0]: step
    for code, step in {
        pickle.PROTO: _refuse_later_protocol,
        pickle.FRAME: lambda m: m.take(8),
        # Constants.
        pickle.NONE: lambda m: m.push(None),
        pickle.NEWTRUE: lambda m: m.push(True),
        pickle.NEWFALSE: lambda m: m.push(False),
        pickle.INT: _Machine.integer_of_text,
        pickle.LONG: _Machine.integer_of_text,
        pickle.BININT: lambda m: m.push(m.number("<i")),
        pickle.BININT1: lambda m: m.push(m.byte()),
        pickle.BININT2: lambda m: m.push(m.number("<H")),
        pickle.LONG1: lambda m: m.integer_of_bytes(m.byte()),
        pickle.LONG4: lambda m: m.integer_of_bytes(m.number("<i")),
        pickle.FLOAT: lambda m: m.push(float(m.line())),
        pickle.BINFLOAT: lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
        # Text and bytes.
        pickle.STRING: _Machine.quoted,
        pickle.BINSTRING: lambda m: m.push(OldText(m.take(m.number("<i")))),
        pickle.SHORT_BINSTRING: lambda m: m.push(OldText(m.take(m.byte()))),
        pickle.UNICODE: lambda m: m.push(m.line().decode("raw-unicode-escape")),
        pickle.BINUNICODE: lambda m: m.push(m.take(m.number("<I")).decode("utf-8", "surrogatepass")),
        pickle.SHORT_BINUNICODE: lambda m: m.push(m.take(m.byte()).decode("utf-8", "surrogatepass")),
        pickle.BINUNICODE8: lambda m: m.push(m.take(m.number("<Q")).decode("utf-8", "surrogatepass")),
        pickle.BINBYTES: lambda m: m.push(m.take(m.number("<I"))),
        pickle.SHORT_BINBYTES: lambda m: m.push(m.take(m.byte())),
        pickle.BINBYTES8: lambda m: m.push(m.take(m.number("<Q"))),
        pickle.BYTEARRAY8: lambda m: m.push(m.take(m.number("<Q"))),
        # Containers.
        pickle.MARK: _Machine.mark,
        pickle.EMPTY_LIST: lambda m: m.container([]),
        pickle.EMPTY_TUPLE: lambda m: m.push(()),
        pickle.EMPTY_DICT: lambda m: m.container({}),
        pickle.EMPTY_SET: lambda m: m.container(set(), 4),
        pickle.LIST: lambda m: m.container(m.group()),
        pickle.TUPLE: lambda m: m.container(tuple(m.group())),
        pickle.TUPLE1: lambda m: m.container(tuple(m.last(1))),
        pickle.TUPLE2: lambda m: m.container(tuple(m.last(2))),
        pickle.TUPLE3: lambda m: m.container(tuple(m.last(3))),
        pickle.DICT: lambda m: m.container(m.dict_of(m.group())),
        pickle.FROZENSET: lambda m: m.container(frozenset(map(as_key, m.group())), 4),
        pickle.APPEND: lambda m: m.append(m.last(1)),
        pickle.APPENDS: lambda m: m.append(m.group()),
        pickle.SETITEM: lambda m: m.set_items(m.last(2)),
        pickle.SETITEMS: lambda m: m.set_items(m.group()),
        pickle.ADDITEMS: _Machine.add_items,
        # Stack and memo.
        pickle.POP: _Machine.pop,
        pickle.POP_MARK: lambda m: m.group(),
        pickle.DUP: lambda m: m.push(m._stack[-1]),
        pickle.PUT: lambda m: m.put(int(m.line()[:20])),
        pickle.BINPUT: lambda m: m.put(m.byte()),
        pickle.LONG_BINPUT: lambda m: m.put(m.number("<I")),
        pickle.MEMOIZE: lambda m: m.put(len(m._memo)),
        pickle.GET: lambda m: m.get(int(m.line()[:20])),
        pickle.BINGET: lambda m: m.get(m.byte()),
        pickle.LONG_BINGET: lambda m: m.get(m.number("<I")),
        # Objects.
        pickle.GLOBAL: _global,
        pickle.STACK_GLOBAL: lambda m: m.name(*m.last(2)),
        pickle.REDUCE: _Machine.reduce,
        pickle.NEWOBJ: _Machine.reduce,
        pickle.BUILD: _Machine.build,
    }.items()
}
