import pytest

from metaopt.errors import UserError
from metaopt.problems.training_config import Training, with_schedule


def test_from_point_reads_the_fields_that_a_point_has() -> None:
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
        ({"schedule": "cosin"}, "Invalid value for schedule: cosin. Did you mean cosine?"),
        (
            {"schedule": "xyz"},
            "Invalid value for schedule: xyz. Expected one of constant, cooldown, cosine, cosine-rung.",
        ),
        ({"label_smoothing": 1.0}, "Invalid value for label_smoothing: 1.0. Expected a number in [0, 1)."),
        ({"mixup": -0.5}, "Invalid value for mixup: -0.5. Expected a number >= 0."),
        ({"weight_decay": -1e-4}, "Invalid value for weight_decay: -0.0001"),
        ({"cutout": -2}, "Invalid value for cutout: -2"),
    ],
)
def test_invalid_values_are_rejected(fields, message) -> None:
    with pytest.raises(UserError) as caught:
        Training(**fields)
    assert message in str(caught.value)


def test_with_schedule_replaces_the_schedule() -> None:
    training = Training(learning_rate=0.3, schedule="cosine")
    assert with_schedule(training, None) is training
    assert with_schedule(training, "constant") == Training(learning_rate=0.3)
