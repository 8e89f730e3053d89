"""Running of the server until it is interrupted."""

import errno
import importlib.util
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from metaopt.errors import UserError, invalid_value

PORT = 8340
"""Port of the server by default."""

HOST = "127.0.0.1"
"""Address that it listens on by default: other machines do not reach it."""

_NAMES_OF_THIS_MACHINE = ("127.0.0.1", "localhost")
_ANY = ("0.0.0.0", "::")


def require_server() -> None:
    """Check that the libraries of the server are installed.

    Raises:
        UserError: One is not.
    """
    missing = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        verb = "are" if missing[1:] else "is"
        raise UserError(
            f"The live page needs {' and '.join(missing)}, which {verb} not installed: pip install -r"
            f" requirements-serve.txt, or pip install {' '.join(missing)}."
        )


def require_free_port(port: int, host: str = HOST) -> None:
    """Check that a port can be listened on.

    Raises:
        UserError: It is in use, or the address is not of this machine.
    """
    _listen(host, port).close()


def serve(
    places: Sequence[Path],
    port: int = PORT,
    host: str = HOST,
    names: Sequence[str] = (),
    *,
    started: Callable[[str], None] = lambda _: None,
    ends: threading.Event | None = None,
) -> None:
    """Serve studies until the process is interrupted.

    Args:
        places: folders of studies, or folders that hold studies.
        port: the port; 0 for a free one.
        host: address to listen on.
        names: further names under which browsers may ask, beside ``host`` and those of this machine.
        started: called with the address of the first page, once it can be opened.
        ends: the server ends when it is set.

    Raises:
        UserError: There is no study, a library is missing, or the port cannot be listened on.
    """
    require_server()
    import uvicorn

    from metaopt.server.app import make_app
    from metaopt.server.catalogue import Catalogue

    catalogue = Catalogue(places)
    listening = _listen(host, port)
    hosts = list(dict.fromkeys([*_NAMES_OF_THIS_MACHINE, *([] if host in _ANY else [host]), *names]))
    app = make_app(catalogue, hosts)
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1, server_header=False)
    server = uvicorn.Server(config)
    shown = HOST if host in _ANY else f"[{host}]" if ":" in host else host
    if ends is not None:
        threading.Thread(target=_end, args=(server, ends), daemon=True).start()
    with listening:
        started(f"http://{shown}:{listening.getsockname()[1]}/")
        server.run(sockets=[listening])


def _end(server: "object", ends: threading.Event) -> None:
    ends.wait()
    server.should_exit = True  # type: ignore[attr-defined]


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        UserError: It cannot.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            text = f"Port {port} of {host} is in use: choose another port, or 0 for a free one."
            raise UserError(text, "port") from error
        if error.errno == errno.EACCES:
            raise UserError(f"Port {port} is reserved for the system: choose a port from 1024 on.", "port") from error
        raise invalid_value("host", host, f"Expected an address of this machine ({error.strerror}).") from error
    except OverflowError as error:
        raise invalid_value("port", port, "Expected an integer from 0 to 65535.") from error
