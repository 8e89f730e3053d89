"""Conditions under which parameters are active."""

from metaopt.spaces.nodes import Choice, Node, Value, get_children, sort_topologically, walk

# Set of (label of a choice, index of an option), all of which must be picked.
Alternative = frozenset[tuple[str, int]]
# Set of alternatives, one of which must hold; {frozenset()} always holds.
Conditions = frozenset[Alternative]

ALWAYS: Conditions = frozenset([frozenset()])


def find_conditions(root: Node) -> dict[str, Conditions]:
    """Find the conditions of every parameter.

    Returns:
        Label → conditions, in the order of the tree: each choice before the parameters of its options.
    """
    options = {node.label: len(node.options) for node in walk(root) if isinstance(node, Choice)}
    reached: dict[int, set[Alternative]] = {id(root): set(ALWAYS)}
    found: dict[str, set[Alternative]] = {node.label: set() for node in walk(root) if isinstance(node, Choice | Value)}
    for node in sort_topologically(root):
        here = _simplify(reached[id(node)], options)
        if isinstance(node, Choice | Value):
            found[node.label] |= here
        for index, child in enumerate(get_children(node)):
            step = {(node.label, index)} if isinstance(node, Choice) else set()
            below = {alternative | step for alternative in here}
            reached.setdefault(id(child), set()).update(filter(_is_consistent, below))
    return {label: frozenset(_simplify(alternatives, options)) for label, alternatives in found.items()}


def _is_consistent(alternative: Alternative) -> bool:
    """Return whether no choice has two different options."""
    return len({label for label, _ in alternative}) == len(alternative)


def _simplify(alternatives: set[Alternative], options: dict[str, int]) -> set[Alternative]:
    """Return fewer alternatives that are equivalent.

    Alternatives that differ only in one choice and cover all of its options are merged into one without this choice.
    An alternative that implies another one is removed.
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
