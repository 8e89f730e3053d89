"""``metaopt export`` of models: what is refused before Keras is imported, and a whole export with its limits."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metaopt.cli import export, predict
from metaopt.storage.study import Study
from metaopt.trials.constraints import parse_constraints
from tests.cli.running import Outcome, run_command


def run(capsys, *arguments) -> Outcome:
    return run_command(export.main, capsys, *arguments)


def test_what_cannot_be_exported_is_one_sentence(capsys, studies: Path) -> None:
    Path("there.onnx").touch()
    (studies / "alone.keras").write_bytes((studies / "tpe" / "best.keras").read_bytes())
    for arguments, reason in (
        (["tpe", "--to", "savedmodel", "--int8"], "Quantised models are written for onnx and litert only."),
        (["tpe", "--to", "onnx", "--max-loss", 0.1], "--max-loss has no effect without --int8."),
        (["tpe", "--to", "onnx", "-o", "there.onnx"], "there.onnx exists already."),
        (["tpe", "--to", "onnx", "-o", "there.tflite"], "It must end in '.onnx'."),
        (["tpe", "--to", "savedmodel", "-o", "there.out"], "Expected a folder without '.out'."),
        (["there.onnx", "--to", "litert"], "there.onnx was exported already."),
        (["tpe", "--to", "savedmodel", "--images", "a.png", "--data", "digits"], "--data has no effect with --images"),
        (["absent.keras", "--to", "savedmodel"], "absent.keras does not exist"),
        (["tiny_problem.py", "--to", "savedmodel"], "No class names found in"),
    ):
        outcome = run(capsys, *arguments)
        assert (outcome.code, len(outcome.errors)) == (2, 1)
        assert reason in outcome.errors[0]
    outcome = run(capsys, "alone.keras", "--to", "savedmodel")
    assert "There is no study beside alone.keras" in outcome.errors[0]


@pytest.mark.slow
def test_a_model_is_exported_checked_and_predicted_with(capsys, studies: Path, monkeypatch) -> None:
    outcome = run(capsys, "tpe", "--to", "savedmodel")
    assert (outcome.code, outcome.out) == (0, "best_savedmodel\n")
    assert "label: the same answer for 359 of 359 test images" in outcome.err
    assert "constraint memory" not in outcome.err  # of the training, which an exported file does not have
    rng = np.random.default_rng(0)
    Path("pictures").mkdir()
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(f"pictures/{number}.png")
    tables = []
    for model in ("tpe/best.keras", "best_savedmodel"):
        shown = run_command(predict.main, capsys, model, "pictures", "--csv", "--batch-size", 2).out
        tables.append(list(csv.reader(io.StringIO(shown))))
    header, *rows = tables[0]
    assert header == ["path", "label", *(f"label:{digit}" for digit in range(10))]
    assert [row[:2] for row in rows] == [row[:2] for row in tables[1][1:]]
    assert np.array([row[2:] for row in rows], float) == pytest.approx(
        np.array([row[2:] for row in tables[1][1:]], float), abs=1e-5
    )
    assert [row[0] for row in rows] == [f"pictures/{number}.png" for number in range(3)]

    monkeypatch.setattr(Study, "constraints", property(lambda self: parse_constraints(["recall[8]>=0.999@95%"])))
    outcome = run(capsys, "tpe", "--to", "savedmodel", "-o", "other")
    assert outcome.code == 5
    assert "other violates constraints: recall[8]>=0.999@95% is VIOLATED" in outcome.errors[0]
    assert Path("other").exists()

    texts = ["recall[8]>=0.999@95%", "params<=10"]  # the first one needs targets
    monkeypatch.setattr(Study, "constraints", property(lambda self: parse_constraints(texts)))
    outcome = run(capsys, "tpe", "--to", "savedmodel", "-o", "third", "--images", "pictures")
    assert outcome.code == 5
    assert "third violates constraints: params<=10 is VIOLATED" in outcome.errors[0]


@pytest.mark.slow
def test_quantising_that_costs_too_much_leaves_nothing(capsys, studies: Path, monkeypatch) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai_edge_litert: pip install -r requirements-litert.txt")
    outcome = run(capsys, "tpe", "--to", "litert", "--int8")
    assert outcome.code == 0
    assert "accuracy of label: " in outcome.err
    monkeypatch.setattr("metaopt.cli.export_model.MAX_LOSS", -1.0)
    outcome = run(capsys, "tpe", "--to", "litert", "--int8", "-o", "bad.tflite")
    assert outcome.code == 5
    assert "Quantising costs too much: accuracy of label" in outcome.errors[0]
    assert not Path("bad.tflite").exists()
