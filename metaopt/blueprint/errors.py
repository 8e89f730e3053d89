"""The one error of this room."""


class InvalidArchitecture(ValueError):
    """A network that cannot exist: an empty tensor, or what Keras or its backends refuse.

    The search counts it as a rejected proposal, never as a trial.

    Attributes:
        kind: the layer's kind, e.g. ``"Conv2D"``.
        input_shape: the shape, or tuple of shapes, that the layer was called on, without the batch; None where an
            argument is wrong whatever the input.
        reason: what is wrong, without the layer and its input.
    """

    def __init__(self, kind: str, input_shape: tuple | None, reason: str):
        super().__init__(kind, input_shape, reason)
        self.kind = kind
        self.input_shape = input_shape
        self.reason = reason

    def __str__(self) -> str:
        where = self.kind if self.input_shape is None else f"{self.kind} on an input of shape {self.input_shape}"
        return f"{where}: {self.reason}"
