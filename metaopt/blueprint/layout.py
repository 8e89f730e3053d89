"""Where the boxes of a drawn network lie: rows from the inputs down, lanes for branches, columns for long networks.

Lengths are in inches; x grows to the right, y upwards, so that rows go down from 0.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import networkx as nx

from metaopt.blueprint.blueprint import Blueprint
from metaopt.blueprint.layer import Node

BOX_WIDTH, BOX_HEIGHT = 2.05, 0.4
ROW_PITCH, LANE_PITCH = 0.66, 2.25
# Between the outermost box and an edge that passes beside it, and between columns.
SIDE_GAP, COLUMN_GAP = 0.22, 0.55
# Rows that a column should have at most; one that has no place to break may be longer.
ROWS_PER_COLUMN = 15

# Kinds that are drawn inside the box of the layer before them, or behind them.
_FOLDED = frozenset({"Activation", "BatchNormalization", "Dropout", "Flatten"})

Point = tuple[float, float]


@dataclass(eq=False)
class Box:
    """A layer with those that are folded into it.

    Attributes:
        before: folded layers that come first.
        main: the layer that the box is named after.
        after: folded layers that follow.
        row: the longest way from an input, in boxes.
        x, y: the centre.
    """

    main: Node
    before: list[Node] = field(default_factory=list)
    after: list[Node] = field(default_factory=list)
    row: int = 0
    x: float = 0.0
    y: float = 0.0

    @property
    def nodes(self) -> list[Node]:
        """All nodes of the box, in order."""
        return [*self.before, self.main, *self.after]


@dataclass(frozen=True)
class Layout:
    """Boxes and edges in the plane.

    Attributes:
        boxes: in the order of the layers.
        edges: a line each: its corners from the lower side of a box to the upper side of another.
        left, right, top, bottom: what encloses all of them.
    """

    boxes: list[Box]
    edges: list[list[Point]]
    left: float
    right: float
    top: float
    bottom: float


def lay_out(blueprint: Blueprint) -> Layout:
    """Places all boxes and edges."""
    graph = fold(blueprint)
    rows = _rows(graph)
    cuts = _cut_rows(graph, rows)
    beside = _place_in_rows(graph, rows, cuts)
    columns = _columns(len(rows), cuts)
    offsets = _place_columns(rows, columns, beside)
    edges = [_route(source, target, beside, columns, offsets) for source, target in graph.edges]
    points = [point for edge in edges for point in edge]
    boxes = list(graph.nodes)
    return Layout(
        boxes,
        edges,
        left=min([box.x - BOX_WIDTH / 2 for box in boxes] + [x for x, _ in points]),
        right=max([box.x + BOX_WIDTH / 2 for box in boxes] + [x for x, _ in points]),
        top=max([box.y + BOX_HEIGHT / 2 for box in boxes] + [y for _, y in points]),
        bottom=min([box.y - BOX_HEIGHT / 2 for box in boxes] + [y for _, y in points]),
    )


def fold(blueprint: Blueprint) -> Any:
    """The network as a ``networkx.DiGraph`` of boxes.

    A small layer joins the box of its input if it is the only consumer, else the box of its own only consumer, as does
    a dropout before the convolution in one branch of two.
    """
    consumers: defaultdict[Node, list[Node]] = defaultdict(list)
    for node in blueprint.nodes:
        for entry in node.inputs:
            consumers[entry].append(node)
    heads = set(blueprint.heads.values())
    box_of: dict[Node, Box] = {}
    waiting: dict[Node, list[Node]] = {}  # input of a box → small layers that come before it
    for node in blueprint.nodes:
        small = node.layer.kind in _FOLDED and len(node.inputs) == 1
        source: Node | None = node.inputs[0] if node.inputs else None
        alone = source is not None and len(consumers[source]) == 1 and source not in heads
        if small and alone and source in box_of and box_of[source].main.inputs:
            box_of[node] = box_of[source]
            box_of[node].after.append(node)
        elif small and len(consumers[node]) == 1 and node not in heads and len(consumers[node][0].inputs) == 1:
            waiting[node] = [*waiting.pop(source, []), node] if source is not None else [node]
        else:
            before = waiting.pop(source, []) if source is not None else []
            box_of[node] = Box(node, before)
            box_of.update(dict.fromkeys(before, box_of[node]))
    graph = nx.DiGraph()
    graph.add_nodes_from(dict.fromkeys(box_of.values()))
    for node in blueprint.nodes:
        for entry in node.inputs:
            if box_of[entry] is not box_of[node]:
                graph.add_edge(box_of[entry], box_of[node])
    return graph


def _rows(graph: Any) -> list[list[Box]]:
    """The boxes of each row; none of a row depends on another of it."""
    rows = []
    for number, generation in enumerate(nx.topological_generations(graph)):
        rows.append(sorted(generation, key=lambda box: box.main.index))
        for box in generation:
            box.row = number
    return rows


def _cut_rows(graph: Any, rows: list[list[Box]]) -> list[int]:
    """Rows that everything passes through: of one box, and no edge passes beside it."""
    passing = [0] * (len(rows) + 1)
    for source, target in graph.edges:
        for row in range(source.row + 1, target.row):
            passing[row] += 1
    return [number for number, row in enumerate(rows) if len(row) == 1 and not passing[number]]


def _place_in_rows(graph: Any, rows: list[list[Box]], cuts: list[int]) -> dict[tuple[Box, Box], float]:
    """Sets x within the column; returns edge → x where it passes beside the boxes that are in its way."""
    beside: dict[tuple[Box, Box], float] = {}
    for first, last in pairwise([-1, *cuts, len(rows)]):
        inner = graph.subgraph([box for row in rows[first + 1 : last] for box in row])
        lanes = list(_branches(inner))
        for number, lane in enumerate(lanes):
            for box in lane:
                box.x = (number - (len(lanes) - 1) / 2) * LANE_PITCH
        edge_x = (max(len(lanes), 1) - 1) / 2 * LANE_PITCH + BOX_WIDTH / 2
        ends = [*rows[first][:1], *rows[last][:1]] if first >= 0 and last < len(rows) else []
        for source, target in graph.subgraph([*inner.nodes, *ends]).edges:
            between = [box for row in rows[source.row + 1 : target.row] for box in row]
            if any(abs(box.x - source.x) < BOX_WIDTH / 2 for box in between):
                edge_x += SIDE_GAP
                beside[source, target] = edge_x
    return beside


def _branches(graph: Any) -> Iterator[list[Box]]:
    """The boxes between two cuts as chains side by side, in the order of their layers; the longest are taken first."""
    left = graph.copy()
    chains = []
    while left:
        chains.append(nx.dag_longest_path(left))
        left.remove_nodes_from(chains[-1])
    yield from sorted(chains, key=lambda chain: chain[0].main.index)


def _columns(n_rows: int, cuts: Sequence[int]) -> list[int]:
    """Row → its column. Columns are about equally long and end with a cut row."""
    n_columns = -(-n_rows // ROWS_PER_COLUMN)
    breaks: set[int] = set()
    for number in range(1, n_columns):
        wanted = round(number * n_rows / n_columns) - 1
        possible = [row for row in cuts if 0 < row < n_rows - 1]
        if possible:
            breaks.add(min(possible, key=lambda row: abs(row - wanted)))
    columns, column = [], 0
    for row in range(n_rows):
        columns.append(column)
        column += row in breaks
    return columns


def _place_columns(
    rows: list[list[Box]], columns: list[int], beside: dict[tuple[Box, Box], float]
) -> list[tuple[float, float]]:
    """Sets y, and moves x to the columns; returns of each column x of its centre and of its left side."""
    offsets: list[tuple[float, float]] = []
    right = 0.0
    for column in range(columns[-1] + 1):
        numbers = [row for row, own in enumerate(columns) if own == column]
        boxes = [box for row in numbers for box in rows[row]]
        edges = {edge: x for edge, x in beside.items() if edge[1].row in numbers}
        low = min(box.x for box in boxes) - BOX_WIDTH / 2
        high = max([box.x + BOX_WIDTH / 2 for box in boxes] + list(edges.values()))
        left = right + (COLUMN_GAP if column else 0.0)
        centre = left - low
        for box in boxes:
            box.x += centre
            box.y = -(box.row - numbers[0]) * ROW_PITCH
        for edge in edges:
            beside[edge] += centre
        offsets.append((centre, left))
        right = left + high - low
    return offsets


def _route(
    source: Box,
    target: Box,
    beside: dict[tuple[Box, Box], float],
    columns: list[int],
    offsets: list[tuple[float, float]],
) -> list[Point]:
    """The corners of an edge."""
    start, end = (source.x, source.y - BOX_HEIGHT / 2), (target.x, target.y + BOX_HEIGHT / 2)
    above_target = (ROW_PITCH - BOX_HEIGHT) + end[1]
    if columns[source.row] != columns[target.row]:
        centre, left = offsets[columns[target.row]]
        gap, low, high = left - COLUMN_GAP / 2, start[1] - 0.16, BOX_HEIGHT / 2 + 0.3
        entry = [(start[0], low), (gap, low), (gap, high), (centre, high), (centre, high - 0.06)]
        if (source, target) in beside:
            x = beside[source, target]
            entry += [(x, BOX_HEIGHT / 2 - 0.05), (x, above_target)]
        return [start, *entry, end]
    if (source, target) in beside:
        x = beside[source, target]
        return [start, (x, start[1] - (ROW_PITCH - BOX_HEIGHT)), (x, above_target), end]
    if target.row > source.row + 1 and source.x != target.x:
        return [start, (start[0], above_target), end]
    return [start, end]
