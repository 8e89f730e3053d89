"""Rejection of a network in the worker."""


class NetworkRefused(Exception):
    """Error for a network of ``build_model`` that is invalid or exceeds a cheap constraint; it is not trained.

    Args:
        reason: ``"invalid architecture"`` or the constraint's name.
        detail: one sentence.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)  # both, so that a copy of it can be made in another process

    @property
    def reason(self) -> str:
        """``"invalid architecture"`` or the constraint's name."""
        return str(self.args[0])

    @property
    def detail(self) -> str:
        """One sentence."""
        return str(self.args[1])

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
