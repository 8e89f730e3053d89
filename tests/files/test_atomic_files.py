"""Files that are complete or do not exist, names that fit, and advice where writing fails."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hyperopt import hp

import metaopt
from metaopt.errors import ResultsNotWritable
from metaopt.files.atomic_files import (
    cannot_write,
    create_temporary,
    fit_name,
    remove_abandoned,
    sync_folder,
    write_file,
)


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
def test_a_file_in_place_of_a_folder_is_named(tmp_path) -> None:
    (tmp_path / "file").touch()
    for path, reason in (("file", "it is a file, not a folder"), ("file/x", "a part of the path is a file")):
        with pytest.raises(OSError, match=r".") as failure:
            (tmp_path / path).mkdir(exist_ok=True)
        assert f"{path} cannot be written ({reason}" in str(cannot_write(tmp_path / path, failure.value))


def test_modes_follow_the_umask_unless_private(tmp_path, umask):
    write_file(tmp_path / "public", lambda file: file.write(b"1"))
    write_file(tmp_path / "private", lambda file: file.write(b"1"), private=True)
    assert mode(tmp_path / "public") == 0o666 & ~umask
    assert mode(tmp_path / "private") == 0o600 & ~umask


def test_a_link_is_replaced_and_never_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for name in ("figure.png", ".figure.png.tmp"):
        (tmp_path / name).symlink_to(victim)
    write_file(tmp_path / "figure.png", lambda file: file.write(b"picture"))
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "figure.png").is_symlink()
    assert (tmp_path / "figure.png").read_bytes() == b"picture"


def test_temporary_files_are_removed_after_a_day(tmp_path):
    path = tmp_path / "figure.png"
    with create_temporary(path) as young, create_temporary(path) as old:
        pass
    with create_temporary(path, ".whole.keras") as model:
        pass
    own = tmp_path / ".figure.png.notes.tmp"
    own.touch()
    for each in (old.name, model.name, own):
        os.utime(each, (0, 0))
    write_file(path, lambda file: file.write(b"picture"))
    assert sorted(tmp_path.iterdir()) == sorted([Path(young.name), Path(model.name), own, path])
    remove_abandoned(path, ".tmp", ".whole.keras")
    assert not Path(model.name).exists()
    assert Path(young.name).exists()


def test_two_temporary_files_of_one_name_differ(tmp_path):
    with create_temporary(tmp_path / "a") as one, create_temporary(tmp_path / "a") as two:
        assert one.name != two.name


def test_a_failed_write_keeps_the_old_file_alone(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ResultsNotWritable, match="Free some disk space"):
        write_file(path, fail)
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert path.read_bytes() == b"old"


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    code = (
        "import sys, time; from pathlib import Path; from metaopt.files.atomic_files import write_file\n"
        "def write(file):\n"
        "    file.write(b'new'); file.flush(); print('half', flush=True); time.sleep(60)\n"
        "write_file(Path(sys.argv[1]), write)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"half\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free some disk space"),
        (errno.EDQUOT, "Free some disk space"),
        (errno.EROFS, "read-only: choose another folder"),
        (errno.EACCES, "Make the folder writable"),
        (errno.ENAMETOOLONG, "Choose a shorter name"),
    ],
)
def test_advice_follows_the_cause(number, advice):
    text = str(cannot_write("results", OSError(number, os.strerror(number))))
    assert text.startswith(f"results cannot be written ({os.strerror(number)}). ")
    assert advice in text


CANNOT_SYNC = [errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS]


@pytest.mark.parametrize("number", [*CANNOT_SYNC, errno.EBADF, errno.EISDIR, errno.EACCES, errno.EPERM])
def test_a_folder_that_cannot_be_synced_is_used(tmp_path, monkeypatch, number):
    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    write_file(tmp_path / "a", lambda file: file.write(b"1"))
    assert (tmp_path / "a").read_bytes() == b"1"


@pytest.mark.parametrize("number", [errno.EISDIR, errno.EACCES, errno.EINVAL])
def test_a_folder_that_cannot_be_opened_to_sync_it_is_used(tmp_path, monkeypatch, number):
    def refuse(path, flags):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    sync_folder(tmp_path)


@pytest.mark.parametrize("number", CANNOT_SYNC)
def test_a_file_system_without_sync_is_used(tmp_path, monkeypatch, number):
    def fsync(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    study = metaopt.search(lambda point: point["x"], {"x": hp.uniform("x", 0, 1)}, trials=2, results=tmp_path / "r")
    assert len(metaopt.Study.load(tmp_path / "r").records) == len(study.records) == 2


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_failing_disk_is_not_ignored(tmp_path, monkeypatch, number):
    def fsync(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match=os.strerror(number)):
        sync_folder(tmp_path)
    with pytest.raises(ResultsNotWritable, match=os.strerror(number)):
        write_file(tmp_path / "a", lambda file: file.write(b"1"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stem", ["x" * 300, "ä" * 200, "日本" * 100, "\udcff" * 300, "a" + "😀" * 80])
def test_long_names_are_cut_to_the_limit(tmp_path, stem):
    name = fit_name(stem, ".suffix", tmp_path)
    assert len(os.fsencode(name)) <= 255
    assert name.endswith(".suffix")
    (tmp_path / name).touch()
    assert fit_name(stem + "y", ".suffix", tmp_path) != name
    assert fit_name("short", ".suffix", tmp_path / "missing") == "short.suffix"


def test_a_name_of_maximum_length_can_be_written(tmp_path):
    write_file(tmp_path / ("x" * 255), lambda file: file.write(b"1"))
    assert len(list(tmp_path.iterdir())) == 1
