"""The exception for invalid architectures."""


class InvalidArchitecture(ValueError):
    """An architecture that is invalid: it has an empty tensor, or Keras or one of its backends rejects it.

    The search counts it as a rejected proposal, never as a trial.

    Attributes:
        kind: name of the layer kind, e.g. ``"Conv2D"``.
        input_shape: the shape, or tuple of shapes, on which the layer was called, without the batch; None if an
            argument is invalid for every input.
        reason: why it is invalid, without the layer and its input; one sentence or more.
    """

    def __init__(self, kind: str, input_shape: tuple | None, reason: str):
        super().__init__(kind, input_shape, reason)
        self.kind = kind
        self.input_shape = input_shape
        self.reason = reason

    def __str__(self) -> str:
        layer = self.kind if self.input_shape is None else f"{self.kind} with input shape {self.input_shape}"
        return f"{layer}: {self.reason}"
