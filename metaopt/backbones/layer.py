"""A part of a pretrained backbone as a layer of a blueprint."""

# ruff: noqa: ARG002, D102 (the base class Layer documents the methods and their arguments)

import math
from dataclasses import dataclass
from typing import Any

from metaopt.backbones.facts import BackboneFacts, Cut
from metaopt.blueprint.layer import Layer, Shape, register_layer


@register_layer
@dataclass(slots=True, eq=False)
class Backbone(Layer):
    """A part of a pretrained backbone, from its images or a cut to a later cut.

    Made by ``parts``. The counts are those of the facts, so that nothing is built to judge a network.

    Attributes:
        source: name or absolute path of the backbone.
        digest: digest of its content.
        size: height and width of its images.
        start: layer after whose output the part begins; None for the images.
        end: layer with whose output it ends.
        is_tuned: whether its weights are trained, those of batch normalisation apart.
        input: shape that it takes.
        output: shape that it returns.
        counts: its trainable parameters, its frozen parameters, its multiply-accumulates for one image, and the
            elements of its layers' outputs.
    """

    input_rank = 3

    source: str
    digest: str
    size: tuple[int, int]
    start: str | None
    end: str
    is_tuned: bool
    input: Shape
    output: Shape
    counts: tuple[int, int, int, int]

    def output_shape(self, *shapes: Shape) -> Shape:
        if shapes[0] != self.input:
            raise self.refuse(shapes, f"Expected an input of shape {self.input}.")
        return self.output

    def parameters(self, *shapes: Shape) -> tuple[int, int]:
        trainable, frozen, *_ = self.counts
        return trainable, frozen

    def macs(self, output: Shape, *shapes: Shape) -> int:
        return self.counts[2]

    def hidden_activations(self, output: Shape, *shapes: Shape) -> int:
        # A frozen part needs no gradients, so that the outputs of its layers are not kept.
        return max(0, self.counts[3] - math.prod(self.output)) if self.is_tuned else 0

    def build(self, keras: Any, name: str) -> Any:
        from metaopt.backbones.loading import make_part

        return make_part(self.source, self.size, self.start, self.end, name, is_tuned=self.is_tuned)


def parts(facts: BackboneFacts, tuned_share: float) -> list[Backbone]:
    """Return the layers of a whole backbone: a frozen part, and a tuned one after it.

    Args:
        facts: of the backbone, for the size of the images.
        tuned_share: largest share of the multiply-accumulates that is tuned, in 0..1: 0 tunes nothing, 1 everything.

    Returns:
        One part or two, each with the shape of the part before it as its input; the first one takes
        ``(height, width, 3)``.
    """
    cut = facts.before(tuned_share)
    if cut is None:
        return [_part(facts, None, facts.end, is_tuned=True)]
    if cut == facts.end:
        return [_part(facts, None, facts.end, is_tuned=False)]
    return [_part(facts, None, cut, is_tuned=False), _part(facts, cut, facts.end, is_tuned=True)]


def _part(facts: BackboneFacts, start: Cut | None, end: Cut, *, is_tuned: bool) -> Backbone:
    before = Cut("", (*facts.size, 3), 0, 0, 0, 0) if start is None else start
    params, tunable = end.params - before.params, end.tunable - before.tunable
    trainable = tunable if is_tuned else 0
    return Backbone(
        source=facts.source,
        digest=facts.digest,
        size=facts.size,
        start=None if start is None else start.layer,
        end=end.layer,
        is_tuned=is_tuned,
        input=before.shape,
        output=end.shape,
        counts=(trainable, params - trainable, end.macs - before.macs, end.activations - before.activations),
    )
