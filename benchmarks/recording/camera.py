"""Recording of shells while they work."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.recording.film import Frame, Pane
from benchmarks.recording.shell import Shell

_POLL_S = 0.04
_KEY_S = 0.035


@dataclass(frozen=True)
class View:
    """A shell in the picture.

    Attributes:
        title: what is written above it.
        shell: the shell.
    """

    title: str
    shell: Shell


class Camera:
    """Records what shells show, faster than it happens where nothing but training happens.

    Args:
        views: the shells, from above.
        frame_s: seconds between two frames of the animation, at least.
    """

    def __init__(self, views: Sequence[View], frame_s: float = 0.2):
        self._views = views
        self._frame_s = frame_s
        self._frames: list[Frame] = []

    @property
    def frames(self) -> list[Frame]:
        """Frames recorded so far."""
        return self._frames

    def type(self, shell: Shell, text: str) -> None:
        """Type a line into a shell, in real time, and press Enter."""
        for key in [*text, "\n"]:
            shell.write(key)
            self.watch(_KEY_S)

    def watch(self, seconds: float, speed: float = 1) -> None:
        """Record for a while; ``speed`` is the seconds that one second of the animation shows."""
        self.wait(lambda: False, speed, seconds)

    def wait(self, is_over: Callable[[], bool], speed: float = 1, seconds: float = 3600) -> None:
        """Record until something has happened, or for some seconds at most."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.monotonic()
            time.sleep(_POLL_S)
            for view in self._views:
                view.shell.read()
            self._record((time.monotonic() - begun) / speed, speed)
            if is_over():
                return

    def _record(self, seconds: float, speed: float) -> None:
        """Append what is seen now, unless the last frame shows it already or has not been there for long."""
        note = "real time" if speed == 1 else f"{speed:g} × real time"
        notes = [note] + [""] * (len(self._views) - 1)
        panes = tuple(Pane(view.title, note, view.shell.picture) for view, note in zip(self._views, notes, strict=True))
        last = self._frames[-1] if self._frames else None
        if last is None or (panes != last.panes and last.seconds >= self._frame_s):
            self._frames.append(Frame(panes, seconds))
        else:
            self._frames[-1] = Frame(last.panes, last.seconds + seconds)
