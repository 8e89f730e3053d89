from metaopt.spaces.nodes import (
    Choice,
    Constant,
    Dict,
    Operation,
    Sequence,
    Value,
    get_children,
    sort_topologically,
    walk,
)

ONE, X = Constant(1), Value("x")
SUM = Operation("add", lambda a, b: a + b, (X,), (("b", ONE),))
CHOICE = Choice("c", (SUM, X))
ROOT = Dict((("choice", CHOICE), ("pair", Sequence((X, SUM)))))


def test_children_of_every_kind_of_node() -> None:
    assert get_children(ONE) == get_children(X) == ()
    assert get_children(CHOICE) == (SUM, X)
    assert get_children(SUM) == (X, ONE)
    assert [type(child) for child in get_children(ROOT)] == [Choice, Sequence]
    assert get_children(ROOT.items[1][1]) == (X, SUM)


def test_walk_visits_shared_nodes_once_in_preorder() -> None:
    assert list(walk(ROOT)) == [ROOT, CHOICE, SUM, X, ONE, ROOT.items[1][1]]


def test_topological_order_puts_nodes_before_their_children() -> None:
    order = sort_topologically(ROOT)
    assert order[0] is ROOT
    assert len(order) == len(set(order)) == 6
    for node in order:
        assert all(order.index(node) < order.index(child) for child in get_children(node))


def test_nodes_are_compared_by_identity() -> None:
    assert Constant(1) != Constant(1)
    assert len({Value("x"), Value("x")}) == 2
