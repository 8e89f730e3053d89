"""Commands in messages: pasted as they stand, they do what is meant, wherever the user is."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from metaopt.errors import UserError
from metaopt.terminal import commands
from metaopt.terminal.commands import command, help_of

CHECKOUT = Path(__file__).parents[2]
STUDIES = CHECKOUT / "tests" / "assets" / "studies"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder outside the checkout, whose name needs quotes."""
    place = tmp_path / "it's mine"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    commands.remember_start()
    return place


def paste(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, shell=True, check=False, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_commands_run_outside_the_checkout(folder: Path) -> None:
    shutil.copytree(STUDIES / "tpe", folder / "my $study")
    line = command("best", results=folder / "my $study")
    assert shlex.split(line)[1:] == [str(CHECKOUT / "metaopt"), "best", "--results", "my $study"]
    done = paste(line)
    assert done.returncode == 0, done.stderr
    assert '"trial": 6' in done.stdout


@pytest.mark.slow
def test_commands_are_short_in_the_checkout(monkeypatch) -> None:
    monkeypatch.chdir(CHECKOUT)
    commands.remember_start()
    assert shlex.split(command("best", results="results"))[1:] == ["-m", "metaopt", "best"]
    done = paste(command("best", "--svg", results="nowhere"))
    assert done.returncode == 2
    assert "There is no study in nowhere" in done.stderr


@pytest.mark.slow
def test_another_package_in_the_folder_is_not_run(folder: Path) -> None:
    (folder / "metaopt").mkdir()
    (folder / "metaopt" / "__main__.py").write_text("print('another version')")
    assert "usage: metaopt best" in paste(command("best", "--help")).stdout


def test_start_in_a_deleted_folder_is_refused(tmp_path: Path, monkeypatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UserError, match="The current folder was deleted"):
        commands.remember_start()
    with pytest.raises(UserError, match="so results cannot be found: give an absolute path"):
        commands.absolute("results")
    assert commands.absolute("/results") == Path("/results")


def test_import_folders_are_absolute(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "lib").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "lib", "no_folder.zip", "/usr/lib"])
    monkeypatch.setenv("PYTHONPATH", f"lib{os.pathsep}/usr/lib")
    commands.anchor_import_paths()
    assert sys.path == [str(tmp_path), str(tmp_path / "lib"), "no_folder.zip", "/usr/lib"]
    assert os.environ["PYTHONPATH"] == f"{tmp_path / 'lib'}{os.pathsep}/usr/lib"


def test_paths_are_those_of_the_folder_of_the_start(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    os.chdir(folder / "elsewhere")  # as a user's code may do
    assert command("report", results=folder / "results") == command("report")
    assert command("delete", Path("studies")).endswith(" delete elsewhere/studies")
    assert command("delete", folder / "-y").endswith(" delete ./-y")
    assert command("delete", folder.parent).endswith(f" delete {folder.parent}")


def test_the_installed_script_is_named(folder: Path, monkeypatch) -> None:
    script = folder / "bin" / "metaopt"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(script), "best"])
    assert command("best") == "bin/metaopt best"
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    assert command("best") == "metaopt best"


def test_help_of_a_script_names_its_path(monkeypatch) -> None:
    monkeypatch.chdir(CHECKOUT / "docs")
    commands.remember_start()
    monkeypatch.setattr(sys, "argv", [str(CHECKOUT / "hyperopt_optimize.py"), "--bad"])
    assert help_of("hyperopt_optimize.py").endswith(f" {CHECKOUT / 'hyperopt_optimize.py'} --help")
    assert help_of("metaopt best") == command("best", "--help")


@pytest.mark.slow
def test_commands_need_no_arguments_of_the_process(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", [])  # as a user's file may do
    assert "usage: metaopt best" in paste(command("best", "--help")).stdout
    assert commands.again("--debug") is None


def test_the_same_command_is_told_with_other_flags(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["hyperopt_optimize.py"])
    for given in (["--space", "cnn"], ["--space=cnn"], []):
        monkeypatch.setattr(sys, "orig_argv", ["python", "hyperopt_optimize.py", *given, "--data", "my pets"])
        told = commands.again("--space", "signal_cnn") or ""
        assert told.endswith(" hyperopt_optimize.py --data 'my pets' --space signal_cnn")


def test_a_path_with_a_null_character_is_refused() -> None:
    with pytest.raises(UserError, match=r"Invalid path: 'a\\x00b'"):
        commands.absolute("a\0b")
