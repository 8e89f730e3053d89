import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: pip install jax"),
]

PROGRAM = """
from metaopt.training.jax_programs import keep_programs
keep_programs()
import jax, jax.numpy as jnp
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append(name.endswith("cache_hits")))
print(float(jax.jit(lambda x: jnp.sin(x) ** 3)(0.7)).hex(), sum(hits), jax.config.jax_compilation_cache_dir)
"""


def compute(temporary: Path, **environment: str) -> tuple[str, int, str]:
    """Return the result of a compiled function, the number of programs that were read, and their folder."""
    environment = {**os.environ, "TMPDIR": str(temporary), "JAX_PLATFORMS": "cpu", **environment}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    value, hits, folder = done.stdout.split()
    return value, int(hits), folder


def test_another_process_reads_the_programs_and_computes_the_same(tmp_path: Path) -> None:
    value, hits, folder = compute(tmp_path)
    again, read, _ = compute(tmp_path)
    assert (hits, again) == (0, value)
    assert read > 0
    assert Path(folder).parent.parent == tmp_path
    assert Path(folder).parent.stat().st_mode & 0o077 == 0


def test_the_users_folder_is_used(tmp_path: Path) -> None:
    assert compute(tmp_path, JAX_COMPILATION_CACHE_DIR=str(tmp_path / "own"))[2] == str(tmp_path / "own")
    assert not list(tmp_path.glob("metaopt-*"))


def test_a_folder_that_is_open_to_others_is_not_used(tmp_path: Path) -> None:
    (tmp_path / f"metaopt-{os.getuid()}").mkdir()
    (tmp_path / f"metaopt-{os.getuid()}").chmod(0o777)
    assert compute(tmp_path)[2] == "None"
