"""Backbones in Keras: their cuts and counts, their parts, and files that cannot be used."""

import math
from dataclasses import astuple
from pathlib import Path

import keras
import numpy as np
import pytest

from metaopt.backbones import UnsupportedSize, read_facts
from metaopt.backbones.facts import BackboneFacts
from metaopt.backbones.layer import parts
from metaopt.backbones.loading import load_backbone, make_part
from metaopt.backbones.measuring import measure
from metaopt.backbones.source import resolve_source
from metaopt.blueprint import Blueprint, Dense, GlobalAveragePooling2D, Input, InvalidArchitecture
from metaopt.blueprint.from_keras import count_keras
from metaopt.cli.search_checks import check_backbones
from metaopt.engine.settings import Settings
from metaopt.errors import UserError
from metaopt.problems import load_problem
from metaopt.training.export import export_model, save_model
from metaopt.training.model_file import ModelMetadata
from tests.backbones.networks import make_backbone, make_nested, save_backbone, save_large

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_backbone(tmp_path_factory.mktemp("backbones") / "base.keras"))


@pytest.fixture(scope="module")
def facts(backbone: str) -> BackboneFacts:
    cuts, uncounted = measure(backbone, (16, 16))
    return BackboneFacts(backbone, "d", (16, 16), tuple(cuts), tuple(uncounted))


def test_cuts_are_maps_through_which_everything_passes(facts: BackboneFacts) -> None:
    # Not before a normalisation or an activation, and not beside the residual connection.
    assert [cut.layer for cut in facts.cuts] == ["rescaling", "stem_relu", "add", "top_relu"]
    assert [cut.shape for cut in facts.cuts] == [(16, 16, 3), (8, 8, 6), (8, 8, 6), (4, 4, 12)]


def test_counts_are_those_of_keras(backbone: str, facts: BackboneFacts) -> None:
    whole = count_keras(load_backbone(backbone, (16, 16)))
    assert (facts.end.params, facts.end.macs) == (whole.params, whole.macs)
    assert facts.end.tunable == whole.trainable_params  # without batch normalisation
    stem = count_keras(make_part(backbone, (16, 16), None, "stem_relu", "stem", is_tuned=False))
    assert facts.cuts[1].params == stem.params
    assert facts.cuts[1].macs == stem.macs == 8 * 8 * 27 * 6
    assert facts.cuts[1].activations == stem.activations


def test_facts_are_measured_by_another_process_and_kept(backbone: str, facts: BackboneFacts) -> None:
    found = read_facts(backbone, (16, 16))
    assert found.cuts == facts.cuts
    assert read_facts(backbone, (16, 16)) is found


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_network_of_parts_computes_what_the_backbone_computes(facts: BackboneFacts, share: float) -> None:
    x = images = Input((16, 16, 3))
    for part in parts(facts, share):
        x = part(x)
    blueprint = Blueprint(images, Dense(2)(GlobalAveragePooling2D()(x)))
    model = blueprint.to_keras()
    counted = count_keras(model)
    assert (counted.params, counted.trainable_params, counted.macs) == (
        blueprint.params,
        blueprint.trainable_params,
        blueprint.macs,
    )
    pixels = np.random.default_rng(0).uniform(0, 255, (3, 16, 16, 3)).astype(np.float32)
    pooled = keras.ops.convert_to_numpy(make_backbone()(pixels)).mean(axis=(1, 2))
    kernel, bias = model.get_weights()[-2:]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(pixels)), pooled @ kernel + bias, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sequential", [False, True])
def test_nested_models_are_cut_and_counted_as_their_layers(
    facts: BackboneFacts, sequential: bool, tmp_path: Path
) -> None:
    make_nested(sequential=sequential).save(tmp_path / "nested.keras")
    cuts, uncounted = measure(str(tmp_path / "nested.keras"), (16, 16))
    assert [(*astuple(cut)[1:],) for cut in cuts] == [(*astuple(cut)[1:],) for cut in facts.cuts]
    assert uncounted == []
    part = make_part(str(tmp_path / "nested.keras"), (16, 16), None, cuts[-1].layer, "part", is_tuned=True)
    pixels = np.random.default_rng(0).uniform(0, 255, (3, 16, 16, 3)).astype(np.float32)
    np.testing.assert_allclose(part(pixels), make_backbone()(pixels), rtol=1e-4, atol=1e-5)
    assert sum(math.prod(weight.shape) for weight in part.trainable_weights) == facts.end.tunable


