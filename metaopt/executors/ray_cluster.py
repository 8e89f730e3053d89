"""Ray cluster: starting or joining it, and the resources of its workers."""

import contextlib
import importlib
import logging
import math
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import metaopt
from metaopt.errors import UserError, invalid_value
from metaopt.executors.hardware import cpu_count, worker_memory
from metaopt.quantities import plural, size_text
from metaopt.terminal.interruption import SIGNALS
from metaopt.terminal.suppressed_stderr import suppressed_stderr
from metaopt.values.safe_text import first_line

PATIENCE_S = 5.0  # for a cluster to answer
_JOINING_S = 60.0  # for a cluster that answers to be joined; on a busy machine that takes 20 s
# Ray speaks gRPC: a client opens HTTP/2 with this preface and an empty frame of settings (RFC 9113, 3.4), which a
# server answers with a frame of its own settings. The fourth byte of a frame is its type.
_SETTINGS = 4
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + bytes([_SETTINGS]) + bytes(5)
REQUIREMENT = "ray>=2.50"  # as in requirements-ray.txt
_OBJECT_STORE = 256 * 2**20  # bytes; only checkpoints and the data's description pass through it
_SMALLEST = 1e-4  # share of a resource that Ray tells apart
_VERSIONS = re.compile(r"Ray: (\S+)\s+Python: (\S+)")  # of the cluster and of this process, in Ray's message
# Variables that decide how a training computes.
_VARIABLES = ("KERAS_BACKEND", "KERAS_FLOATX", "TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS")


@dataclass(frozen=True)
class WorkerResources:
    """Resources of a Ray cluster that each worker reserves; None for a fair share of the nodes that are there.

    Attributes:
        cpus: CPUs, also the threads of its training.
        gpus: GPUs, e.g. 0.5 for two workers on each.
        memory: bytes of main memory, above which its training is ended.
    """

    cpus: float | None = None
    gpus: float | None = None
    memory: int | None = None

    def options(self) -> dict[str, Any]:
        """Return the options of a Ray actor."""
        memory = {} if self.memory is None else {"memory": self.memory}
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, **memory}


def import_ray(address: str | None = None) -> Any:
    """Return the module ``ray``.

    Args:
        address: address of a cluster; a server there that is not Ray's is then given up after 8 attempts, one a second.

    Raises:
        UserError: It is not installed.
    """
    if address is not None:
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "8")  # read when Ray is imported; 20 by default
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise UserError(
            f'The executor ray needs Ray, which is not installed. Install it with: pip install "{REQUIREMENT}"'
        ) from error


def check_address(address: str | None) -> None:
    """Check that a server of the kind of Ray's answers at an address of the form host:port.

    Raises:
        UserError: It does not, or the address has another form.
    """
    if address is None or address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or "/" in address or not 0 < int(port) < 2**16:
        raise invalid_value("ray_address", address, "Expected auto or host:port, e.g. 10.0.0.1:6379.")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE_S) as connection:
            if os.environ.get("RAY_USE_TLS", "0") in ("0", ""):
                connection.sendall(_PREFACE)
                frame = connection.recv(9, socket.MSG_WAITALL)
                if len(frame) < 9 or frame[3] != _SETTINGS:
                    raise ConnectionError
    except OSError as error:
        raise _no_answer(address) from error


def connect(address: str | None) -> bool:
    """Connect this process to a cluster; one that it is connected to already is used as it is.

    Args:
        address: ``"auto"`` for the cluster of this machine, ``"host:port"``, or None to start one.

    Returns:
        Whether this process is to disconnect at the end.

    Raises:
        UserError: No Ray answers at the address within 10 seconds, it has other versions of Ray or Python, or it could
            not be started here.
    """
    ray = import_ray(address)
    if ray.is_initialized():
        return False
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is None:
        here = {"num_cpus": cpu_count(), "include_dashboard": False, "object_store_memory": _OBJECT_STORE}
        try:
            with _signals_kept():
                ray.init(address="local", **here, **quiet)
        except Exception as error:  # of many types: time-outs, refused ports, a full disk
            ray.shutdown()  # what it has started
            raise UserError(f"Ray could not be started on this machine. {first_line(error)}") from error
        return True
    check_address(address)
    variables = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    environment = {"py_modules": [str(Path(metaopt.__file__).parent)], "env_vars": variables}
    with _signals_kept():
        _join(lambda: ray.init(address=address, runtime_env=environment, **quiet), address)
    return True


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep the signal handlers that this process has set: those that Ray installs would end the search."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is signal.SIG_IGN or callable(handler):
                signal.signal(number, handler)


