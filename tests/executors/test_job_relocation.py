"""Relocation of a job's checkpoints."""

from dataclasses import replace
from pathlib import Path

from metaopt.engine.jobs import ForkOf, FromScratch, Resume, WeightsOf
from metaopt.executors.job_relocation import relocate
from tests.executors.scripted import make_job


def test_relocation_moves_every_checkpoint_of_a_job(tmp_path: Path) -> None:
    fork, parent = ForkOf(3, "/a/000003", 2), WeightsOf(4, {}, "/a/000004")
    job = replace(make_job(trial=7), checkpoint="/a/000007")
    there = tmp_path / "000007"
    for init, moved in [
        (FromScratch(), FromScratch()),
        (fork, replace(fork, checkpoint=str(tmp_path / "000003"))),
        (Resume(2, fallback=parent), Resume(2, fallback=replace(parent, checkpoint=str(tmp_path / "000004")))),
        (ForkOf(3, None, 2), ForkOf(3, None, 2)),
        (
            replace(fork, mate=ForkOf(5, "/a/000005", 2)),
            replace(fork, checkpoint=str(tmp_path / "000003"), mate=ForkOf(5, str(tmp_path / "000005"), 2)),
        ),
    ]:
        found, directories = relocate(replace(job, init=init), tmp_path)
        assert found == replace(job, init=moved, checkpoint=str(there))
        assert directories["/a/000007"] == str(there)
        assert all(Path(target).parent == tmp_path for target in directories.values())
