"""The problem of the flowers grid has the networks of the table."""

import gzip
import json

import pytest

from benchmarks.peers.problems.flowers_grid import ORDERED, network
from benchmarks.tabular import TABLE


@pytest.mark.skipif(not TABLE.is_file(), reason=f"{TABLE} is not there")
def test_params_of_each_network_are_those_of_the_table() -> None:
    with gzip.open(TABLE, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows[::7]:
        indices = {label: values.index(row["config"][label]) for label, values in ORDERED.items()}
        assert network({**row["config"], **indices}, (16, 16, 3), {"label": 17}).params == row["params"]
