"""A Ray cluster of one node for tests; one for all tests of a process, as its start takes seconds."""

import importlib.util
import os
from collections.abc import Iterator

import pytest

from metaopt.executors import ray_cluster as clusters

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install -r requirements-ray.txt"
)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """Ray on this machine, which every executor in the test then uses.

    A cluster that runs already spares its start: ``METAOPT_TEST_RAY=127.0.0.1:6379``.
    """
    clusters.connect(os.environ.get("METAOPT_TEST_RAY"))
    yield
    clusters.import_ray().shutdown()
