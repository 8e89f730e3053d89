from metaopt.training.checkpoint_policy import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_checkpoints_take_a_twentieth_of_the_time_and_come_every_thirty_seconds() -> None:
    def written(epoch: float, write: float, epochs: int) -> list[int]:
        """The epochs after which a checkpoint was written, where both take so many seconds."""
        clock = Clock()
        pace = Pace(clock)
        found = []
        for number in range(1, epochs + 1):
            clock.now += epoch
            if pace.is_due():
                found.append(number)
                with pace.writing():
                    clock.now += write
        return found

    assert written(epoch=1.0, write=0.04, epochs=9) == list(range(1, 10))
    assert written(epoch=1.0, write=0.5, epochs=32) == [1, 10, 20, 30]  # 0.5 seconds of ten are a twentieth
    assert written(epoch=10.0, write=60.0, epochs=9) == [1, 4, 7]  # every thirty seconds
