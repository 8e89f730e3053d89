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
        stacks = [stack for stack in space.block_stacks if stack.depth is not None]
        deepest = max([max(stack.lengths) for stack in stacks], default=0)
        self._limited = [] if most is None else [stack for stack in stacks if max(stack.lengths) == deepest]
        self.allowed: dict[str, tuple[int, ...]] = {}
        for stack in self._limited:
            assert stack.depth is not None
            # Of several stacks any one may be the deepest, so that the others may have fewer blocks.
            within = self._within(stack, least if len(self._limited) == 1 else 0) or [min(stack.lengths)]
            self.allowed[stack.depth] = tuple([i for i, length in enumerate(stack.lengths) if length in within])

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
        if not any(self._within(stack, self._least) for stack in self._limited):
            lengths = sorted({length for stack in self._limited for length in stack.lengths})
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
        for stack in self._limited:
            if stack.length(fitted) > (self._most or 0):
                within = self._within(stack, self._least) or self._within(stack, 0)
                fitted = self._resized(fitted, stack, within, rng, passes)
        active = [stack for stack in self._limited if stack.active(fitted)]
        if active and all(stack.length(fitted) < self._least for stack in active):
            growing = [stack for stack in active if self._within(stack, self._least)]
            if growing:
                stack = growing[int(rng.integers(len(growing)))]
                fitted = self._resized(fitted, stack, self._within(stack, self._least), rng, passes)
        return Vals(fitted, model_based=vals.model_based, parent=vals.parent)

    def longer(self, stack: BlockStack, vals: Mapping[str, float]) -> int | None:
        """Return the next larger number of blocks of a stack within the limits, or None."""
        length = stack.longer(stack.length(vals)) if stack.active(vals) and stack.depth is not None else None
        if length is None or stack.depth not in self.allowed:
            return length
        return length if stack.option(length) in self.allowed[stack.depth] else None

    def resized(self, vals: Mapping[str, float], stack: BlockStack, length: int, rng: np.random.Generator) -> Vals:
        """Return values with ``length`` blocks: blocks from the prior are inserted anywhere, or blocks are removed."""
        blocks = read_blocks(stack, vals)
        if len(blocks) > length:
            blocks = [blocks[i] for i in sorted(rng.choice(len(blocks), size=length, replace=False).tolist())]
        while len(blocks) < length:
            blocks.insert(int(rng.integers(len(blocks) + 1)), {})
        return self._space.complete(write_blocks(self._space, stack, vals, blocks), rng)

    def _resized(
        self,
        vals: Vals,
        stack: BlockStack,
        lengths: list[int],
        rng: np.random.Generator,
        passes: Callable[[Vals], bool],
    ) -> Vals:
        """Return values with one of several numbers of blocks; the given values if there are none."""
        if not lengths:
            return vals
        length = lengths[int(rng.integers(len(lengths)))]
        for _ in range(_MAX_TRIES):
            resized = self.resized(vals, stack, length, rng)
            if passes(resized):
                break
        return resized

    def _within(self, stack: BlockStack, least: int) -> list[int]:
        """Return the distinct numbers of blocks of a stack between ``least`` and the maximum."""
        assert self._most is not None
        return sorted({length for length in stack.lengths if least <= length <= self._most})
