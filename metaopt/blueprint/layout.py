"""Layout of a network drawing: boxes in rows from the inputs down, in lanes for branches, in columns for long networks.

Lengths are in inches. x grows to the right and y upwards; the first row is at y = 0 and further rows are below it.
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
# Distance between the outermost box and an edge that passes it, and between columns.
SIDE_GAP, COLUMN_GAP = 0.22, 0.55
# Maximum number of rows in a column. A column is longer only if there is no row after which it can be split.
ROWS_PER_COLUMN = 15

# Layer kinds that are drawn in the box of the layer before or after them.
_FOLDED = frozenset({"Activation", "BatchNormalization", "Dropout", "Flatten"})

Point = tuple[float, float]


@dataclass(eq=False)
class Box:
    """A box of the drawing: a layer together with the small layers that are folded into it.

    Attributes:
        main: the layer that gives the box its title.
        before: folded layers before the main layer.
        after: folded layers after the main layer.
        row: number of boxes before this one on the longest path from an input.
        x: horizontal position of the centre, in inches.
        y: vertical position of the centre, in inches.
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
    """Positions of all boxes and edges, in inches.

    Attributes:
        boxes: the boxes, in the order of the layers.
        edges: for each edge, its corners from the lower side of one box to the upper side of another.
        left: smallest x of all boxes and edges.
        right: largest x of all boxes and edges.
        top: largest y of all boxes and edges.
        bottom: smallest y of all boxes and edges.
    """

    boxes: list[Box]
    edges: list[list[Point]]
    left: float
    right: float
    top: float
    bottom: float


def lay_out(blueprint: Blueprint) -> Layout:
    """Compute the positions of all boxes and edges."""
    graph = fold(blueprint)
    rows = _assign_rows(graph)
    cuts = _find_cut_rows(graph, rows)
    detours = _place_in_lanes(graph, rows, cuts)
    columns = _assign_columns(len(rows), cuts)
    offsets = _place_columns(rows, columns, detours)
    edges = [_route(source, target, detours, columns, offsets) for source, target in graph.edges]
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
    """Return the network as a ``networkx.DiGraph`` of boxes.

    A small layer is folded into the box of its input if it is the only consumer of that input. Otherwise it is folded
    into the box of its own only consumer, for example a dropout before the convolution of one branch.
    """
    consumers: defaultdict[Node, list[Node]] = defaultdict(list)
    for node in blueprint.nodes:
        for inbound in node.inputs:
            consumers[inbound].append(node)
    heads = set(blueprint.heads.values())
    box_of: dict[Node, Box] = {}
    waiting: dict[Node, list[Node]] = {}  # last small layer → the small layers to fold into the next box
    for node in blueprint.nodes:
        is_small = node.layer.kind in _FOLDED and len(node.inputs) == 1
        first: Node | None = node.inputs[0] if node.inputs else None
        is_only_consumer = first is not None and len(consumers[first]) == 1 and first not in heads
        if is_small and is_only_consumer and first in box_of and box_of[first].main.inputs:
            box_of[node] = box_of[first]
            box_of[node].after.append(node)
        elif is_small and len(consumers[node]) == 1 and node not in heads and len(consumers[node][0].inputs) == 1:
            waiting[node] = [*waiting.pop(first, []), node] if first is not None else [node]
        else:
            before = waiting.pop(first, []) if first is not None else []
            box_of[node] = Box(node, before)
            box_of.update(dict.fromkeys(before, box_of[node]))
    graph = nx.DiGraph()
    graph.add_nodes_from(dict.fromkeys(box_of.values()))
    for node in blueprint.nodes:
        for inbound in node.inputs:
            if box_of[inbound] is not box_of[node]:
                graph.add_edge(box_of[inbound], box_of[node])
    return graph


def _assign_rows(graph: Any) -> list[list[Box]]:
    """Return the boxes of each row; no box of a row depends on another box of the same row."""
    rows = []
    for number, generation in enumerate(nx.topological_generations(graph)):
        rows.append(sorted(generation, key=lambda box: box.main.index))
        for box in generation:
            box.row = number
    return rows


def _find_cut_rows(graph: Any, rows: list[list[Box]]) -> list[int]:
    """Return the rows that consist of one box which no edge bypasses."""
    passing = [0] * (len(rows) + 1)
    for source, target in graph.edges:
        for row in range(source.row + 1, target.row):
            passing[row] += 1
    return [number for number, row in enumerate(rows) if len(row) == 1 and not passing[number]]


