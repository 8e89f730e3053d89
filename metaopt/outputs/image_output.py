"""Output with an image."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from metaopt.errors import UserError
from metaopt.outputs.image_metrics import mean_over_pixels, psnr, ssim
from metaopt.outputs.output import Output, Predictions, Targets


@dataclass(frozen=True)
class ImageOutput(Output):
    """An image of the height and width of the input: sigmoids with the mean squared error.

    Targets are uint8 ``(n, h, w, c)``, with a further channel, 0 or 255, where a mask says which pixels count.

    Attributes:
        size: (height, width, channels) of the image, without the mask.
        has_mask: whether the targets have a mask.
    """

    size: tuple[int, int, int]
    has_mask: bool = False

    kind: ClassVar[str] = "image"
    activation: ClassVar[str] = "sigmoid"
    metrics: ClassVar[tuple[str, ...]] = ("loss", "mse", "mae", "psnr", "ssim")  # type: ignore[misc]
    objective: ClassVar[str] = "mse"

    @property
    def shape(self) -> tuple[int, ...]:
        """See ``Output.shape``."""
        return self.size

    @property
    def channels(self) -> int:
        """Number of channels of the image."""
        return self.size[2]

    def __index__(self) -> int:
        """Refuse to be the number of units of a dense layer.

        Raises:
            UserError: always; no point of such a space can fit, so that it need not be searched for one.
        """
        height, width, channels = self.size
        raise UserError(
            f"The network ends in a dense layer, but the targets are images of {height}×{width}×{channels}. Use a space"
            " whose network returns images, such as autoencoder."
        )

    def encode(self, targets: Targets) -> npt.NDArray[np.float32]:
        """Return pixels in 0..1, with the mask as a further channel."""
        return np.asarray(targets.astype(np.float32) / 255, np.float32)

    def decode(self, outputs: npt.NDArray[np.floating]) -> Predictions:
        """Return pixels in 0..255 ``(n, h, w, c)``, not rounded."""
        pixels: Predictions = np.clip(outputs.astype(np.float32), 0, 1) * 255
        return pixels

    def measure(self, predictions: Predictions, targets: Targets) -> dict[str, float]:
        """Return MSE, MAE, PSNR and SSIM of pixels in 0..1, each a mean over images; ``loss`` is a mean over pixels."""
        each = self.measure_each(predictions, targets)
        counted = np.ones(len(targets)) if not self.has_mask else self._scaled(predictions, targets)[2].sum((1, 2, 3))
        loss = float((each["mse"] * counted).sum() / max(counted.sum(), 1))
        return {"loss": loss, **{name: float(values.mean()) for name, values in each.items()}}

    def measure_each(self, predictions: Predictions, targets: Targets) -> dict[str, npt.NDArray[np.float64]]:
        """Return MSE, MAE, PSNR and SSIM of each image, each ``(n,)``."""
        p, t, mask = self._scaled(predictions, targets)
        mse = mean_over_pixels((p - t) ** 2, mask)
        mae = mean_over_pixels(np.abs(p - t), mask)
        return {"mse": mse, "mae": mae, "psnr": psnr(mse), "ssim": ssim(p, t, mask)}

    def score_images(self, predictions: Predictions, targets: Targets) -> npt.NDArray[np.float64]:
        """Return the PSNR of each image in dB."""
        p, t, mask = self._scaled(predictions, targets)
        return psnr(mean_over_pixels((p - t) ** 2, mask)).astype(np.float64)

    def strata(self, targets: Targets) -> npt.NDArray[np.int64]:
        """Return one group."""
        return np.zeros(len(targets), np.int64)

    def describe(self) -> dict[str, Any]:
        """See ``Output.describe``."""
        return {"kind": self.kind, "size": list(self.size), "has_mask": self.has_mask}

    def _scaled(self, predictions: Predictions, targets: Targets) -> tuple[Any, Any, Any]:
        """Return predicted and true pixels in 0..1, and the mask or None."""
        pixels = targets[..., : self.channels].astype(np.float32) / 255
        mask = (targets[..., self.channels :] > 0).astype(np.float32) if self.has_mask else None
        return predictions.astype(np.float32) / 255, pixels, mask