def _join(join: Any, address: str) -> None:
    """Call a function that joins a cluster, in a thread: it has no time limit of its own.

    Raises:
        UserError: The cluster does not answer, or refuses.
    """
    errors: list[BaseException | None] = []

    def run() -> None:
        try:
            join()
            errors.append(None)
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    with suppressed_stderr():  # Ray prints each of its attempts
        thread.start()
        thread.join(_JOINING_S)
    if not errors:
        slow = f"The Ray cluster at {address} did not let this process join within {_JOINING_S:g} s (ray_address)."
        raise UserError(f"{slow}{_token_hint()}", "ray_address")
    error = errors[0]
    if isinstance(error, ConnectionError | TimeoutError):
        raise _no_answer(address) from error
    if isinstance(error, RuntimeError) and "ersion mismatch" in str(error):
        raise _other_versions(address, str(error)) from error
    if error is not None:
        raise error


def _no_answer(address: str) -> UserError:
    where = "on this machine" if address == "auto" else f"at {address}"
    return UserError(
        f"No Ray cluster answers {where} (ray_address). Start one with `ray start --head`, or leave ray_address out.",
        "ray_address",
    )


def _other_versions(address: str, text: str) -> UserError:
    """Return the error for a cluster with other versions of Ray or Python than this process."""
    found = _VERSIONS.findall(text)
    if len(found) != 2:
        return UserError(f"The Ray cluster at {address} has other versions than this process. {' '.join(text.split())}")
    cluster, own = (f"Ray {ray} and Python {python}" for ray, python in found)
    return UserError(
        f"The Ray cluster at {address} has {cluster}, while this process has {own}: install the same versions on all"
        " machines."
    )


def _token_hint() -> str:
    """Return a sentence on tokens: with an explicit address, Ray uses its token only where it is told to."""
    if os.environ.get("RAY_AUTH_MODE") == "token":
        return ""
    return " If it asks for a token, set the environment variable RAY_AUTH_MODE=token."


def resolve_resources(asked: WorkerResources, nodes: Sequence[dict[str, float]], workers: int) -> WorkerResources:
    """Return the resources of each worker, with fair shares where nothing was asked for.

    Args:
        asked: what was asked for.
        nodes: resources of each node, as ``ray.nodes()`` gives them.
        workers: number of workers.

    Raises:
        UserError: No node has so much.
    """
    cpus = [node.get("CPU", 0.0) for node in nodes]
    gpus = [node.get("GPU", 0.0) for node in nodes]
    memory = [node.get("memory", 0.0) for node in nodes]
    found = replace(
        asked,
        cpus=fair_share(cpus, workers) if asked.cpus is None else asked.cpus,
        gpus=min(1.0, fair_share(gpus, workers)) if asked.gpus is None else asked.gpus,
    )
    for name, value, largest, unit in (
        ("worker_cpus", found.cpus or 0.0, max(cpus, default=0.0), "CPU"),
        ("worker_gpus", found.gpus or 0.0, max(gpus, default=0.0), "GPU"),
    ):
        if value > largest:
            has = f"{plural(int(largest), unit)}" if largest else f"no {unit}"
            raise invalid_value(name, f"{value:g}", f"The largest node of the Ray cluster has {has}.")
    if found.memory is not None and found.memory > max(memory, default=0.0):
        largest_text = size_text(max(memory, default=0.0))
        given = size_text(found.memory)
        raise invalid_value("worker_memory", given, f"The largest node of the Ray cluster has {largest_text}.")
    return found


def fair_share(amounts: Sequence[float], workers: int) -> float:
    """Return the largest share of a resource that so many workers can each have, without one that spans two nodes.

    Args:
        amounts: amount of each node.
        workers: number of workers.

    Returns:
        A whole number, or 1/k where there are more workers than units; 0 where there is none.
    """
    units = [int(amount) for amount in amounts]
    for share in range(max(units, default=0), 0, -1):
        if sum(amount // share for amount in units) >= workers:
            return float(share)
    if not sum(units):
        return 0.0
    return math.floor(1 / math.ceil(workers / sum(units)) / _SMALLEST) * _SMALLEST


def memory_limit_here(resources: WorkerResources) -> int:
    """Return the bytes of main memory that a worker may use on this node: as asked for, or by its share of the node."""
    if resources.memory is not None:
        return resources.memory
    ray = import_ray()
    own = ray.get_runtime_context().get_node_id()
    node = next(each["Resources"] for each in ray.nodes() if each["NodeID"] == own)
    shares = [
        asked / node[name]
        for name, asked in (("CPU", resources.cpus), ("GPU", resources.gpus))
        if asked and name in node
    ]
    return int(worker_memory(1) * min(1.0, max(shares, default=1.0)))