def export_network(path: Path, *, mirror: bool) -> Path:
    """Write a small network as ``retrain`` does."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    images = keras.Input((16, 20, 3))
    x = layers.ReLU(name="map")(layers.Conv2D(4, 3, padding="same")(images))
    x = layers.ReLU(name="pooled")(layers.Conv2D(6, 3, name="last")(layers.MaxPooling2D()(x)))
    network = keras.Model(images, {"kind": layers.Dense(2, "softmax", name="kind")(layers.GlobalAveragePooling2D()(x))})
    metadata = ModelMetadata({"kind": ["cat", "dog"]}, (16, 20, 3))
    sample = np.random.default_rng(0).integers(0, 256, (5, 16, 20, 3), dtype=np.uint8)
    save_model(export_model([network], metadata, sample, mirror=mirror), metadata, path)
    return path


def test_an_exported_model_is_cut_at_its_last_feature_map(tmp_path: Path) -> None:
    path = str(export_network(tmp_path / "best.keras", mirror=False))
    cuts, uncounted = measure(resolve_source(path), (64, 64))
    assert (cuts[-1].layer, cuts[-1].shape, uncounted) == ("pooled", (6, 8, 6), [])
    assert cuts[-1].macs == 16 * 20 * 27 * 4 + 6 * 8 * 36 * 6
    part = make_part(path, (64, 64), None, "pooled", "part", is_tuned=False)
    assert part(np.zeros((1, 64, 64, 3), np.float32)).shape == (1, 6, 8, 6)


def test_an_exported_model_that_mirrors_has_no_single_path(tmp_path: Path) -> None:
    path = export_network(tmp_path / "best.keras", mirror=True)
    with pytest.raises(UserError, match="has no feature map"):
        measure(str(path), (64, 64))


def test_a_classifier_of_convolutions_is_cut_off(backbone: str, facts: BackboneFacts, tmp_path: Path) -> None:
    """As that of MobileNetV3, whose squeezed branches pool all pixels, too."""
    layers = keras.layers
    base = keras.saving.load_model(backbone)
    weights = layers.Conv2D(12, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(base.output))
    x = layers.GlobalAveragePooling2D(keepdims=True)(layers.Multiply(name="squeezed")([base.output, weights]))
    keras.Model(base.input, layers.Conv2D(5, 1, name="logits")(x)).save(tmp_path / "classifier.keras")
    cuts, _ = measure(str(tmp_path / "classifier.keras"), (16, 16))
    assert [cut.layer for cut in cuts] == [*(cut.layer for cut in facts.cuts), "squeezed"]
    assert cuts[-1].shape == (4, 4, 12)


def test_an_adapted_normalization_keeps_its_statistics(tmp_path: Path) -> None:
    images = keras.Input((None, None, 3))
    normalization = keras.layers.Normalization()
    normalization.adapt(np.random.default_rng(0).uniform(50, 200, (9, 8, 8, 3)))
    model = keras.Model(images, keras.layers.Conv2D(4, 3)(normalization(images)))
    model.save(tmp_path / "base.keras")
    pixels = np.random.default_rng(1).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    loaded = load_backbone(str(tmp_path / "base.keras"), (8, 8))
    np.testing.assert_allclose(loaded(pixels), model(pixels), rtol=1e-5, atol=1e-5)


def test_only_some_sizes_may_be_supported(tmp_path: Path) -> None:
    """A size that is not supported keeps neither another size from being measured nor a search from its networks."""
    path = str(save_large(tmp_path / "large.keras"))
    assert read_facts(path, (128, 128)).end.shape == (8, 8, 4)
    with pytest.raises(UnsupportedSize, match="takes no images of 64×64"):
        read_facts(path, (64, 64))
    problem = load_problem("transfer").with_backbones((path,))
    small, large = ({**problem.default[0], "image_size": side} for side in (64, 128))
    with pytest.raises(InvalidArchitecture, match="takes no images of 64×64"):
        problem.blueprint(small, (32, 32, 3), {"label": 2})
    assert problem.blueprint(large, (32, 32, 3), {"label": 2}).params > 0
    check_backbones(Settings(space="transfer", backbones=(path,)))


def test_a_backbone_that_cannot_be_measured_in_time_is_told(backbone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metaopt.backbones.facts._TIMEOUT_S", 0.1)
    with pytest.raises(UserError, match=r"base\.keras could not be measured in"):
        read_facts(backbone, (20, 20))


class Own(keras.layers.Layer):
    """A layer that is not registered."""

    def call(self, inputs: object) -> object:
        return inputs


def save_other(path: Path, kind: str) -> None:
    import keras

    if kind == "text":
        path.write_text("no model")
    elif kind == "vector":
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(path)
    elif kind == "code":
        keras.Sequential([keras.Input((None, None, 3)), keras.layers.Lambda(lambda x: x)]).save(path)
    elif kind == "own":
        images = keras.Input((None, None, 3))
        keras.Model(images, Own()(images)).save(path)
        keras.saving.get_custom_objects().clear()
    elif kind == "flat":
        images = keras.Input((None, None, 3))
        x = keras.layers.GlobalAveragePooling2D()(images)
        keras.Model(images, keras.layers.Rescaling(1 / 255)(x)).save(path)
    else:
        options = {"grey": {"channels": 1}, "fixed": {"side": 24}, "unscaled": {"scales": False}}[kind]
        save_backbone(path, **options)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("text", "base.keras is no Keras model. Expected a file saved by Keras 3"),
        ("vector", r"takes \(4,\). Expected RGB images, \(height, width, 3\)"),
        ("code", r"cannot be loaded by Keras, without code of its own: it holds a Lambda layer\."),
        ("own", r"without code of its own: its layer Own is none of Keras'\."),
        ("flat", "has no feature map"),
        ("grey", r"takes \(None, None, 1\). Expected RGB images"),
        ("fixed", r"takes images of 24×24 only. Save it with keras.Input\(\(None, None, 3\)\)"),
        ("unscaled", "does not begin with a layer Rescaling or Normalization"),
    ],
)
def test_a_file_that_is_no_backbone_is_refused(kind: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "base.keras"
    save_other(path, kind)
    with pytest.raises(UserError, match=message):
        measure(resolve_source(str(path)), (32, 32))


def test_names_of_applications_are_known_and_others_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"Unknown backbone: ResNet50\. Expected a \.keras file, or one of ConvNeXt"):
        measure("ResNet50", (64, 64))
    with pytest.raises(UserError, match=r"base\.keras does not exist\. Expected a \.keras file"):
        resolve_source("base.keras")


def test_weights_that_cannot_be_downloaded_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    def fail(*_: object, **__: object) -> None:
        raise Exception("URL fetch failure on https://example.org/models/mobilenet_v2_weights.h5: None -- no network")

    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", fail)
    monkeypatch.setattr(keras.src.applications.mobilenet_v2.file_utils, "get_file", fail)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"could not be downloaded .*Put the file mobilenet_v2_weights.h5 there"):
        measure("MobileNetV2", (64, 64))
