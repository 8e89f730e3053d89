"""The Python snippets of README.md and docs/*.md run, and the pages are complete and correct.

The snippets of a page run one after another in an empty folder, with the names that earlier snippets of the page
defined. Their assertions must hold, and a comment after a ``print`` must be the printed line.
"""

import io
import json
import pickle
import re
import zipfile
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hyperopt import Trials, fmin, hp, rand
from hyperopt.pyll import scope
from PIL import Image

from metaopt.storage.files import Unsynced
from tests.engine.synthetic import search

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
# Other libraries → what tells their snippets.
PEERS = {"optuna": r"^import optuna", "keras_tuner": r"\bkeras_tuner\.", "ray": r"^from ray import"}
PEERS["autokeras"] = r"^import autokeras"  # runs with Keras up to 3.12 only, so that no test runs it
# Pages that import Keras.
SLOW = (
    "README.md",
    "blueprint.md",
    "coming_from.md",
    "evolve.md",
    "export.md",
    "inherit.md",
    "retrain.md",
    "search.md",
)


def read_page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def find_all_snippets(page: Path) -> list[tuple[int, str]]:
    """Return (line number of the first line, code) of each Python snippet of a page."""
    text = page.read_text(encoding="utf-8")
    snippets = re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [(text.count("\n", 0, snippet.start(1)), snippet[1]) for snippet in snippets]


def find_snippets(page: Path) -> list[tuple[int, str]]:
    """Return those of metaopt, without those of the libraries that docs/coming_from.md compares it with."""
    return [(line, code) for line, code in find_all_snippets(page) if peer_of(code) is None]


def peer_of(code: str) -> str | None:
    """Return the other library that a snippet uses, or None."""
    return next((peer for peer, pattern in PEERS.items() if re.search(pattern, code, re.MULTILINE)), None)


def run_page(page: Path, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run all snippets of a page and return the names that they define.

    Args:
        page: the page.
        names: names that the snippets use and the page does not define.
    """
    defined = {"__name__": f"docs_{page.stem}", **(names or {})}
    for line, code in find_snippets(page):
        exec(compile("\n" * line + code, str(page), "exec"), defined)
    return defined


@pytest.fixture(autouse=True)
def _restore_scope() -> Iterator[None]:
    """Remove the functions that a snippet adds to hyperopt's global table."""
    known = set(scope._impls)
    yield
    for name in set(scope._impls) - known:
        scope.undefine(name)


def prepare_auto() -> dict[str, Any]:
    """Run the search whose decisions docs/auto.md prints."""
    search(Path("results"), sampler="auto", scheduler="auto", epochs=9, trials=7, files=Unsynced())
    return {}


def prepare_data() -> dict[str, Any]:
    """Write the image folder that docs/data.md loads."""
    colours = np.random.default_rng(0).integers(0, 256, (2, 10, 40, 40, 3), dtype=np.uint8)
    for kind, images in zip(("cat", "dog"), colours, strict=True):
        folder = Path("pets") / kind
        folder.mkdir(parents=True)
        for number, image in enumerate(images):
            Image.fromarray(image).save(folder / f"{number}.png")
    return {"numpy": np, "x": colours[0], "y": np.arange(10) % 2, "x2": colours[1], "y2": np.arange(10) % 2}


def prepare_results() -> dict[str, Any]:
    """Write the hyperopt trials that docs/results.md continues."""
    space, trials = {"x": hp.uniform("x", -1, 1)}, Trials()
    names: dict[str, Any] = {"space": space, "objective": lambda point: point["x"] ** 2}
    rng = np.random.default_rng(0)
    fmin(names["objective"], space, rand.suggest, 5, trials=trials, rstate=rng, show_progressbar=False)
    Path("results.pkl").write_bytes(pickle.dumps(trials))
    return names


def prepare_retrain() -> dict[str, Any]:
    """Write the picture and a model with metadata, in the form of an exported one, that docs/retrain.md loads."""
    import keras

    inputs = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, {"label": keras.layers.Dense(2, activation="softmax", name="label")(pooled)})
    for folder in ("results", "my_pictures"):
        Path(folder).mkdir()
    Image.new("RGB", (8, 8), "red").save("my_pictures/1.jpg")
    saved = io.BytesIO()
    model.save("plain.keras")
    with zipfile.ZipFile("plain.keras") as plain, zipfile.ZipFile(saved, "w") as exported:
        for name in plain.namelist():
            content = plain.read(name)
            if name == "metadata.json":
                content = json.dumps({**json.loads(content), "metaopt": {"classes": {"label": ["a", "b"]}}}).encode()
            exported.writestr(name, content)
    Path("results/best.keras").write_bytes(saved.getvalue())
    return {}


