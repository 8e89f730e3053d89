"""Rejection of a network in the worker."""


class NetworkRefused(ValueError):
    """A network that only Keras could build cannot exist or exceeds a cheap constraint, so it was not trained.

    Attributes:
        reason: ``"invalid architecture"`` or the constraint's name.
        detail: one sentence.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
