"""Under which choices each parameter is active."""

from metaopt.spaces.nodes import Choice, Node, Value, children, topological, walk

# All of these choices must have been made: (the choice's label, the index of its option).
Alternative = frozenset[tuple[str, int]]
# One of the alternatives must hold; {frozenset()} is always true.
Conditions = frozenset[Alternative]

ALWAYS: Conditions = frozenset([frozenset()])


def conditions_of(root: Node) -> dict[str, Conditions]:
    """The conditions of every parameter.

    Returns:
        Label → conditions, in the order in which the labels stand in the tree: each choice before what it holds.
    """
    options = {node.label: len(node.options) for node in walk(root) if isinstance(node, Choice)}
    reached: dict[int, set[Alternative]] = {id(root): set(ALWAYS)}
    found: dict[str, set[Alternative]] = {node.label: set() for node in walk(root) if isinstance(node, Choice | Value)}
    for node in topological(root):
        here = _simplify(reached[id(node)], options)
        if isinstance(node, Choice | Value):
            found[node.label] |= here
        for index, child in enumerate(children(node)):
            step = {(node.label, index)} if isinstance(node, Choice) else set()
            below = {alternative | step for alternative in here}
            reached.setdefault(id(child), set()).update(filter(_consistent, below))
    return {label: frozenset(_simplify(alternatives, options)) for label, alternatives in found.items()}


def _consistent(alternative: Alternative) -> bool:
    """No choice stands in it with two indices."""
    return len({label for label, _ in alternative}) == len(alternative)


def _simplify(alternatives: set[Alternative], options: dict[str, int]) -> set[Alternative]:
    """Fewer alternatives that hold in the same cases.

    Alternatives that differ in one choice only, and cover all of its options, become one without it; an alternative
    that implies another is dropped.
    """
    current = set(alternatives)
    merged = True
    while merged:
        merged = False
        for alternative in sorted(current, key=sorted):
            for label, index in sorted(alternative):
                rest = alternative - {(label, index)}
                if rest not in current and all(rest | {(label, i)} in current for i in range(options[label])):
                    current.add(rest)
                    merged = True
        current = {one for one in current if not any(other < one for other in current)}
    return current
