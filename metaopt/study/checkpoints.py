"""Where trials keep their weights, and which of them are kept."""

import shutil
from pathlib import Path
from typing import Literal

Keep = Literal["none", "best", "all"]


class Checkpoints:
    """One directory a trial, in the study's folder.

    Args:
        folder: the study's.
        keep: ``none``: trials get no directory; ``best``: that of the best trial survives, so that the best weights so
            far can be used at every moment and the disk is not filled by the others; ``all``: a user's own training
            looks after its files.
    """

    def __init__(self, folder: Path, keep: Keep) -> None:
        self._folder = folder / "checkpoints"
        self._keep = keep

    def directory(self, trial: int) -> str | None:
        """The directory of a trial, which need not exist yet."""
        return None if self._keep == "none" else str(self._folder / f"{trial:06d}")

    def clear(self, running: set[int], best: int | None) -> None:
        """Removes what nobody needs any more; what cannot be removed is left."""
        if self._keep != "best" or not self._folder.is_dir():
            return
        needed = {f"{trial:06d}" for trial in (*running, *([] if best is None else [best]))}
        for directory in self._folder.iterdir():
            if directory.name.isdecimal() and directory.name not in needed:
                shutil.rmtree(directory, ignore_errors=True)