def _place_in_lanes(graph: Any, rows: list[list[Box]], cuts: list[int]) -> dict[tuple[Box, Box], float]:
    """Set x of all boxes within their column.

    Returns:
        Edge → x at which it bypasses the boxes between its ends, for edges that need such a detour.
    """
    detours: dict[tuple[Box, Box], float] = {}
    for first, last in pairwise([-1, *cuts, len(rows)]):
        inner = graph.subgraph([box for row in rows[first + 1 : last] for box in row])
        lanes = list(_find_chains(inner))
        for number, lane in enumerate(lanes):
            for box in lane:
                box.x = (number - (len(lanes) - 1) / 2) * LANE_PITCH
        edge_x = (max(len(lanes), 1) - 1) / 2 * LANE_PITCH + BOX_WIDTH / 2
        ends = [*rows[first][:1], *rows[last][:1]] if first >= 0 and last < len(rows) else []
        for source, target in graph.subgraph([*inner.nodes, *ends]).edges:
            between = [box for row in rows[source.row + 1 : target.row] for box in row]
            if any(abs(box.x - source.x) < BOX_WIDTH / 2 for box in between):
                edge_x += SIDE_GAP
                detours[source, target] = edge_x
    return detours


def _find_chains(graph: Any) -> Iterator[list[Box]]:
    """Split the boxes between two cut rows into chains, longest first; yield them in the order of their layers."""
    remaining = graph.copy()
    chains = []
    while remaining:
        chains.append(nx.dag_longest_path(remaining))
        remaining.remove_nodes_from(chains[-1])
    yield from sorted(chains, key=lambda chain: chain[0].main.index)


def _assign_columns(n_rows: int, cuts: Sequence[int]) -> list[int]:
    """Return the column of each row. Columns have about equal length and end with a cut row."""
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
    rows: list[list[Box]], columns: list[int], detours: dict[tuple[Box, Box], float]
) -> list[tuple[float, float]]:
    """Set y of all boxes, and shift x of boxes and detours to their columns.

    Returns:
        For each column, x of its centre and of its left side.
    """
    offsets: list[tuple[float, float]] = []
    right = 0.0
    for column in range(columns[-1] + 1):
        numbers = [row for row, own in enumerate(columns) if own == column]
        boxes = [box for row in numbers for box in rows[row]]
        edges = {edge: x for edge, x in detours.items() if edge[1].row in numbers}
        low = min(box.x for box in boxes) - BOX_WIDTH / 2
        high = max([box.x + BOX_WIDTH / 2 for box in boxes] + list(edges.values()))
        left = right + (COLUMN_GAP if column else 0.0)
        centre = left - low
        for box in boxes:
            box.x += centre
            box.y = -(box.row - numbers[0]) * ROW_PITCH
        for edge in edges:
            detours[edge] += centre
        offsets.append((centre, left))
        right = left + high - low
    return offsets


def _route(
    source: Box,
    target: Box,
    detours: dict[tuple[Box, Box], float],
    columns: list[int],
    offsets: list[tuple[float, float]],
) -> list[Point]:
    """Return the corners of an edge."""
    start, end = (source.x, source.y - BOX_HEIGHT / 2), (target.x, target.y + BOX_HEIGHT / 2)
    above_target = (ROW_PITCH - BOX_HEIGHT) + end[1]
    if columns[source.row] != columns[target.row]:
        centre, left = offsets[columns[target.row]]
        gap, low, high = left - COLUMN_GAP / 2, start[1] - 0.16, BOX_HEIGHT / 2 + 0.3
        corners = [(start[0], low), (gap, low), (gap, high), (centre, high), (centre, high - 0.06)]
        if (source, target) in detours:
            x = detours[source, target]
            corners += [(x, BOX_HEIGHT / 2 - 0.05), (x, above_target)]
        return [start, *corners, end]
    if (source, target) in detours:
        x = detours[source, target]
        return [start, (x, start[1] - (ROW_PITCH - BOX_HEIGHT)), (x, above_target), end]
    if target.row > source.row + 1 and source.x != target.x:
        return [start, (start[0], above_target), end]
    return [start, end]
