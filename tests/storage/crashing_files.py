"""File operations that stop the machine at a single step, and the files that a power cut may leave."""

from pathlib import Path
from typing import Literal

from metaopt.storage.files import Files

Survival = Literal["lost", "torn", "kept"]


class PowerCut(BaseException):
    """No handler of the program may catch it."""


class CrashingFiles(Files):
    """Counts steps, fails at one of them, and knows what was synced.

    Attributes:
        folder: its files are modelled, and those beside it that have its name with a suffix.
        fail_at: the step that fails, from 0, or None.
        error: what is raised there.
        steps: steps done so far.
    """

    def __init__(self, folder: Path, fail_at: int | None = None, error: type[BaseException] = PowerCut):
        self.folder = folder
        self.fail_at = fail_at
        self.error = error
        self.steps = 0
        self.disk = self._live()  # name → content, as a power cut would leave it
        self.synced = dict(self.disk)  # live name → content of its file when it was last synced

    def settle(self, survival: Survival) -> None:
        """Makes the folder what it is after the power cut.

        Args:
            survival: what was not synced is ``lost``; or ``torn``: of appended bytes the first half survives, and of
                files without a durable name the name; or all of it is ``kept``, as when only the program is killed.
        """
        if survival == "kept":
            return
        live = self._live()
        after = dict(self.disk)
        if survival == "torn":
            for path, content in live.items():
                durable = self.synced.get(path, b"")
                if content.startswith(durable):
                    after[path] = durable + content[len(durable) : (len(durable) + len(content) + 1) // 2]
        for path in live.keys() - after.keys():
            path.unlink()
        for path, content in after.items():
            path.write_bytes(content)

    def _live(self) -> dict[Path, bytes]:
        paths = [*self.folder.glob("*"), *self.folder.parent.glob(f"*{self.folder.name}.pkl*")]
        return {path: path.read_bytes() for path in paths if path.is_file() and path.name != ".lock"}

    def _step(self) -> bool:
        self.steps += 1
        return self.steps - 1 == self.fail_at

    def _write(self, file, data) -> None:
        if self._step():
            file.write(data[: len(data) // 2])
            raise self.error("write")
        super()._write(file, data)
        self.synced.setdefault(Path(file.name), b"")

    def _sync(self, file) -> None:
        if self._step():
            raise self.error("sync")
        path = Path(file.name)
        self.synced[path] = path.read_bytes()
        if path in self.disk:
            self.disk[path] = self.synced[path]

    def _truncate(self, file, size) -> None:
        if self._step():
            raise self.error("truncate")
        super()._truncate(file, size)

    def _rename(self, source, target) -> None:
        if self._step():
            raise self.error("rename")
        super()._rename(source, target)
        self.synced[target] = self.synced.pop(source)

    def _unlink(self, path) -> None:
        if self._step():
            raise self.error("unlink")
        super()._unlink(path)
        self.synced.pop(path, None)

    def _sync_folder(self, folder) -> None:
        if self._step():
            raise self.error("sync of a folder")
        for path in {*self.disk, *self.synced}:
            if path.parent != folder:
                continue
            if path.exists():
                self.disk[path] = self.synced[path]
            else:
                self.disk.pop(path, None)
