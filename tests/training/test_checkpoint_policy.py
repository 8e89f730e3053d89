from metaopt.training.checkpoint_policy import CheckpointPolicy


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_checkpoints_take_5_percent_or_come_every_30_seconds() -> None:
    def written(epoch: float, write: float, epochs: int) -> list[int]:
        """Epochs after which a checkpoint was written; ``epoch`` and ``write`` are durations in seconds."""
        clock = Clock()
        policy = CheckpointPolicy(clock)
        found = []
        for number in range(1, epochs + 1):
            clock.now += epoch
            if policy.is_due():
                found.append(number)
                with policy.writing():
                    clock.now += write
        return found

    assert written(epoch=1.0, write=0.04, epochs=9) == list(range(1, 10))
    assert written(epoch=1.0, write=0.5, epochs=32) == [1, 10, 20, 30]  # 0.5 of 10 seconds are 5 %
    assert written(epoch=10.0, write=60.0, epochs=9) == [1, 4, 7]  # every thirty seconds
