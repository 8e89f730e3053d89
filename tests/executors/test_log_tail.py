"""Last lines of the log of the workers."""

from pathlib import Path

from metaopt.executors.log_tail import last_lines


def test_last_lines_of_a_log_are_shown_without_control_characters(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    lines = b"\n".join(b"line %d" % number for number in range(20))
    log.write_bytes(b"x" * 100_000 + b"\n" + lines + b"\n\n\x1b[31mImportError \xff\n")
    shown = last_lines(log).splitlines()[2:]
    assert shown[0].strip() == "line 11"
    assert "ImportError" in shown[-1]
    assert "\x1b" not in shown[-1]
    assert len(shown) == 10


def test_no_log_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.log").touch()
    assert last_lines(None) == last_lines(tmp_path / "absent.log") == last_lines(tmp_path / "empty.log") == ""
