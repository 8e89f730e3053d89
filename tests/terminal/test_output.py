"""Standard output that never fails."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from metaopt.terminal.output import OutputStream, is_lost, plain_output, safe_output, terminal

ROOT = Path(__file__).parents[2]


def encoded(encoding: str) -> tuple[OutputStream, io.BytesIO]:
    raw = io.BytesIO()
    return OutputStream(io.TextIOWrapper(raw, encoding, write_through=True)), raw


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp437", "cp850", "cp932", "ascii", "utf-8", "utf-16"])
def test_any_text_can_be_written_in_any_encoding(encoding: str) -> None:
    stream, raw = encoded(encoding)
    stream.write("".join(chr(code) for code in range(0x3000)) + "★ 猫 \ud83d \udce9 👩")
    stream.flush()
    assert raw.getvalue().decode(encoding)


def test_own_signs_stay_legible_and_names_distinguishable() -> None:
    stream, raw = encoded("ascii")
    stream.write("★ 8×8 – 猫 犬")
    assert raw.getvalue().decode() == "* 8x8 - \\u732b \\u72ac"


def test_control_characters_pass_only_where_a_library_draws() -> None:
    raw = io.StringIO()
    stream = OutputStream(raw)
    stream.write("\x1b[2J\n")
    stream.drawing.write("\x1b[1m")
    assert raw.getvalue() == "\\x1b[2J\n\x1b[1m"
    assert terminal(stream).encoding == "utf-8"


def test_absent_and_closed_streams_are_silent() -> None:
    closed = io.StringIO()
    closed.close()
    for below in (None, closed):
        stream = OutputStream(below)
        assert stream.write("text") == 4
        assert stream.finish() is None
        assert is_lost(stream)
        assert not stream.isatty()


class Full(io.StringIO):
    """A file on a disk that is full for a while."""

    is_full = True

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_full_disk_is_remembered_and_later_lines_are_written() -> None:
    below = Full()
    stream = OutputStream(below)
    stream.drawing.write("dropped\n")
    below.is_full = False
    stream.write("written\n")
    failure = stream.finish()
    assert failure is not None
    assert failure.errno == errno.ENOSPC
    assert below.getvalue() == "written\n"


def test_streams_are_replaced_within_the_context_only(capsys) -> None:
    before = sys.stdout, sys.stderr
    with safe_output() as streams, safe_output() as inner:
        assert streams == inner == (sys.stdout, sys.stderr)
        sys.stdout.write("\x1b")
        with plain_output():
            sys.stdout.write("\x1b")
        sys.stdout.write("\x1b")
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "\\x1b\x1b\\x1b"


def run(code: str, redirection: str, **variables: str) -> subprocess.CompletedProcess[str]:
    script = f"from metaopt.terminal.output import *\n{code}"
    shell = f'"$0" -c "$1" {redirection}'
    command = ["bash", "-c", shell, sys.executable, script]
    return subprocess.run(command, cwd=ROOT, env=os.environ | variables, check=False, capture_output=True, text=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_interpreter_exits_quietly_after_a_full_disk() -> None:
    done = run("with safe_output() as (out, _):\n  print('x' * 9999)\n  assert out.finish().errno == 28", ">/dev/full")
    assert (done.returncode, done.stderr) == (0, "")


def test_interpreter_exits_quietly_after_a_broken_pipe() -> None:
    done = run(
        "with safe_output():\n  for _ in range(9999): print('x' * 99)\n  print(is_lost(sys.stdout))", "| head -1"
    )
    assert (done.stdout.strip(), done.stderr) == ("x" * 99, "")


def test_closed_descriptors_are_not_reused_by_files(tmp_path: Path) -> None:
    code = (
        "with safe_output():\n"
        f"  file = open({str(tmp_path / 'journal')!r}, 'w')\n"
        "  os.write(1, b'from a library'); print('printed'); file.write('line'); file.close()\n"
        "  import subprocess\n"
        "  subprocess.run([sys.executable, '-c', 'import os; os.write(1, b\"child\")'], check=True)\n"
    )
    done = run(code, "<&- >&- 2>&-")
    assert done.returncode == 0
    assert (tmp_path / "journal").read_text() == "line"
