"""Trainer whose checkpoints are behind a URL: read before each job, written after each epoch.

It runs in the training process, so that every executor, on every machine, has the same checkpoints.
"""

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from metaopt.engine.jobs import Epoch, Failed, Finished, Job, Message, Rejected, Trainer, TrainingOptions
from metaopt.executors.checkpoint_files import WatchedDirectory, write_directory
from metaopt.executors.job_relocation import relocate
from metaopt.files.held_folders import hold
from metaopt.storage.checkpoint_store import UrlStore
from metaopt.values.safe_text import class_name


class StoredTrainer:
    """Trains each job on local copies of its checkpoints, and writes its own back before an epoch is reported.

    Args:
        trainer: trains the jobs.
        store: where the checkpoints of all studies are.
    """

    def __init__(self, trainer: Trainer, store: UrlStore) -> None:
        self._trainer = trainer
        self._store = store
        self._folder: Path | None = None  # of the copies, once this process has one

    @property
    def name(self) -> str:
        """Name of what trains, for messages."""
        return str(getattr(self._trainer, "name", class_name(self._trainer)))

    def setup(self, options: TrainingOptions) -> None:
        """Set the trainer up."""
        self._trainer.setup(options)

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
        """Train one job.

        Raises:
            EnvironmentFault: The store cannot be read or written.
        """
        if job.checkpoint is None:
            return self._trainer.train(job, report)
        store = self._store.of_study("" if job.identity is None else job.identity.study)
        if self._folder is None:
            self._folder = hold(f"trainings-{uuid.uuid4().hex}")
        here, directories = relocate(job, self._folder)
        try:
            for original, copy in directories.items():
                write_directory(Path(copy), store.read(Path(original).name))
            own = Path(job.checkpoint).name
            watched = WatchedDirectory(Path(directories[job.checkpoint]))

            def save() -> None:
                changes = watched.take_changes()
                store.write(own, changes.written, changes.removed)

            def save_and_report(message: Message) -> bool:
                if isinstance(message, Epoch):
                    save()
                return report(message)

            end = self._trainer.train(here, save_and_report)
            save()
            return end
        finally:
            for copy in directories.values():
                shutil.rmtree(copy, ignore_errors=True)
