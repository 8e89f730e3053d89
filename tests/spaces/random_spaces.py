"""Random spaces with all distributions, random nesting and sharing, and stacks of blocks."""

from random import Random
from typing import Any

from hyperopt import hp
from hyperopt.pyll import as_apply, scope


class SpaceBuilder:
    """Builds a random space with unique labels, in which nodes may be shared."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.made: list[Any] = []
        self.labels = 0

    def label(self) -> str:
        self.labels += 1
        return f"p{'abcdefghij'[self.labels % 10]}{'x' * (self.labels // 10)}"

    def space(self, depth: int = 4) -> Any:
        makers = [self.number, self.number, self.choice, self.choice, self.dictionary, self.sequence, self.stack]
        if self.made and self.random.random() < 0.15:
            return self.random.choice(self.made)
        if depth == 0:
            return self.number(0) if self.random.random() < 0.7 else self.random.choice([None, 1, "text"])
        node = self.random.choice(makers)(depth - 1)
        self.made.append(node)
        return node

    def number(self, _: int) -> Any:
        low = self.random.choice([-3, 0, 1, 0.501])
        q = self.random.choice([0.3, 1, 2])
        high = low + self.random.choice([0.5, 1, 3.2])
        label = self.label()
        return self.random.choice(
            [
                lambda: hp.uniform(label, low, high),
                lambda: hp.quniform(label, low, high, q),
                lambda: hp.loguniform(label, low, high),
                lambda: hp.qloguniform(label, low, high, q),
                lambda: hp.normal(label, low, 0.7),
                lambda: hp.qnormal(label, low, 0.7, q),
                lambda: hp.lognormal(label, low, 0.7),
                lambda: hp.qlognormal(label, low, 0.7, q),
                lambda: hp.randint(label, 4),
                lambda: hp.randint(label, 2, 5),
                lambda: hp.uniformint(label, low, high),
                lambda: scope.int(2 * hp.uniform(label, low, high)),
                lambda: hp.pchoice(label, [(0.2, "a"), (0.0, "b"), (0.8, "c")]),
            ]
        )()

    def choice(self, depth: int) -> Any:
        options = [self.space(depth) for _ in range(self.random.randint(1, 4))]
        if len(options) == 3 and self.random.random() < 0.3:
            return hp.pchoice(self.label(), list(zip((0.5, 0.25, 0.25), options, strict=True)))
        return hp.choice(self.label(), options)

    def dictionary(self, depth: int) -> Any:
        return as_apply({f"key{n}": self.space(depth) for n in range(self.random.randint(1, 3))})

    def sequence(self, depth: int) -> Any:
        return as_apply([self.space(depth) for _ in range(self.random.randint(1, 3))])

    def stack(self, _: int) -> Any:
        """A stack of blocks with different priors and an optional label."""
        name = self.label()
        blocks = [
            as_apply(
                {
                    "width": hp.qloguniform(f"{name}_{i}_width", 1, 2 + 0.2 * i, 1),
                    "pool": hp.choice(f"{name}_{i}_pool", [None, hp.uniformint(f"{name}_{i}_size", 1, 4)]),
                }
            )
            for i in range(self.random.randint(2, 4))
        ]
        counts = self.random.sample(range(len(blocks) + 1), self.random.randint(1, len(blocks)))
        if len(blocks) not in counts:
            counts.append(len(blocks))
        return hp.choice(f"{name}_depth", [blocks[:n] for n in counts])


def random_space(seed: int) -> Any:
    return SpaceBuilder(Random(seed)).space()
