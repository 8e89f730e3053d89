"""How deep the stacks of a space may be, where a search limits their depth for a while."""

from collections.abc import Callable, Mapping

import numpy as np

from metaopt.errors import UserError
from metaopt.spaces import BlockStack, Space, Vals
from metaopt.spaces.block_operators import read_blocks, write_blocks

_TRIES = 20  # draws of the blocks that come in


class Stacks:
    """The stacks of a space, with limits on the number of their blocks.

    Limited are those stacks that can become deepest, so that two dense layers at the end of a stack of thirty blocks
    are no stack of their own. None is to have more than ``most`` blocks, and one of them ``least`` or more.

    Attributes:
        kept: label of a depth → the options that keep the limits.
    """

    def __init__(self, space: Space, least: int = 0, most: int | None = None):
        """Without ``most`` every depth is kept."""
        self._space = space
        self._least = least
        self._most = most
        stacks = [group for group in space.block_stacks if group.depth is not None]
        deepest = max([max(group.lengths) for group in stacks], default=0)
        self._limited = [] if most is None else [group for group in stacks if max(group.lengths) == deepest]
        self.kept: dict[str, tuple[int, ...]] = {}
        for group in self._limited:
            assert group.depth is not None
            # Of several stacks any one may be the deeper one.
            within = self._within(group, least if len(self._limited) == 1 else 0) or [min(group.lengths)]
            self.kept[group.depth] = tuple([i for i, length in enumerate(group.lengths) if length in within])

    def check(self) -> None:
        """Refuses limits that no stack can keep.

        Raises:
            UserError: the space has no stacks, or none with such a number of blocks.
        """
        if not self._limited:
            raise UserError(
                "--grow blocks: the space has no stack whose number of blocks a choice decides; write one as in"
                " docs/evolution.md, or grow params or macs."
            )
        if not any(self._within(group, self._least) for group in self._limited):
            lengths = sorted({length for group in self._limited for length in group.lengths})
            wanted = f"at most {self._most}" if self._least == 0 else f"{self._least} to {self._most}"
            raise UserError(
                f"--grow blocks: no stack of the space has {wanted} blocks, but {lengths[0]} to {lengths[-1]}: choose"
                " other numbers of blocks."
            )

    def draw(self, rng: np.random.Generator) -> Vals:
        """A draw from the prior that keeps the limits."""
        return self.fitted(self._space.draw(rng), rng)

    def fitted(self, vals: Vals, rng: np.random.Generator, passes: Callable[[Vals], bool] = bool) -> Vals:
        """A draw that keeps the limits: blocks from the prior come in anywhere, or some go.

        Args:
            vals: what is to keep them.
            rng: how many blocks there are to be, where that has to change, and which come or go.
            passes: whether a network stands; blocks are drawn again some times for one that does, since a repair would
                change the others, too.
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
        """The next number of blocks of a stack above its own that keeps the limits, or None."""
        length = group.longer(group.length(vals)) if group.active(vals) and group.depth is not None else None
        if length is None or group.depth not in self.kept:
            return length
        return length if group.option(length) in self.kept[group.depth] else None

    def resized(self, vals: Mapping[str, float], group: BlockStack, length: int, rng: np.random.Generator) -> Vals:
        """A draw with so many blocks: others from the prior anywhere between its own, or some of its own."""
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
        """A draw with one of these numbers of blocks; as it is where there are none."""
        if not lengths:
            return vals
        length = lengths[int(rng.integers(len(lengths)))]
        for _ in range(_TRIES):
            resized = self.resized(vals, group, length, rng)
            if passes(resized):
                break
        return resized

    def _within(self, group: BlockStack, least: int) -> list[int]:
        """The numbers of blocks that a stack can have within the limits, each once."""
        assert self._most is not None
        return sorted({length for length in group.lengths if least <= length <= self._most})
