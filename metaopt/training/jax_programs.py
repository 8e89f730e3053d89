"""Programs that JAX compiles, kept in a temporary folder of this machine for later trainings, also of other processes.

JAX compiles a program for each step and each new shape: about a hundred for a network of twenty layers, which took 37 s
on an H200 and 47 s on a core of an EPYC, far more than an epoch on small data. A trial that resumes, a worker that is
replaced, and a search that is resumed read them from files instead, in a second.
"""

import contextlib
import os

from metaopt.files.held_folders import lasting

_MOST_BYTES = 2 * 2**30  # programs that were not used for longest are removed


def keep_programs() -> None:
    """Make JAX keep its programs, in the folder of ``JAX_COMPILATION_CACHE_DIR`` or of the user's script, or a new one.

    The folder is one of this machine, because programs for a CPU hold instructions of its processor.
    """
    import jax

    if jax.config.jax_compilation_cache_dir is not None:
        return
    with contextlib.suppress(OSError):  # no private folder: each process compiles for itself
        jax.config.update("jax_compilation_cache_dir", str(lasting("jax")))
        # JAX keeps only programs that took a second to compile by default; most of a network's are many and short.
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        if "JAX_COMPILATION_CACHE_MAX_SIZE" not in os.environ:
            jax.config.update("jax_compilation_cache_max_size", _MOST_BYTES)