def prepare_export() -> dict[str, Any]:
    """Write the ONNX file that the server of docs/export.md loads."""
    for package in ("tf2onnx", "onnx", "onnxruntime", "fastapi"):
        pytest.importorskip(package, reason=f"needs {package}: pip install -r requirements-onnx.txt fastapi")
    import keras

    from metaopt.deployment.formats import FORMATS
    from metaopt.deployment.model_files import written
    from metaopt.training.export import export_model
    from metaopt.training.model_file import ModelMetadata

    inputs = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    network = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(pooled))
    metadata = ModelMetadata({"label": ["a", "b"]}, (8, 8, 3))
    model = export_model([network], metadata, np.zeros((1, 8, 8, 3), np.uint8))
    with written(model, metadata, Path("best.onnx"), FORMATS["onnx"]):
        pass
    return {}


PREPARATIONS = {
    "auto.md": prepare_auto,
    "data.md": prepare_data,
    "export.md": prepare_export,
    "results.md": prepare_results,
    "retrain.md": prepare_retrain,
}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=[pytest.mark.slow] if page.name in SLOW else [])
        for page in PAGES
        if find_snippets(page)
    ],
)
def test_snippets_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = PREPARATIONS[page.name]() if page.name in PREPARATIONS else None
    capsys.readouterr()
    run_page(page, names)
    printed = iter(capsys.readouterr().out.splitlines())
    for _, code in find_snippets(page):
        for expected in re.findall(r"^print\(.*\)  # (.*)", code, re.MULTILINE):
            assert expected in printed, f"{page.name} promises the line {expected!r}"


