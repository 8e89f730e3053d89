"""Model card: sections, and names that Markdown or HTML would interpret."""

from dataclasses import replace

from metaopt.report.analysis.confusion import Confusion
from metaopt.report.analysis.evaluation import ClassScore, JudgedConstraint, Score
from metaopt.report.analysis.reliability import Bin, Reliability
from metaopt.report.analysis.seeds import spread_of_seeds
from metaopt.report.model_card import CardFacts, literal, make_card
from metaopt.trials.constraints import parse_constraints

(LIMIT,) = parse_constraints(["params<=10"])
FACTS = CardFacts(
    title="best.keras",
    written="2026-01-01T00:00:00+00:00",
    sha256="ab",
    size_bytes=2000,
    params=12,
    macs=3456,
    takes="grey uint8 images",
    heads={"label": "probabilities of 2 classes"},
    training={"epochs": 3, "seed": 0, "point": {"units": 3, "rate": 0.123456}, "members": 2, "mirror": True},
    data="pets",
    images={"training": 80, "test": 20},
    classes={"label": ["cat", "<b>dog|\x1b"]},
    scores={"test_accuracy": Score(0.9, 0.7, 0.97)},
    over_seeds={},
    class_scores={"label": [ClassScore("cat", 10, 0.9, 0.8, 0.85, 9), ClassScore("<b>dog|\x1b", 10, 0.0, 0.0, 0.0)]},
    confusions={"label": [Confusion("cat", "<b>dog|\x1b", 2, 10)]},
    reliability={"label": Reliability(0.2, 0.1, (Bin(20, 0.9, 0.7),))},
    constraints=[JudgedConstraint(LIMIT, "params", 12)],
    tests_before=0,
    versions={"keras": "3"},
    device="CPU",
    figures={"Confusion matrix": "confusion_matrix.png"},
    predict="metaopt predict best.keras IMAGES",
)


def test_card_has_data_limits_intervals_and_versions() -> None:
    card = make_card(FACTS)
    for section in ("Data", "Test scores", "Probabilities", "Constraints", "Limits", "Versions"):
        assert f"\n## {section}\n" in card
    assert "| accuracy | 0.9000 | 0.7000 to 0.9700 |" in card
    assert "| cat | 10 | 0.900 (0.565 to 0.980) | 0.800 (0.490 to 0.943) | 0.850 |" in card
    assert "| rate | 0.1235 |" in card
    assert "params\\<=10 is VIOLATED: params is 12" in card
    assert "![Confusion matrix](confusion_matrix.png)" in card
    assert "Do not read the probabilities of label as shares" in card


def test_names_cannot_change_the_document() -> None:
    card = make_card(FACTS)
    assert "\x1b" not in card
    assert "<b>" not in card
    assert literal("a|*b*\n# c") == r"a\|\*b\*\\n\# c"


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    assert "| – | 0.000 (" in make_card(FACTS)


def test_seeds_earlier_tests_and_rare_classes_are_told() -> None:
    spread = spread_of_seeds([{"test_accuracy": 0.9}, {"test_accuracy": 0.8}])
    card = make_card(replace(FACTS, over_seeds=spread, tests_before=3))
    assert "| accuracy | 0.8500 | 0.0707 | 0.8000 | 0.9000 |" in card
    assert "used 3 times before" in card
    assert "Fewer than 20 test images: cat" in card


def test_models_without_classes_have_a_card() -> None:
    card = make_card(replace(FACTS, classes={}, class_scores={}, confusions={}, reliability={}, constraints=[]))
    assert "predicts no probabilities" in card
    assert "None was given." in card
