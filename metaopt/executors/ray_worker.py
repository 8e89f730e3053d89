"""Ray actor: trains the jobs of one worker in a process of its own, and passes the reports on to the driver.

The training does not run in the actor's process. What a training does to its process, such as a crash, a hang or a
memory leak, is then told and mended on the node as by the executor ``processes``. The loss of the actor itself means
that its node was lost, so that the trial has to resume elsewhere.
"""

import contextlib
import pickle
import queue
import shutil
import socket
import threading
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import psutil

from metaopt.engine.jobs import Epoch, Failed, Finished, Job, Message, Rejected, Report, Trainer
from metaopt.executors.checkpoint_files import FileChanges, WatchedDirectory, write_directory
from metaopt.executors.gpus import GpuShare, share_gpu
from metaopt.executors.hardware import visible_gpus
from metaopt.executors.processes import Processes
from metaopt.executors.ray_cluster import WorkerResources, import_ray, memory_limit_here
from metaopt.files.held_folders import hold, release, remove_unused

_DYING_S = 0.4  # seconds that a killed training is waited for; the driver waits 0.7 s in all


@dataclass(frozen=True)
class StudyFolder:
    """Folder of the study on the driver's machine.

    Attributes:
        path: its path.
        mark: content of the file ``.ray`` in it while the search runs, by which a node finds that it shares the folder.
    """

    path: str
    mark: str

    @property
    def is_here(self) -> bool:
        """Whether this machine sees the same folder."""
        try:
            return Path(self.path, ".ray").read_text() == self.mark
        except (OSError, ValueError):
            return False


@dataclass(frozen=True)
class Node:
    """Place of a worker.

    Attributes:
        key: id of the node in the cluster.
        host: name of the machine.
        scratch: folder for checkpoints, where the study's own folder is not shared; else None.
    """

    key: str
    host: str
    scratch: str | None


@dataclass(frozen=True)
class PackedJob(Job):
    """A job that is unpickled in its training process only; here it has no point and no beginning.

    Attributes:
        pickled: the job.
    """

    pickled: bytes = b""

    def __reduce__(self) -> Any:
        return pickle.loads, (self.pickled,)


@dataclass(frozen=True)
class Assignment:
    """A job on its way to an actor.

    Attributes:
        fields: arguments of the ``PackedJob``, which Ray would unpickle on its way.
        files: directory on the node → files of the checkpoints that the job reads.
        watched: directory on the node whose changes travel back, or None.
    """

    fields: dict[str, Any]
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    watched: str | None = None


@dataclass(frozen=True)
class Passed:
    """A report on its way to the driver.

    Attributes:
        report: the report.
        changes: of the checkpoint of its trial, since the last report.
    """

    report: Report
    changes: FileChanges = field(default_factory=FileChanges)


@dataclass(frozen=True)
class Raised:
    """The end of a worker that cannot train.

    Attributes:
        error: what the executor of its process raised.
    """

    error: Exception


class PackedTrainer:
    """A trainer that is unpickled in the training process only."""

    def __init__(self, pickled: bytes) -> None:
        self._pickled = pickled

    def __reduce__(self) -> Any:
        return pickle.loads, (self._pickled,)


class Supervisor:
    """Ray actor of one worker.

    The driver and the actor take turns: each call of ``exchange`` brings a job, or the answer to the last report, and
    returns the next report.

    Args:
        pickled_trainer: the trainer.
        resources: what the actor has reserved.
        folder: folder of the study, or None.
    """

    def __init__(self, pickled_trainer: bytes, resources: WorkerResources, folder: StudyFolder | None) -> None:
        is_shared = folder is not None and folder.is_here
        remove_unused()  # of workers that were killed with their node
        self._scratch = None if is_shared else str(hold(f"checkpoints-{uuid.uuid4().hex}"))
        log = Path(folder.path, "logs", "worker.log") if folder is not None and is_shared else None
        threads = max(1, int(resources.cpus or 1))
        trainer = cast(Trainer, PackedTrainer(pickled_trainer))
        limit = memory_limit_here(resources)
        self._executor = Processes(trainer, threads=threads, memory_limit=limit, log=log, gpus=gpu_shares(resources))
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def node(self) -> Node:
        """Return where this actor runs."""
        return Node(import_ray().get_runtime_context().get_node_id(), socket.gethostname(), self._scratch)

    def stay(self) -> None:
        """Block as long as this actor lives, by which the driver notices its loss while it is idle."""
        threading.Event().wait()

    def exchange(self, item: Assignment | bool) -> Passed | Raised:
        """Take a job, or the answer to the last report, and return the next report."""
        self._inbox.put(item)
        return self._outbox.get()

    def close(self) -> None:
        """Kill the training and remove the folder of checkpoints.

        The driver then kills this process; if it ended by itself, Ray would tell the user of a crash.
        """
        processes = []
        for pid in self._executor.pids:
            with contextlib.suppress(psutil.NoSuchProcess):
                processes.append(psutil.Process(pid))
                processes[-1].kill()
        psutil.wait_procs(processes, timeout=_DYING_S)
        if self._scratch is not None:
            release(Path(self._scratch))
        remove_unused()

    def _work(self) -> None:
        try:
            with self._executor:
                while True:
                    self._train(self._inbox.get())
        except Exception as error:  # noqa: BLE001 - the driver raises it
            self._outbox.put(Raised(error))

    def _train(self, assignment: Assignment) -> None:
        """Train a job to its end."""
        for directory, files in assignment.files.items():
            write_directory(Path(directory), files)
        watched = None if assignment.watched is None else WatchedDirectory(Path(assignment.watched))
        is_over = False

        def handle(report: Report) -> bool:
            nonlocal is_over
            is_message = isinstance(report, Message)
            is_over = not is_message
            has_changes = watched is not None and isinstance(report, Epoch | Finished | Failed | Rejected)
            self._outbox.put(Passed(report, watched.take_changes()) if watched and has_changes else Passed(report))
            return bool(self._inbox.get()) if is_message else False

        self._executor.submit(PackedJob(**assignment.fields))
        while not is_over:
            self._executor.wait(handle)
        for directory in assignment.files:
            shutil.rmtree(directory, ignore_errors=True)


def gpu_shares(resources: WorkerResources) -> tuple[GpuShare, ...]:
    """Return the share of a GPU, where the worker has none for itself.

    It is a share of the whole memory, not of what is free at the moment: Ray gives out the GPU as a whole, and other
    workers that have a share of it may have begun already.
    """
    gpus = visible_gpus()  # those that Ray has given to this actor
    if len(gpus) != 1 or not resources.gpus or resources.gpus >= 1:
        return ()
    return (share_gpu(replace(gpus[0], free_bytes=gpus[0].total_bytes), 1 / resources.gpus),)
