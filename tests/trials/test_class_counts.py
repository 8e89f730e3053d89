"""Classes that constraints name, counts of images, and images that a confidence needs."""

import numpy as np
import pytest

from metaopt.errors import UserError
from metaopt.outputs import ClassOutput, NumberOutput
from metaopt.trials.class_counts import check_images, count_classes, find_class, keep_heads
from metaopt.trials.constraints import parse_constraint, parse_constraints

FLOWERS = {"label": ClassOutput(("rose", "tulip", "daisy"))}
HEADS = {**FLOWERS, "colour": ClassOutput(("red", "rose"))}
LABELS = {"label": np.array([0, 0, 0, 1, 1, 2])}
PREDICTED = {"label": np.eye(3)[[0, 0, 1, 1, 0, 2]] * 0.6 + 0.1}


def count(*texts: str, outputs=FLOWERS) -> dict[str, float]:
    return count_classes(parse_constraints(texts), PREDICTED, LABELS, outputs)


def test_an_unknown_class_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"precision\[roze\]>=0.9: roze\. Did you mean rose\?"):
        find_class(parse_constraint("precision[roze]>=0.9"), FLOWERS)
    with pytest.raises(UserError, match="needs a head with classes"):
        find_class(parse_constraint("recall[rose]>=0.9"), {"label": NumberOutput(("age",))})


def test_a_class_of_several_heads_is_written_with_its_head() -> None:
    with pytest.raises(UserError, match=r"write \[label:rose\] or \[colour:rose\]"):
        find_class(parse_constraint("recall[rose]>=0.9"), HEADS)
    assert find_class(parse_constraint("recall[colour:rose]>=0.9"), HEADS) == ("colour", 1)
    assert find_class(parse_constraint("recall[red]>=0.9"), HEADS) == ("colour", 0)
    assert keep_heads(parse_constraints(["recall[red]>=0.9", "params<=5"]), HEADS, ["label"]) == [
        parse_constraint("params<=5")
    ]


def test_only_counts_that_constraints_need_are_measured() -> None:
    assert count("val_precision>=0.5", "params<=5") == {}
    assert count("precision[rose]>=0.5") == {"val_hits[rose]": 2, "val_predicted[rose]": 3}
    assert count("recall[tulip]>=0.5@90%") == {"val_hits[tulip]": 1, "val_images[tulip]": 2}
    assert count("val_accuracy>=0.5@90%") == {"val_images": 6}
    assert count("val_balanced_accuracy>=0.1@90%") == {
        **{"val_hits_0": 2, "val_images_0": 3, "val_hits_1": 1, "val_images_1": 2, "val_hits_2": 1, "val_images_2": 1}
    }


def test_answers_below_a_threshold_are_not_counted() -> None:
    output = {"label": ClassOutput(FLOWERS["label"].names, (0.7, 0.0, 0.0))}
    assert count("precision[rose]>=0.5", outputs=output) == {"val_hits[rose]": 0, "val_predicted[rose]": 0}


@pytest.mark.parametrize(
    ("text", "few", "needed"),
    [
        ("precision[rose]>=0.95@95%", "30 validation images of class rose", 59),
        ("recall[rose]>=0.95@95%", "30 validation images of class rose", 59),
        ("val_accuracy>=0.98@95%", "90 validation images", 149),
        ("val_precision>=0.95@95%", "30 validation images of each class", 80),
    ],
)
def test_too_few_images_say_how_many_are_needed(text: str, few: str, needed: int) -> None:
    def check(n: int) -> None:
        labels = np.repeat([0, 1, 2], n)
        check_images([parse_constraint(text)], {"label": labels}, FLOWERS, "validation")

    with pytest.raises(UserError, match=f"cannot be met by the {few}.*needs at least {needed}"):
        check(30)
    enough = needed if "class" in few else -(-needed // 3)
    check(enough)
    with pytest.raises(UserError, match="cannot be met"):
        check(enough - 1)
