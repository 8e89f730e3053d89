"""Search engine: the loop, strategies, proposals, jobs and checkpoint retention."""

__all__ = [
    "callbacks",
    "checkpoint_retention",
    "checkpoints",
    "events",
    "job_factory",
    "jobs",
    "loop",
    "phases",
    "proposer",
    "search_patience",
    "settings",
    "setup",
    "strategy",
    "view",
]
