"""Facts about a backbone: shapes and counts at its cuts, measured once in a process of its own and kept on disk.

Neither the search loop nor the guard imports Keras, and to build a backbone takes seconds. What they need is a table
for each image size.
"""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from metaopt.backbones.source import UnsupportedSize, identify, named
from metaopt.errors import UserError
from metaopt.files.atomic_files import cannot_write, write_bytes
from metaopt.files.held_folders import folder_of, lasting
from metaopt.terminal.commands import shown

VERSION = 3
"""Increase it whenever the facts of the same file would be others."""

_TIMEOUT_S = 900  # a download of weights included
_COMMON_SIZES = ((64, 64), (96, 96), (128, 128), (160, 160))  # measured with the first one, as the start takes longest


@dataclass(frozen=True)
class Cut:
    """A feature map at which a backbone can be cut, and the counts of all layers up to it for one image.

    Attributes:
        layer: name of the layer whose output it is.
        shape: its shape, ``(height, width, channels)``.
        macs: multiply-accumulates.
        activations: elements of all outputs.
        params: number of parameters.
        tunable: number of those that are trained where the layers are tuned, i.e. without batch normalisation.
    """

    layer: str
    shape: tuple[int, int, int]
    macs: int
    activations: int
    params: int
    tunable: int


@dataclass(frozen=True)
class BackboneFacts:
    """Facts about a backbone for images of one size.

    Attributes:
        source: name or absolute path of the backbone.
        digest: digest of its content, see ``identify``.
        size: height and width of the images.
        cuts: feature maps at which it can be cut, in the order of the computation; the last one is its output.
        uncounted: kinds of layers whose multiply-accumulates are not in the counts.
    """

    source: str
    digest: str
    size: tuple[int, int]
    cuts: tuple[Cut, ...]
    uncounted: tuple[str, ...] = ()

    @property
    def end(self) -> Cut:
        """Its output."""
        return self.cuts[-1]

    def before(self, share: float) -> Cut | None:
        """Return the earliest cut after which at most this share of the multiply-accumulates is left.

        Args:
            share: in 0..1. 0 returns the output, as does a share in which there is nothing to train; for 1 nothing is
                cut off, which is None.
        """
        if share >= 1:
            return None
        cut = next(cut for cut in self.cuts if self.end.macs - cut.macs <= share * self.end.macs)
        return cut if share and cut.tunable < self.end.tunable else self.end


def read_facts(source: str, size: tuple[int, int]) -> BackboneFacts:
    """Return the facts about a backbone for one image size; the first time they are measured, which takes seconds.

    Args:
        source: name of a network of ``keras.applications``, or path of a ``.keras`` file.
        size: height and width of the images, in pixels.

    Raises:
        UnsupportedSize: It takes no images of this size.
        UserError: It is no Keras model, holds code, takes no images of three channels, has no feature map, or its
            weights are neither on this machine nor can be downloaded.
    """
    return _read(source, identify(source), size)


@functools.lru_cache(maxsize=256)
def _read(source: str, digest: str, size: tuple[int, int]) -> BackboneFacts:
    name = _name(size)
    try:
        folder = lasting("backbones")
    except OSError as error:
        raise cannot_write(f"The folder for facts about backbones {shown(folder_of('backbones'))}", error) from error
    file = folder / f"{digest}-{VERSION}.json"
    known = _load(file)
    if name not in known:
        with FileLock(f"{file}.lock"):
            known = _load(file)
            if name not in known:
                sizes = [each for each in dict.fromkeys([size, *_COMMON_SIZES]) if _name(each) not in known]
                measured = dict(zip(map(_name, sizes), _measure(source, sizes), strict=True))
                if "error" in measured[name]:
                    raise UserError(measured[name]["error"], "backbones")
                known |= {each: facts for each, facts in measured.items() if "error" not in facts}
                write_bytes(file, json.dumps(known).encode())
    found = known[name]
    if "unsupported" in found:
        raise UnsupportedSize(found["unsupported"], "backbones")
    cuts = tuple(Cut(**{**each, "shape": tuple(each["shape"])}) for each in found["cuts"])
    return BackboneFacts(source, digest, size, cuts, tuple(found["uncounted"]))


def _name(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _load(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _measure(source: str, sizes: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Return the facts for each size as JSON, or its error, measured by another process, which needs no GPU.

    Raises:
        UserError: They could not be measured.
    """
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    code = f"import sys; sys.path[:] = {sys.path!r}; from metaopt.backbones.measuring import main; main()"
    try:
        ended = subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps({"source": source, "sizes": sizes}),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        minutes = _TIMEOUT_S // 60
        raise UserError(
            f"The backbone {named(source)} could not be measured in {minutes} minutes.", "backbones"
        ) from None
    try:
        found = json.loads(ended.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        reason = (ended.stderr.strip().splitlines()[-1:] or [f"exit code {ended.returncode}"])[0].rstrip(".")
        raise UserError(f"The backbone {named(source)} could not be measured: {reason}.", "backbones") from None
    return [dict(each) for each in found]


def describe(cuts: Sequence[Cut], uncounted: Sequence[str]) -> dict[str, Any]:
    """Return the facts for one size as JSON."""
    return {"cuts": [asdict(cut) for cut in cuts], "uncounted": list(uncounted)}
