"""Ray executor: jobs run in actors of a Ray cluster, on this machine or on many."""

import math
import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from metaopt.engine.jobs import Epoch, Failed, Finished, Job, Message, Remark, Report, Trainer
from metaopt.errors import UserError, invalid_value
from metaopt.executors.failures import failure
from metaopt.executors.ray_cluster import WorkerResources, check_address, connect, import_ray, resolve_resources
from metaopt.executors.ray_handle import ActorHandle, find_ready
from metaopt.executors.ray_placement import PlacementWatch
from metaopt.executors.ray_worker import Node, Passed, Raised, StudyFolder, Supervisor
from metaopt.executors.worker import ModuleMissing, pack_trainer
from metaopt.files.atomic_files import write_bytes
from metaopt.terminal.interruption import interrupts_deferred
from metaopt.values.safe_text import first_line

_MOST_LOSSES = 3  # losses of a trial's worker in a row, without an epoch in between, after which it fails
_MOST_FAILED_STARTS = 3  # of workers in a row
_CALLS = 3  # of an actor at once: that it lives, the training of a job, its end
_CLOSING_S = 0.7  # seconds; a command that is interrupted ends after 1.2 s
_LOST = "worker lost"


class RayActors:
    """Trains in actors of a Ray cluster.

    A trial whose actor is lost with its node resumes on another one from its last checkpoint. Actors that the cluster
    has no room for wait until it grows, which the user is told; the search does not wait for them.

    Checkpoints are written to the study's folder where the node shares it. Elsewhere they travel to the driver, and are
    on its disk before the epoch counts.

    Args:
        trainer: pickled by cloudpickle to each worker.
        workers: the most trials at once.
        address: ``"auto"``, ``"host:port"``, or None to start Ray on this machine.
        resources: resources of each worker.
        folder: folder of the study; None where nothing is shared.

    Raises:
        UserError: Ray is not installed, or nothing answers at the address.
    """

    def __init__(
        self,
        trainer: Trainer,
        workers: int = 1,
        address: str | None = None,
        resources: WorkerResources | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        if workers < 1:
            raise invalid_value("workers", workers, "Expected an integer >= 1.")
        self._trainer = trainer
        self._count = workers
        self._address = address
        self._resources = resources or WorkerResources()
        self._folder = None if folder is None else StudyFolder(os.path.abspath(folder), secrets.token_hex(16))
        self._ray = import_ray(address)
        check_address(address)
        self._disconnects = False
        self._workers: list[ActorHandle] = []
        self._placement = PlacementWatch(workers, self._resources)
        self._waiting: deque[Job] = deque()
        self._failed_starts = 0
        self._losses: dict[int, int] = {}  # trial → losses of its worker without an epoch in between

    @property
    def slots(self) -> int:
        """Number of workers that run; one as long as none does."""
        return max(1, self._n_running)

    @property
    def _n_running(self) -> int:
        return sum(each.node is not None for each in self._workers)

    def __enter__(self) -> "RayActors":
        """Connect to the cluster and start the workers.

        Raises:
            UserError: There is no such cluster, or no node has so many resources.
        """
        pickled = pack_trainer(self._trainer)
        self._disconnects = connect(self._address)
        try:
            nodes = [each["Resources"] for each in self._ray.nodes() if each["Alive"]]
            resources = resolve_resources(self._resources, nodes, self._count)
            if self._folder is not None:
                write_bytes(Path(self._folder.path, ".ray"), self._folder.mark.encode())
            actor = self._ray.remote(Supervisor).options(max_concurrency=_CALLS, **resources.options())
            arguments = self._ray.put(pickled), resources, self._folder
            self._placement = PlacementWatch(self._count, resources)
            self._workers = [ActorHandle(lambda: actor.remote(*arguments)) for _ in range(self._count)]
        except BaseException:  # Ctrl-C, too, leaves no actors
            self._end()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        """End the actors and what they started, and disconnect."""
        with interrupts_deferred():
            self._end()

    def _end(self) -> None:
        workers, self._workers = self._workers, []
        self._waiting.clear()
        if self._ray.is_initialized():
            closing = [each.actor.close.remote() for each in workers if each.node is not None]
            if closing:
                self._ray.wait(closing, num_returns=len(closing), timeout=_CLOSING_S)
            for each in workers:
                self._ray.kill(each.actor)
        if self._folder is not None:
            Path(self._folder.path, ".ray").unlink(missing_ok=True)
        if self._disconnects:
            self._disconnects = False
            self._ray.shutdown()

    def submit(self, job: Job) -> None:
        """Give a job to an idle worker.

        Raises:
            RuntimeError: Every worker is busy, or the executor was not entered.
        """
        if not self._workers:
            raise RuntimeError("enter the executor first")
        if self._taken >= self.slots:
            raise RuntimeError("every slot of the executor is taken")
        self._waiting.append(job)

    @property
    def _taken(self) -> int:
        """Number of jobs that did not end."""
        return len(self._waiting) + sum(each.job is not None for each in self._workers)

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:
        """Block until a report was handled, a slot was added, the timeout (seconds) passed, or nothing runs.

        Raises:
            UserError: The trainer's ``setup`` raised it, or workers cannot be started.
            EnvironmentFault: A training could not write its checkpoint, or not read its data.
            RuntimeError: ``setup`` raised another exception, or killed its process several times.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while self._taken:
            if self._assign(handle) or self._note_placement(handle):
                return
            left = min(max(0.0, deadline - time.monotonic()), self._placement.seconds_left)
            ready = find_ready(self._ray, self._workers, None if left == math.inf else left)
            # A list, not a generator: every ready worker is served before the loop decides whether to wait again.
            served = [self._serve(each, call, handle) for each, call in ready if each in self._workers]
            if any(served) or time.monotonic() >= deadline:
                return

    def _note_placement(self, handle: Callable[[Report], bool]) -> bool:
        """Report a change of the number of workers that run, if it is time to; return whether it is."""
        self._placement.see(self._n_running)
        if self._placement.seconds_left > 0:
            return False
        trials = [each.job.trial for each in self._workers if each.job is not None]
        trial = self._waiting[0].trial if self._waiting else trials[0]
        handle(Remark(trial, self._placement.note(trial)))
        return True

    def _assign(self, handle: Callable[[Report], bool]) -> bool:
        """Give waiting jobs to idle workers; return whether one failed because it cannot be pickled."""
        has_failed = False
        for each in self._workers:
            if self._waiting and each.is_idle:
                job = self._waiting.popleft()
                try:
                    each.take(job)
                except Exception as error:  # noqa: BLE001 - of the methods of the user's objects in the point
                    each.job = None
                    handle(failure(job.trial, error, 0.0))
                    has_failed = True
        return has_failed

    def _serve(self, each: ActorHandle, call: Any, handle: Callable[[Report], bool]) -> bool:
        """Process the answer of an actor, or its loss; return whether a report was handled or a slot was added."""
        try:
            answer = self._ray.get(call)
        except self._ray.exceptions.RayActorError as error:
            return self._replace(each, error, handle)
        except self._ray.exceptions.RuntimeEnvSetupError as error:
            text = f"A node of the Ray cluster could not set up the environment of its worker. {first_line(error)}"
            raise UserError(text) from error
        if isinstance(answer, Raised):
            assert each.node is not None
            raise locate(answer.error, each.node.host)
        if isinstance(answer, Node):
            before = self.slots
            each.call, each.node, self._failed_starts = None, answer, 0
            return self.slots > before
        assert isinstance(answer, Passed)
        return self._pass_on(each, answer, handle)

    def _pass_on(self, each: ActorHandle, answer: Passed, handle: Callable[[Report], bool]) -> bool:
        """Store the checkpoint that came with a report, handle it, and answer it."""
        assert each.job is not None
        report = answer.report
        if each.job.checkpoint is not None:
            answer.changes.apply(Path(each.job.checkpoint))
        if isinstance(report, Epoch):
            self._losses.pop(report.trial, None)
        if isinstance(report, Remark):
            report = each.located(report)
        if isinstance(report, Message):
            each.answer(report, handle(report))
        else:
            self._losses.pop(report.trial, None)
            each.job = each.call = None
            handle(report)
        return True

    def _replace(self, lost: ActorHandle, cause: Exception, handle: Callable[[Report], bool]) -> bool:
        """Replace an actor that was lost; its trial resumes, or has failed if that happens again and again.

        Raises:
            UserError: Several actors in a row were lost before they were there.
        """
        if lost.node is None:
            self._failed_starts += 1
            if self._failed_starts == _MOST_FAILED_STARTS:
                last = str(cause).strip().splitlines()[-1]  # of the traceback in its constructor
                raise UserError(f"{_MOST_FAILED_STARTS} Ray actors in a row could not be started: {last}") from cause
        # Ray may report the idle workers of a lost node later; the trial must not go to one of them.
        for number, each in enumerate(self._workers):
            if each is lost or (each.is_idle and each.is_beside(lost)):
                self._ray.kill(each.actor)  # one that is merely out of reach would go on writing
                self._workers[number] = each.successor()
        if lost.job is None:
            return False
        job, where = lost.resumption(), "" if lost.node is None else f" on {lost.node.host}"
        if lost.has_to_stop:
            handle(Finished(job.trial, complete=False, seconds=lost.seconds))
            return True
        self._losses[job.trial] = self._losses.get(job.trial, 0) + 1
        if self._losses[job.trial] == _MOST_LOSSES:
            del self._losses[job.trial]
            often = f"{_MOST_LOSSES} times without an epoch in between"
            error = f"The worker of the trial was lost {often}. {first_line(cause)}"
            handle(Failed(job.trial, _LOST, error, seconds=lost.seconds))
            return True
        self._waiting.appendleft(job)
        text = f"The worker{where} was lost; the trial resumes from its last checkpoint on another one."
        handle(Remark(job.trial, text))
        return True


def locate(error: Exception, host: str) -> Exception:
    """Return the error of a worker, which names its machine where that is not the one of the search."""
    if host == socket.gethostname():
        return error
    text = f"On node {host}: {error}"
    if isinstance(error, UserError):
        return type(error)(text, *error.parameters)
    if isinstance(error, ModuleMissing):
        return UserError(f"Node {host} cannot import the module {error.module}: install it there, as on this machine.")
    return RuntimeError(text)
