import sys
from pathlib import Path

import pytest

from metaopt.errors import UserError
from metaopt.problems.user_files import find_helper_modules, list_files, run_file


@pytest.fixture(autouse=True)
def _restore_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def write(folder: Path, **texts: str) -> Path:
    """Write modules into a folder, and return the path of the first one."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}.py" for name in texts]
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text)
    return files[0]


def test_names_of_a_file_are_returned(tmp_path: Path) -> None:
    names = run_file(write(tmp_path, mine="A = 1\n\ndef f():\n    return A\n"))
    assert (names["A"], names["f"]()) == (1, 1)
    assert names["__name__"] == "metaopt_problem_mine"


def test_files_of_the_same_name_are_independent(tmp_path: Path) -> None:
    first = run_file(write(tmp_path / "one", mine="from beside_mine import A\n", beside_mine="A = 1\n"))
    second = run_file(write(tmp_path / "two", mine="from beside_mine import A\n", beside_mine="A = 2\n"))
    assert (first["A"], second["A"]) == (1, 2)


def test_file_edited_within_a_second_is_run_again(tmp_path: Path) -> None:
    for value in (1, 2, 3):
        assert run_file(write(tmp_path, mine=f"A = {value}\n"))["A"] == value


def test_folder_of_the_file_is_first_on_the_path_once(tmp_path: Path) -> None:
    file = write(tmp_path, mine="A = 1\n")
    run_file(file)
    run_file(file)
    assert sys.path[0] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1


def test_error_in_a_library_names_the_line_of_the_user(tmp_path: Path) -> None:
    file = write(tmp_path, mine="import json\n\nX = json.loads('{')\n")
    with pytest.raises(UserError, match=r"mine\.py, line 3: JSONDecodeError: "):
        run_file(file)


def test_helper_modules_are_found_through_each_other(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        mine="import json, first_helper\nimport metaopt\n",
        first_helper="def f():\n    from second_helper.deep import x\n",
        unused="",
        json="",
    )
    package = tmp_path / "second_helper"
    write(package, __init__="", deep="")
    found = find_helper_modules([file])
    assert found == {
        "first_helper": [tmp_path / "first_helper.py"],
        "second_helper": [package / "__init__.py", package / "deep.py"],
    }
    assert list_files(found) == [tmp_path / "first_helper.py", package / "__init__.py", package / "deep.py"]


def test_file_with_a_syntax_error_has_no_helpers(tmp_path: Path) -> None:
    assert find_helper_modules([write(tmp_path, mine="import helper(\n", helper="")]) == {}
