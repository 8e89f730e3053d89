"""Progress of a final training."""

from metaopt.cli import retrain_progress
from metaopt.cli.retrain_progress import TrainingProgress


def test_progress_is_printed_every_ten_seconds(capsys, monkeypatch) -> None:
    clock = 0.0
    monkeypatch.setattr(retrain_progress, "monotonic", lambda: clock)
    progress = TrainingProgress(30, "network 1 of 2 · ")
    for epoch in range(1, 31):
        progress.epoch(epoch, 1 / epoch, 4.0)
        clock += 4.0
        progress.step(epoch + 1, 0.99)
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[6]) for line in lines] == [1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 30]
    assert lines[0] == "network 1 of 2 · epoch 1 of 30 · training loss 1.0000 · 4.0 s"


def test_a_long_epoch_shows_how_far_it_is(capsys, monkeypatch) -> None:
    clock = 0.0
    monkeypatch.setattr(retrain_progress, "monotonic", lambda: clock)
    progress = TrainingProgress(2, "")
    for epoch in (1, 2):
        for step in range(1, 26):
            clock += 1.0
            progress.step(epoch, step / 25)
        progress.epoch(epoch, 0.5, 25.0)
    lines = capsys.readouterr().out.splitlines()
    ended = [f"epoch {epoch} of 2 · training loss 0.5000 · 25.0 s" for epoch in (1, 2)]
    assert lines == [
        *("epoch 1 of 2, 40 %", "epoch 1 of 2, 80 %", ended[0]),
        *("epoch 2 of 2, 40 %", "epoch 2 of 2, 80 %", ended[1]),
    ]