@pytest.mark.slow
@pytest.mark.parametrize(("peer", "count"), [("optuna", 2), ("keras_tuner", 2), ("ray", 1)])
def test_snippets_of_other_libraries_run(
    peer: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = DOCS / "coming_from.md"
    snippets = [(line, code) for line, code in find_all_snippets(page) if peer_of(code) == peer]
    assert len(snippets) == count
    pytest.importorskip(peer, reason=f"{peer} is not installed: pip install -r requirements-peers.txt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))  # where Ray keeps its results
    defined: dict[str, Any] = {"__name__": "docs_coming_from"}
    for line, code in snippets:
        exec(compile("\n" * line + code, str(page), "exec"), defined)


@pytest.mark.slow
def test_both_networks_of_the_keras_tuner_section_are_built() -> None:
    names: dict[str, Any] = {}
    for _, code in find_snippets(DOCS / "coming_from.md"):
        if "def network(" in code or "def build_model(" in code:
            exec(code, names)
    point = {"blocks": 2, "filters": 8.0, "learning_rate": 0.01}
    blueprint = names["network"](point, (8, 8, 1), {"label": 10})
    model = names["build_model"](point, (8, 8, 1), {"label": 10})
    convolutions, units = 80 + 584, 10
    assert blueprint.params == convolutions + 8 * 8 * 8 * units + units
    assert model.count_params() == convolutions + 4 * 4 * 8 * units + units  # its convolutions do not pad
    model.fit(np.zeros((4, 8, 8, 1)), np.arange(4), verbose=0)


def test_pages_with_tested_snippets_still_have_them() -> None:
    counts = {page.name: len(find_snippets(page)) for page in PAGES}
    assert counts["evolution.md"] == 6
    assert counts["spaces.md"] > 10
    assert {"README.md", "benchmarks.md", "growing.md", "repair.md", "schedulers.md"} <= {
        name for name, count in counts.items() if count
    }


@pytest.mark.slow
def test_blueprint_page_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from metaopt.blueprint import Blueprint, Conv2D, Input

    monkeypatch.chdir(tmp_path)
    names = run_page(ROOT / "docs" / "blueprint.md")
    assert (tmp_path / "network.svg").exists()
    assert names["model"].count_params() == 31530
    custom = names["PReLU"]
    inputs = Input((8, 8, 3))
    blueprint = Blueprint(inputs, custom()(Conv2D(4, 3)(inputs)))
    assert blueprint.params == blueprint.to_keras().count_params() == 112 + 4
    assert blueprint.output_shapes["label"] == (6, 6, 4)
    assert Blueprint(inputs, custom(initial_slope=0.1)(Conv2D(4, 3)(inputs))).hash != blueprint.hash


def test_blueprint_page_shows_the_real_error_message() -> None:
    from metaopt.blueprint import Input, InvalidArchitecture, MaxPooling2D

    with pytest.raises(InvalidArchitecture) as caught:
        MaxPooling2D(2)(Input((1, 1, 64)))
    assert str(caught.value) in read_page("blueprint.md")


def test_results_page_has_every_key_of_a_record() -> None:
    """A record whose fields are all set has every key; a new field of ``Record`` must be set here, too."""
    from metaopt.trials.discard import Discard
    from metaopt.trials.record import Record
    from metaopt.trials.result import Result
    from metaopt.trials.trial_decision import KINDS, TrialDecision

    result = Result(resource=3, epochs=3, values=(0.5, 10.0), best_epoch=1)
    values: dict[str, Any] = {
        "result": result,
        "results": (result,),
        "imported": True,
        "history": {"loss": [0.5], "seconds": [1.0]},
        "precision": {"policy": "float32", "floatx": "float32"},
        "inherited": {"trial": 1, "layers": 2, "of": 3},
        "latency": {"median_ms": 1.0},
        "model_bytes": 1000,
        "change": "rate 0.1 -> 0.2",
        "mate": 2,
        "fork": {"trial": 1, "epochs": 2},
        "stretches": [{"from_epoch": 1, "backend": "jax", "keras": "3"}],
        "decisions": [TrialDecision(KINDS[0], 3, 9, 1.0, {})],
        "repeats": 2,
        "discard": Discard(4, 10, 5, 0, -0.9, 0.001),
        "objectives": ("loss", "size:min"),
        "returned": {"size": 10},
        "failure": {"cause": "exception", "error": "E", "traceback": "T"},
    }
    record = Record(trial=0, status="fail", objective="loss", **values)
    stored = {*record.keys(), *values, "point"}
    for field in fields(Record):
        assert field.name in stored, f"Set the field {field.name} here, so that its key is in the record."
    text = read_page("results.md")
    section = text[text.index("\n## A record\n") : text.index("\n## Folds\n")]
    table = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    explained = set(re.findall(r"`([\w.]+)`", table))
    keys = {*record.keys(), *record["visits"][0], *record["decisions"][0]}
    keys |= {f"scores.{name}" for name in record["scores"]} - {"scores"}
    for key in sorted(keys - {"scores"}):
        assert key in explained, f"docs/results.md does not explain the key {key} of a record: add it to its table."


def test_results_page_has_every_field_that_is_checked() -> None:
    from metaopt.trials.record_fields import _FIELDS

    text = read_page("results.md")
    for name in _FIELDS:
        assert f"`{name}`" in text, f"docs/results.md does not explain {name}."


def test_spaces_page_explains_every_distribution() -> None:
    text = read_page("spaces.md")
    for name in vars(hp):
        if not name.startswith("_"):
            assert f"hp.{name}(" in text, name


def test_evolution_page_lists_every_setting_with_its_default() -> None:
    from metaopt.samplers import Evolution

    text = read_page("evolution.md")
    for field in fields(Evolution):
        default = f'"{field.default}"' if isinstance(field.default, str) else f"{field.default}"
        row = rf"^\| `{field.name}` \| `?{re.escape(default)}`? \|"
        assert re.search(row, text, re.MULTILINE), field.name


def test_schedulers_page_explains_every_scheduler() -> None:
    from metaopt.schedulers import SCHEDULERS

    text = read_page("schedulers.md")
    for name in SCHEDULERS:
        assert re.search(rf"^- \*\*`{name}`\*\*", text, re.MULTILINE), name
