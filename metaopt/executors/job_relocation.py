"""Relocation of a job's checkpoints to another folder, as on a node that does not share the study's."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from metaopt.engine.jobs import ForkOf, Init, Job, Resume, WeightsOf


def relocate(job: Job, folder: Path) -> tuple[Job, dict[str, str]]:
    """Return a job whose checkpoints are in another folder, and those directories by their paths in the job."""
    moved: dict[str, str] = {}

    def move(directory: str) -> str:
        return moved.setdefault(directory, str(folder / Path(directory).name))

    def move_origin(init: Init) -> Any:
        match init:
            case WeightsOf() as origin:
                return replace(origin, checkpoint=move(origin.checkpoint))
            case ForkOf(checkpoint=str() as directory, mate=mate) as origin:
                return replace(origin, checkpoint=move(directory), mate=None if mate is None else move_origin(mate))
            case Resume(fallback=fallback) as resume:
                return replace(resume, fallback=move_origin(fallback))
        return init

    checkpoint = None if job.checkpoint is None else move(job.checkpoint)
    return replace(job, checkpoint=checkpoint, init=move_origin(job.init)), moved
