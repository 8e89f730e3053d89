"""Stores of checkpoints: the study's own folder, or a URL of a file system that pyarrow knows.

A store holds one directory of files per trial. Trainings write to the folder directly, whether it is local or shared. A
URL is read before a job and written after each epoch, see ``metaopt.executors.stored_trainer``.
"""

import contextlib
import importlib
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from urllib.parse import urlsplit

from metaopt.errors import ResultsNotWritable, UserError, invalid_value
from metaopt.files.atomic_files import write_bytes
from metaopt.values.safe_text import class_name, first_line
from metaopt.values.urls import without_secrets

REQUIREMENT = "pyarrow>=14"  # as in requirements-url.txt
_PROBE = ".probe"
_IN_PLACE = (
    "local",
    "hdfs",
)  # file systems on which a file that is being written can be seen; it is renamed at the end


class CheckpointStore(Protocol):
    """Directories of files by their names."""

    def sizes(self) -> dict[str, dict[str, int]]:
        """Return directory → path of a file in it → bytes; files whose names begin with a dot do not count."""

    def remove(self, directory: str) -> None:
        """Remove a directory; failures are ignored."""


class FolderStore:
    """Store in a folder of this machine, or one that several machines share.

    Args:
        folder: the folder, which need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sizes(self) -> dict[str, dict[str, int]]:
        """Return directory → path of a file in it → bytes; links do not count."""
        if not self.folder.is_dir():
            return {}
        found = (each for each in self.folder.iterdir() if each.name.isdecimal() and not each.is_symlink())
        return {each.name: _sizes(each) for each in found}

    def remove(self, directory: str) -> None:
        """Remove a directory; failures are ignored."""
        shutil.rmtree(self.folder / directory, ignore_errors=True)


class UrlStore:
    """Store behind a URL, such as ``s3://bucket/folder``, ``gs://…``, ``hdfs://…`` or ``file:///…``.

    Args:
        url: URL of a folder.
        study: id of the study, the name of its folder within.

    Raises:
        UserError: pyarrow is not installed, or the URL is invalid.
    """

    def __init__(self, url: str, study: str = "") -> None:
        check_url(url)
        self._url = url
        self._study = study
        self._opened: Any = None

    def __reduce__(self) -> Any:
        return UrlStore, (self._url, self._study)

    def of_study(self, study: str) -> "UrlStore":
        """Return the store of one study."""
        return UrlStore(self._url, study)

    def check(self) -> None:
        """Check that the store can be written.

        Raises:
            ResultsNotWritable: It cannot.
        """
        self.write(_PROBE, {"empty": b""})
        self.remove(_PROBE)

    def sizes(self) -> dict[str, dict[str, int]]:
        """Return directory → path of a file in it → bytes.

        Raises:
            ResultsNotWritable: The store does not answer.
        """
        found: dict[str, dict[str, int]] = {}
        for path, size in self._files("").items():
            directory, _, name = path.partition("/")
            if name and directory.isdecimal() and not name.startswith("."):
                found.setdefault(directory, {})[name] = size
        return found

    def remove(self, directory: str) -> None:
        """Remove a directory; failures are ignored."""
        with contextlib.suppress(OSError):
            system, root = self._open()
            system.delete_dir(f"{root}/{directory}")

    def read(self, directory: str) -> dict[str, bytes]:
        """Return path in a directory → content of its files; empty if there is none.

        Raises:
            ResultsNotWritable: The store does not answer.
        """
        with self._explained(directory):
            system, root = self._open()
            contents = {}
            for name in self._files(directory):
                with (
                    contextlib.suppress(FileNotFoundError),
                    system.open_input_stream(f"{root}/{directory}/{name}") as stream,
                ):
                    contents[name] = stream.read()
            return contents

    def write(self, directory: str, written: Mapping[str, bytes], removed: Collection[str] = ()) -> None:
        """Write files to a directory in the order of their names, then remove others.

        Raises:
            ResultsNotWritable: The store cannot be written.
        """
        with self._explained(directory):
            system, root = self._open()
            for name in sorted(written):
                path = f"{root}/{directory}/{name}"
                system.create_dir(path.rpartition("/")[0], recursive=True)
                if system.type_name in _IN_PLACE:
                    parent, _, last = path.rpartition("/")
                    self._put(f"{parent}/.{last}.tmp", written[name])
                    system.move(f"{parent}/.{last}.tmp", path)
                else:
                    self._put(path, written[name])
            for name in removed:
                with contextlib.suppress(FileNotFoundError):
                    system.delete_file(f"{root}/{directory}/{name}")

    def _put(self, path: str, content: bytes) -> None:
        with self._open()[0].open_output_stream(path) as stream:
            stream.write(content)

    def _files(self, directory: str) -> dict[str, int]:
        """Return path within a directory of the study → bytes of its files."""
        with self._explained(directory):
            system, root = self._open()
            base = f"{root}/{directory}".rstrip("/")
            selector = _arrow().FileSelector(base, recursive=True, allow_not_found=True)
            files = [info for info in system.get_file_info(selector) if info.is_file]
            return {info.path[len(base) + 1 :]: int(info.size) for info in files}

    def _open(self) -> tuple[Any, str]:
        """Return the file system and the path of the study in it."""
        if self._opened is None:
            system, path = _arrow().FileSystem.from_uri(self._url)
            self._opened = system, "/".join(filter(None, [path.rstrip("/"), self._study]))
        return self._opened

    @contextlib.contextmanager
    def _explained(self, directory: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            place = "/".join(filter(None, [self._url.rstrip("/"), self._study, directory]))
            raise ResultsNotWritable(
                f"The checkpoints in {place} cannot be read or written ({class_name(error)}: {first_line(error)})."
                " All earlier results are saved; start the search again when they can be."
            ) from error


def check_url(url: str) -> None:
    """Check the URL of a store, without a connection.

    Raises:
        UserError: pyarrow is not installed, the URL is invalid, or it holds a password.
    """
    parts = urlsplit(url)
    if not parts.scheme or "@" in parts.netloc:
        reason = " Keys belong into the environment, not into the study." if "@" in parts.netloc else ""
        shown = without_secrets(url) if reason else url
        raise invalid_value("checkpoint_url", shown, f"Expected a URL such as s3://bucket/folder.{reason}")
    arrow = _arrow()
    try:
        arrow.FileSystem.from_uri(url)
    except (ValueError, NotImplementedError, TypeError) as error:  # pyarrow.ArrowInvalid is a ValueError
        raise invalid_value("checkpoint_url", url, f"{first_line(error)}.".replace("..", ".")) from error
    except OSError:  # the store does not answer, which its first use tells
        return


def _arrow() -> Any:
    """Return the module ``pyarrow.fs``.

    Raises:
        UserError: It is not installed.
    """
    try:
        return importlib.import_module("pyarrow.fs")
    except ModuleNotFoundError as error:
        raise UserError(
            f'checkpoint_url needs pyarrow, which is not installed. Install it with: pip install "{REQUIREMENT}"',
            "checkpoint_url",
        ) from error


@contextlib.contextmanager
def checkpoint_directory(folder: Path, trial: int, url: str | None, study: str) -> Iterator[Path]:
    """Give the checkpoint of a trial as a directory that can be read; a copy where the study keeps it behind a URL.

    Args:
        folder: folder of the study.
        trial: number of the trial.
        url: the study's URL of checkpoints, or None.
        study: id of the study.

    Raises:
        UserError: pyarrow is not installed, or the store does not answer.
    """
    name = f"{trial:06d}"
    if url is None:
        yield folder / "checkpoints" / name
        return
    with TemporaryDirectory(prefix="metaopt_checkpoint_") as copy:
        for path, content in UrlStore(url, study).read(name).items():
            write_bytes(Path(copy, path), content)
        yield Path(copy)


def _sizes(directory: Path) -> dict[str, int]:
    """Name → bytes of the files in a directory; what a worker writes or renames at this moment does not count."""
    sizes = {}
    for file in directory.rglob("*"):
        try:
            if not file.name.startswith("."):
                sizes[str(file.relative_to(directory))] = file.stat().st_size
        except FileNotFoundError:
            continue
    return sizes
