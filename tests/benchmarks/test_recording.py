"""Recording of a terminal as an animation."""

import os
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("pyte", reason="needs pyte: pip install pyte")


def test_a_shell_is_recorded_as_an_animation(tmp_path: Path) -> None:
    from benchmarks.recording.camera import Camera, View
    from benchmarks.recording.film import write_gif
    from benchmarks.recording.shell import Shell

    with Shell(40, 4, tmp_path, dict(os.environ)) as shell:
        camera = Camera([View("a terminal", shell)], frame_s=0.05)
        camera.wait(lambda: shell.shows(r"^\$"), seconds=20)
        camera.type(shell, "sh -c 'echo $((6 * 7)); sleep 60'")
        camera.wait(lambda: shell.shows("^42"), speed=10, seconds=20)
        os.killpg(shell.foreground_group, 9)
        camera.wait(lambda: shell.shows("Killed"), seconds=20)
    shown = ["".join(cell.text for cell in row).strip() for row in camera.frames[-1].panes[0].picture]
    assert shown[0] == "$ sh -c 'echo $((6 * 7)); sleep 60'"
    assert "Killed" in "".join(shown)
    write_gif(camera.frames, tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames > 3
