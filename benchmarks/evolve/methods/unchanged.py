"""The given configuration, trained until the budget is spent."""

from benchmarks.evolve.run_context import Run


def train_unchanged(run: Run) -> None:
    """Train the network as it is given."""
    run.recorder.begin()
    model = run.task.build(run.task.start)
    while True:
        run.train_epoch(model, run.task.start)
