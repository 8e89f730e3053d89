"""Report of the keys of a point that a user's functions read in the worker."""

from collections.abc import Callable
from dataclasses import replace

from metaopt.engine.jobs import Job, Message, PointReads
from metaopt.problems.reads import Reads

TRIALS = 20  # first ones that are recorded


def with_recorded_point(job: Job, reads: Reads) -> Job:
    """Return a job whose point records what is read of it, if it is one of the first trials."""
    return replace(job, point=reads.record(job.point)) if job.trial < TRIALS else job


def report_reads(job: Job, reads: Reads, report: Callable[[Message], bool]) -> None:
    """Report what a training read, if its point was recorded."""
    if reads.known:
        report(PointReads(job.trial, frozenset(reads.known), frozenset(reads.read | reads.copied)))
