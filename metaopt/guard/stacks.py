"""Stacks of blocks, with limits on their depth."""

from collections.abc import Callable, Mapping

import numpy as np

from metaopt.errors import UserError
from metaopt.spaces import BlockStack, Space, Vals
from metaopt.spaces.block_operators import read_blocks, write_blocks

_MAX_TRIES = 20  # draws of added blocks, until the network passes


class Stacks:
    """Stacks of a space, with limits on their number of blocks.

    Limits apply to the stacks that can become deepest, so that for example two dense layers after a stack of thirty
    blocks are not limited. None of these stacks may have more than ``most`` blocks, and at least one must have
    ``least`` or more.

    Attributes:
        allowed: label of a depth → the options that keep the limits.
    """

    def __init__(self, space: Space, least: int = 0, most: int | None = None):
        """Create the stacks of a space.

        Args:
            space: may have no stack at all.
            least: number of blocks that the deepest stack must have.
            most: number of blocks that no stack may exceed; None for no limits.
        """
        self._space = space
        self._least = least
        self._most = most
        stacks = [group for group in space.block_stacks if group.depth is not None]
        deepest = max([max(group.lengths) for group in stacks], default=0)
        self._limited = [] if most is None else [group for group in stacks if max(group.lengths) == deepest]
        self.allowed: dict[str, tuple[int, ...]] = {}
        for group in self._limited:
            assert group.depth is not None
            # Of several stacks any one may be the deepest, so that the others may have fewer blocks.
            within = self._within(group, least if len(self._limited) == 1 else 0) or [min(group.lengths)]
            self.allowed[group.depth] = tuple([i for i, length in enumerate(group.lengths) if length in within])

    def check(self) -> None:
        """Check that some stack can keep the limits.

        Raises:
            UserError: the space has no stacks, or none with such a number of blocks.
        """
        if not self._limited:
            raise UserError(
                "Cannot grow blocks: the space has no stack whose number of blocks a choice decides. Define one as in"
                " docs/evolution.md, or grow params or macs."
            )
        if not any(self._within(group, self._least) for group in self._limited):
            lengths = sorted({length for group in self._limited for length in group.lengths})
            wanted = f"at most {self._most}" if self._least == 0 else f"{self._least} to {self._most}"
            raise UserError(
                f"Invalid number of blocks: no stack of the space has {wanted} blocks, but {lengths[0]} to"
                f" {lengths[-1]}. Choose numbers of blocks in that range."
            )

    def draw(self, rng: np.random.Generator) -> Vals:
        """Return a draw from the prior that keeps the limits."""
        return self.fitted(self._space.draw(rng), rng)

    def fitted(self, vals: Vals, rng: np.random.Generator, passes: Callable[[Vals], bool] = bool) -> Vals:
        """Return values that keep the limits: blocks from the prior are inserted anywhere, or blocks are removed.

        Args:
            vals: returned as they are if they keep the limits.
            rng: decides the new number of blocks, and which blocks are inserted or removed.
            passes: tells whether a network is valid. Inserted blocks are redrawn a few times until it is, since a
                repair would change the other blocks too.
        """
        fitted = vals
        for group in self._limited:
            if group.length(fitted) > (self._most or 0):
                within = self._within(group, self._least) or self._within(group, 0)
                fitted = self._resized(fitted, group, within, rng, passes)
        active = [group for group in self._limited if group.active(fitted)]
        if active and all(group.length(fitted) < self._least for group in active):
            growing = [group for group in active if self._within(group, self._least)]
            if growing:
                group = growing[int(rng.integers(len(growing)))]
                fitted = self._resized(fitted, group, self._within(group, self._least), rng, passes)
        return Vals(fitted, model_based=vals.model_based, parent=vals.parent)

    def longer(self, group: BlockStack, vals: Mapping[str, float]) -> int | None:
        """Return the next larger number of blocks of a stack within the limits, or None."""
        length = group.longer(group.length(vals)) if group.active(vals) and group.depth is not None else None
        if length is None or group.depth not in self.allowed:
            return length
        return length if group.option(length) in self.allowed[group.depth] else None

    def resized(self, vals: Mapping[str, float], group: BlockStack, length: int, rng: np.random.Generator) -> Vals:
        """Return values with ``length`` blocks: blocks from the prior are inserted anywhere, or blocks are removed."""
        blocks = read_blocks(group, vals)
        if len(blocks) > length:
            blocks = [blocks[i] for i in sorted(rng.choice(len(blocks), size=length, replace=False).tolist())]
        while len(blocks) < length:
            blocks.insert(int(rng.integers(len(blocks) + 1)), {})
        return self._space.complete(write_blocks(self._space, group, vals, blocks), rng)

    def _resized(
        self,
        vals: Vals,
        group: BlockStack,
        lengths: list[int],
        rng: np.random.Generator,
        passes: Callable[[Vals], bool],
    ) -> Vals:
        """Return values with one of several numbers of blocks; the given values if there are none."""
        if not lengths:
            return vals
        length = lengths[int(rng.integers(len(lengths)))]
        for _ in range(_MAX_TRIES):
            resized = self.resized(vals, group, length, rng)
            if passes(resized):
                break
        return resized

    def _within(self, group: BlockStack, least: int) -> list[int]:
        """Return the distinct numbers of blocks of a stack between ``least`` and the maximum."""
        assert self._most is not None
        return sorted({length for length in group.lengths if least <= length <= self._most})
