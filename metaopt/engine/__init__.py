"""Search engine: the loop, strategies, proposals, jobs and checkpoint retention."""
