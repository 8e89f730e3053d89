#!/usr/bin/env python3
"""Seconds until a driver can replace an actor whose node was killed, or no longer answers.

The cluster has two nodes on this machine. SIGSTOP stands for a machine without a network: its connections stay open.

    python3 -m benchmarks.lost_node kill
    python3 -m benchmarks.lost_node stop
    python3 -m benchmarks.lost_node stop RAY_health_check_period_ms=1000 RAY_health_check_timeout_ms=1000 ...
"""

import argparse
import contextlib
import os
import time

import psutil

from tests.executors import ray_nodes

LONGEST_S = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("how", choices=("kill", "stop"))
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="environment variables of the nodes")
    arguments = parser.parse_args()
    ray_nodes.ENVIRONMENT.update(each.split("=", 1) for each in arguments.settings)
    os.environ.update({name: ray_nodes.ENVIRONMENT[name] for name in ("RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED")})
    with ray_nodes.running_node() as head, ray_nodes.running_node(head.address, cpus=2) as node:
        print(f"{arguments.how} {' '.join(arguments.settings)}: {measure(head.address, node, arguments.how):.1f} s")


def measure(address: str, node: ray_nodes.RayNode, how: str) -> float:
    """Return the seconds from the loss of a node to the error of a call of its actor."""
    import ray

    ray.init(address=address, log_to_driver=False)

    class Actor:
        def process_id(self) -> int:
            return os.getpid()

        def wait(self) -> None:
            time.sleep(2 * LONGEST_S)

    actor = ray.remote(num_cpus=2)(Actor).remote()  # the head has one CPU
    own = ray.get(actor.process_id.remote())
    found = node.processes
    assert own in {process.pid for process in found}
    call = actor.wait.remote()
    time.sleep(5)  # the call has begun
    began = time.monotonic()
    if how == "kill":
        node.kill()
    else:
        for process in found:
            process.suspend()
    with contextlib.suppress(ray.exceptions.RayActorError):
        ray.get(call, timeout=LONGEST_S)
    seconds = time.monotonic() - began
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.resume()
    ray.shutdown()
    return seconds


if __name__ == "__main__":
    main()
