import pytest

from metaopt.errors import UserError
from metaopt.problems.training_config import Training, with_schedule


def test_a_training_is_read_from_the_keys_that_a_point_has() -> None:
    point = {"learning_rate": "0.1", "schedule": "cosine", "mixup": 0, "cutout": 7.0, "weight_decay": 1, "depth": 3}
    training = Training.from_point(point)
    expected = Training(learning_rate=0.1, schedule="cosine", cutout=7, weight_decay=1.0)
    assert training == expected
    assert isinstance(training.cutout, int)
    assert Training.from_point({"label_smoothing": 0.1, "mixup": 0.2}) == Training(label_smoothing=0.1, mixup=0.2)
    assert Training.from_point(3) == Training()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schedule": "cosin"}, "The schedule cosin is unknown: did you mean cosine?"),
        ({"schedule": "xyz"}, "The schedule xyz is unknown: there are constant, cosine, cosine-rung."),
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0, but must be at least 0 and below 1."),
        ({"mixup": -0.5}, "mixup is -0.5, but must be at least 0."),
        ({"weight_decay": -1e-4}, "weight_decay is -0.0001"),
        ({"cutout": -2}, "cutout is -2"),
    ],
)
def test_what_cannot_be_is_refused(fields, message) -> None:
    with pytest.raises(UserError) as refused:
        Training(**fields)
    assert message in str(refused.value)


def test_a_schedule_can_be_put_in_the_place_of_another() -> None:
    training = Training(learning_rate=0.3, schedule="cosine")
    assert with_schedule(training, None) is training
    assert with_schedule(training, "constant") == Training(learning_rate=0.3)
