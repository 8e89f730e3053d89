"""Pickles are read into plain values; a hostile one is refused at once and executes nothing."""

import collections
import contextlib
import datetime
import os
import pickle
import struct
import time

import numpy as np
import pytest
from hyperopt import Trials, fmin, hp, rand
from hypothesis import given
from hypothesis import strategies as st

from metaopt.storage.pickle_reader import read_plain
from metaopt.storage.pickle_values import Instance, NotPlain

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

# hyperopt.base.Trials as Python 2 writes it: text is `str`, numbers of NumPy have their bytes in text.
_PYTHON_2 = rb"""ccopy_reg
_reconstructor
p0
(chyperopt.base
Trials
p1
c__builtin__
object
p2
Ntp3
Rp4
(dp5
S'_ids'
p6
c__builtin__
set
p7
((lp8
I0
atp9
Rp10
sS'_trials'
p11
(lp12
(dp13
S'tid'
p14
I0
sS'state'
p15
I2
sS'book_time'
p16
cdatetime
datetime
p17
(S'\x07\xe1\x05\x1e\x17\x2a\x1e\x08\x51\x10'
p18
tp19
Rp20
sS'loss'
p21
cnumpy.core.multiarray
scalar
p22
(cnumpy
dtype
p23
(S'f8'
p24
I0
I1
tp25
Rp26
(I3
S'<'
p27
NNNI-1
I-1
I0
tp28
bS'\x00\x00\x00\x00\x00\x00\xe0?'
p29
tp30
Rp31
sS'name'
p32
S'caf\xc3\xa9'
p33
sS'long'
p34
L5L
sasb.""".replace(b"\\x51", b"Q")


def found_in(trials: object) -> list[dict]:
    assert isinstance(trials, Instance)
    assert trials.name == "Trials"
    return trials.attributes["_trials"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_trials_of_hyperopt_are_read_as_plain_values(protocol):
    extra = {"array": np.arange(6.0).reshape(2, 3), "float": np.float32(0.5), "set": {1, 2}, "text": np.str_("é"),
             "bytes": b"\0\xff", "empty": b"", "complex": 1j, "tuple": {(0, "a"): 1}, "none": None, "long": 2**70,
             "ordered": collections.OrderedDict(b=1), "fortran": np.ones((2, 1), order="F"), "zero": np.array(3),
             "big endian": np.arange(2, dtype=">i2"), "flags": np.array([True]), "frozen": frozenset("a")}  # fmt: skip
    trials = Trials()
    fmin(
        lambda point: {"loss": point["x"], "status": "ok", "attachments": {"file": b"content"}, **extra},
        {"x": hp.uniform("x", 0, 1), "c": hp.choice("c", [1, 2]), "r": hp.randint("r", 5)}, algo=rand.suggest,
        max_evals=2, trials=trials, rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip
    docs = found_in(read_plain(pickle.dumps(trials, protocol)))
    for doc, expected in zip(docs, trials.trials, strict=True):
        assert doc["misc"] == expected["misc"]
        assert all(type(value) in (int, float) for values in doc["misc"]["vals"].values() for value in values)
        assert doc["book_time"] == expected["book_time"]
        arrays = {name: value.tolist() for name, value in extra.items() if isinstance(value, np.ndarray)}
        result = {**expected["result"], **arrays, "zero": [3]}
        assert doc["result"] == result


def test_trials_of_python_2_are_read():
    (doc,) = found_in(read_plain(_PYTHON_2))
    assert doc["loss"] == 0.5
    assert doc["name"] == "café"
    assert doc["long"] == 5
    assert doc["book_time"].replace(microsecond=0) == datetime.datetime(2017, 5, 30, 23, 42, 30)


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil",)


def dtype_with_flags() -> bytes:
    """Return a NumPy scalar whose dtype claims to hold an object: NumPy would follow its bytes as an address."""
    return (
        b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x02\0\0\0i8K\0K\1tR(K\3X\1\0\0\0|NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x3ftbC\x08AAAAAAAAtR."
    )


HOSTILE = {
    "runs a program": pickle.dumps(Evil()),
    "names a built-in function": b"cbuiltins\neval\n(X\1\0\0\0\x31tR.",
    "names a module by a later protocol": b"\x80\4\x8c\x02os\x8c\x06system\x93\x8c\1x\x85R.",
    "dtype with flags": dtype_with_flags(),
    "dtype of objects": b"cnumpy\ndtype\n(X\2\0\0\0O8K\0K\1tR.",
    "nested tuples as a key": b"}N\x85" + b"2\x86" * 60 + b"Ns.",
    "nested tuples in a set": b"\x8f(N\x85" + b"2\x86" * 60 + b"\x90.",
    "eight gigabytes of bytes": b"\x8e" + struct.pack("<Q", 8_500_000_000),
    "eight gigabytes of text": b"\x8d" + struct.pack("<Q", 8_500_000_000),
    "the largest length": b"\x96" + b"\xff" * 8,
    "a frame beyond the end": b"\x95" + b"\xff" * 8,
    "a negative length": b"T\xff\xff\xff\xff",
    "a memo of four billion": b"Nr\xff\xff\xff\xff" + b"j\xfe\xff\xff\xff.",
    "an integer of a million digits": b"I" + b"9" * 1_000_000 + b"\n.",
    "an integer of a million bytes": b"\x8b" + struct.pack("<i", 1_000_000) + b"\xff" * 1_000_000 + b".",
    "a persistent id": b"Pname\n.",
    "an extension": b"\x82\1.",
    "a buffer out of band": b"\x97.",
    "an array larger than its bytes": (
        b"cnumpy.core.numeric\n_frombuffer\n(C\x08AAAAAAAAcnumpy\ndtype\n(X\2\0\0\0i8K\0K\1tR"
        b"\x8a\x05\0\0\0\0\x7f\x85X\1\0\0\0CtR."
    ),
    "no opcode": b"no pickle",
    "nothing": b"",
    "no value": b".",
    "a mark without values": b"t.",
    "a class that is called": b"cnumpy\nndarray\n(tR.",
    "a state without an object": b"]}b.",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_refused_at_once(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    with pytest.raises(NotPlain):
        read_plain(HOSTILE[name])
    assert time.monotonic() - began < 1
    assert not os.listdir(tmp_path)


def test_deep_and_circular_values_are_read_without_harm():
    deep = read_plain(b"]" * 200_000 + b"a" * 199_999 + b".")
    assert isinstance(deep, list)
    ring = read_plain(b"]2a.")
    assert ring[0] is ring


def test_copies_are_limited_by_the_size_of_the_file():
    text = b"X" + struct.pack("<I", 1_000_000) + b"a" * 1_000_000 + b"q\0"
    copy = b"h\1h\0X\6\0\0\0latin1\x86R0"
    with pytest.raises(NotPlain, match="too many"):
        read_plain(text + b"c_codecs\nencode\nq\1" + copy * 1000 + b"N.")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(NotPlain):  # the only exception
        read_plain(data)


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=4))
def test_a_changed_pickle_is_read_or_refused(position, change):
    data = bytearray(_PICKLE)
    data[position % len(data) : position % len(data) + len(change)] = change
    with contextlib.suppress(NotPlain):
        read_plain(bytes(data))


def _pickle() -> bytes:
    trials = Trials()
    fmin(
        lambda x: {"loss": x, "status": "ok", "array": np.arange(3)}, hp.uniform("x", 0, 1), algo=rand.suggest,
        max_evals=2, trials=trials, rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip
    return pickle.dumps(trials, 2)


_PICKLE = _pickle()
