"""Driver's side of one Ray actor: what it owes, where it runs, and how its trial resumes if it is lost."""

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle

from metaopt.engine.jobs import Epoch, FromScratch, Job, Message, Remark, Resume
from metaopt.executors.checkpoint_files import read_directory
from metaopt.executors.job_relocation import relocate
from metaopt.executors.ray_worker import Assignment, Node


class ActorHandle:
    """One actor, as the driver sees it.

    Args:
        start: starts an actor, and returns it.

    Attributes:
        actor: the Ray actor.
        call: reference of the answer that it owes, or None.
        presence: reference of a call that ends only when the actor is lost.
        node: where it runs; None before it does.
        job: the job that it trains, or None.
        has_to_stop: whether it was answered that its trial ends.
    """

    def __init__(self, start: Callable[[], Any]) -> None:
        self._start = start
        self.actor = start()
        self.call: Any = self.actor.node.remote()
        self.presence: Any = self.actor.stay.remote()
        self.node: Node | None = None
        self.job: Job | None = None
        self.has_to_stop = False
        self._epochs: list[Epoch] = []  # of its job
        self._since = 0.0

    def successor(self) -> "ActorHandle":
        """Return a new worker with the same arguments."""
        return ActorHandle(self._start)

    @property
    def calls(self) -> list[Any]:
        """References of its calls, that of its answer first."""
        return [self.presence] if self.call is None else [self.call, self.presence]

    @property
    def is_idle(self) -> bool:
        """Whether it can take a job."""
        return self.node is not None and self.job is None

    def is_beside(self, other: "ActorHandle") -> bool:
        """Return whether both run on the same node."""
        return self.node is not None and other.node is not None and self.node.key == other.node.key

    @property
    def seconds(self) -> float:
        """Wall seconds of its job."""
        return time.monotonic() - self._since

    def take(self, job: Job) -> None:
        """Give it a job, with the checkpoints that it needs where its node does not share the study's folder.

        Raises:
            Exception: The point cannot be pickled; of any type.
        """
        assert self.node is not None
        self.job, self._epochs, self.has_to_stop, self._since = job, [], False, time.monotonic()
        there, files = job, {}
        if self.node.scratch is not None:
            there, directories = relocate(job, Path(self.node.scratch))
            files = {target: read_directory(Path(source)) for source, target in directories.items()}
        fields = {
            "trial": job.trial,
            "point": None,
            "init": FromScratch(),
            "target_resource": job.target_resource,
            "options": job.options,
            "time_limit_s": job.time_limit_s,
            "pickled": cloudpickle.dumps(there),
        }
        self.call = self.actor.exchange.remote(Assignment(fields, files, there.checkpoint if files else None))

    def located(self, remark: Remark) -> Remark:
        """Return a remark of its worker, which names its machine where that is not the one of the search."""
        if self.node is None or self.node.host == socket.gethostname():
            return remark
        return replace(remark, text=f"On node {self.node.host}: {remark.text}")

    def answer(self, message: Message, trains_on: bool) -> None:
        """Answer its last report."""
        if isinstance(message, Epoch):
            self._epochs.append(message)
            self.has_to_stop = not trains_on
        self.call = self.actor.exchange.remote(trains_on)

    def resumption(self) -> Job:
        """Return the job that continues the one that was lost."""
        assert self.job is not None
        limit = self.job.time_limit_s
        if limit is not None:
            limit = max(0.0, limit - sum(epoch.seconds for epoch in self._epochs))
        complete = [epoch.epoch for epoch in self._epochs if epoch.fold is None]  # those of single folds are told again
        if not complete:
            return replace(self.job, time_limit_s=limit)
        resume = Resume(complete[-1], is_reported=True, fallback=self.job.origin)
        return replace(self.job, init=resume, time_limit_s=limit)


def find_ready(ray: Any, workers: Sequence[ActorHandle], timeout: float | None) -> list[tuple[ActorHandle, Any]]:
    """Return the workers that have answered or are lost, each with the reference that tells it.

    Args:
        ray: the module.
        workers: all workers.
        timeout: seconds to wait for the first one, or None for no limit.
    """
    calls = [call for each in workers for call in each.calls]
    ready, _ = ray.wait(calls, num_returns=1, timeout=timeout, fetch_local=False)
    if ready:
        ready, _ = ray.wait(calls, num_returns=len(calls), timeout=0, fetch_local=False)
    found = set(ready)
    # One for each worker: the loss of one that has answered is still there when its answer was served.
    firsts = [(each, next((call for call in each.calls if call in found), None)) for each in workers]
    return [(each, call) for each, call in firsts if call is not None]
