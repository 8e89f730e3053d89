"""A real server on a free port of this machine, on a thread of the test's process."""

import contextlib
import http.client
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from metaopt.server.run import serve


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@contextlib.contextmanager
def serving(*places: Path) -> Iterator[str]:
    """The address of a server on these places."""
    ends, addresses = threading.Event(), queue.Queue[str]()
    options = {"started": addresses.put, "ends": ends}
    thread = threading.Thread(target=serve, args=(places, 0), kwargs=options, daemon=True)
    thread.start()
    try:
        yield addresses.get(timeout=60)
    finally:
        ends.set()
        thread.join(timeout=30)
    assert not thread.is_alive()


def ask(address: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """Send a request with exactly this path, which a client of HTTP would normalise."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.putrequest(method, path, skip_host="host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    connection.close()
    return found
