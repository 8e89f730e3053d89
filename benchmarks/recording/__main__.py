"""Record the animation of the README: a search that is killed and resumes.

    pip install pyte
    python3 -m benchmarks.recording docs/pictures/killed_and_resumed.gif

Starts a real search on the bundled digits in a temporary folder, in an interactive bash. A second bash kills it with
SIGKILL, all of its processes, in the middle of a trial; then the same command is given again. Time passes faster where
networks train, as is written in the picture. Takes about three minutes on an idle core.

pyte emulates the terminal, in Python. asciinema would record as well, but no package index has its renderer of GIFs.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.recording.camera import Camera, View
from benchmarks.recording.film import write_gif
from benchmarks.recording.shell import Shell

ROOT = Path(__file__).resolve().parents[2]
SEARCH = "python3 hyperopt_optimize.py --data digits --trials 6 --epochs 12"
# It is killed in the middle of the first trial that is trained to its end.
LATE = r"^trial .* epoch [789] of 12"
COLUMNS = 118


def main() -> None:
    """Record and draw."""
    parser = argparse.ArgumentParser(prog="python3 -m benchmarks.recording", description="Record a killed search.")
    parser.add_argument("file", type=Path, help="the GIF to write")
    parser.add_argument("--speed", type=float, default=30, metavar="N", help="how much faster training is shown")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("hyperopt_optimize.py", "space.py", "neural_net.py"):
            shutil.copy(ROOT / name, folder)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
        with (
            Shell(COLUMNS, 22, Path(folder), environment) as upper,
            Shell(COLUMNS, 2, Path(folder), environment) as lower,
        ):
            camera = Camera([View("a search", upper), View("another terminal", lower)])
            record(camera, upper, lower, arguments.speed)
    write_gif(camera.frames, arguments.file)


def record(camera: Camera, upper: Shell, lower: Shell, speed: float) -> None:
    """Record the search in one shell, its end from the other one, and its resumption."""
    camera.wait(lambda: upper.shows(r"^\$") and lower.shows(r"^\$"))
    camera.watch(0.5)
    camera.type(upper, SEARCH)
    camera.wait(lambda: upper.shows(LATE), speed)
    camera.type(lower, f"kill -9 -{upper.foreground_group}    # the search and all its processes")
    camera.wait(lambda: upper.shows("Killed"))
    camera.watch(1.5)
    camera.type(upper, SEARCH)
    camera.wait(lambda: upper.shows("resuming after epoch"), 4)
    camera.watch(2.5)
    camera.wait(lambda: upper.shows("the search ends"), speed)
    camera.wait(lambda: upper.shows("See also"))
    camera.watch(5)


if __name__ == "__main__":
    main()
