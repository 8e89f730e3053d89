"""Log of an evolution while training: ``metadata.json``, and the archives of its networks under their names."""

import contextlib
import os
import shutil
from pathlib import Path

from metaopt.engine.callbacks import Callback
from metaopt.errors import ResultsNotWritable
from metaopt.evolving import EvolutionPlan, Fitness, trace
from metaopt.evolving.archive_names import ARCHIVE, METADATA, MODELS, name_archives
from metaopt.files.atomic_files import cannot_write, write_bytes
from metaopt.report.analysis.evolution import describe_evolution
from metaopt.storage.study import Study
from metaopt.trials.record import Record
from metaopt.values.json_values import dump_json


class EvolutionLog(Callback):
    """Callback that keeps the log of a study up to date; after a crash, the next run completes it.

    Args:
        plan: the plan.
        fitness: fitness of the members.
        keeps_models: whether the archives of all networks are kept.
    """

    def __init__(self, plan: EvolutionPlan, fitness: Fitness, *, keeps_models: bool) -> None:
        self._plan = plan
        self._fitness = fitness
        self._keeps_models = keeps_models
        self.study: Study | None = None  # once it is open

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:  # noqa: ARG002
        """See ``Callback.begin``."""
        self.write(is_over=False)

    def trial_ended(self, record: Record, best: Record | None) -> None:  # noqa: ARG002
        """See ``Callback.trial_ended``."""
        self.write(is_over=False)

    def write(self, *, is_over: bool) -> None:
        """Write ``metadata.json``, and name the archives that are decided.

        Args:
            is_over: whether nothing more is trained.

        Raises:
            ResultsNotWritable: A file cannot be written.
        """
        if self.study is None:
            return
        lineage = trace(self.study.state.trials, self._plan, self._fitness)
        if self._keeps_models:
            names = name_archives(lineage, self._plan, is_over=is_over)
            for name, trial in names.items():
                _place(self.study.folder, name, [other for other, same in names.items() if same == trial], trial)
        content = describe_evolution(self.study, lineage, self._plan, is_over=is_over)
        write_bytes(self.study.folder / METADATA, dump_json(content, indent=1))


def _place(folder: Path, name: str, same: list[str], trial: int) -> None:
    """Give the archive of a trial a name, unless it has it.

    Args:
        folder: folder of the study.
        name: the name.
        same: all names of this trial's archive.
        trial: number of the trial.

    Raises:
        ResultsNotWritable: It cannot be written.
    """
    target = folder / MODELS / name
    if target.exists():
        return
    sources = [folder / "checkpoints" / f"{trial:06d}" / ARCHIVE, *(folder / MODELS / other for other in same)]
    source = next((path for path in sources if path.is_file()), None)
    if source is None:  # its checkpoint was removed before an earlier version named it
        return
    temporary = target.with_name(f".{name}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            temporary.unlink()
        try:
            os.link(source, temporary)
        except OSError:  # a file system without hard links
            shutil.copyfile(source, temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise _cannot_place(target, error) from error


def _cannot_place(target: Path, error: OSError) -> ResultsNotWritable:
    return cannot_write(f"The model {target.name}", error, "All earlier results are saved; start again then.")
