"""Layout of Python expressions in lines of limited width."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

WIDTH = 120
INDENT = "    "


@dataclass(frozen=True)
class Layout:
    """A text, or brackets around items that are written in one line where they fit.

    Attributes:
        text: the text, or the opening bracket with what stands before it.
        items: what stands between the brackets, separated by commas; None for a mere text.
        closing: the closing bracket.
        comments: lines of a comment above it.
    """

    text: str
    items: "Sequence[Layout] | None" = None
    closing: str = ""
    comments: Sequence[str] = field(default_factory=tuple)

    def with_prefix(self, prefix: str) -> "Layout":
        """Return the layout with a text before it."""
        return replace(self, text=prefix + self.text)

    @property
    def has_inner_comments(self) -> bool:
        """Whether an item has comments, so that it cannot be written in one line."""
        return any(item.comments or item.has_inner_comments for item in self.items or ())

    @property
    def line(self) -> str:
        """The layout in one line, without comments."""
        if self.items is None:
            return self.text
        inner = ", ".join(item.line for item in self.items)
        return f"{self.text}{inner}{self.closing}"


def layout_lines(layout: Layout, prefix: str = "", suffix: str = "", depth: int = 0) -> list[str]:
    """Return the lines of a layout.

    Args:
        layout: the layout.
        prefix: text before it, e.g. of an assignment.
        suffix: text after it, e.g. a comma.
        depth: number of indents.
    """
    indent = INDENT * depth
    lines = [line for comment in layout.comments for line in comment_lines(comment, indent)]
    line = f"{indent}{prefix}{layout.line}{suffix}"
    if not layout.items or (len(line) <= WIDTH and not layout.has_inner_comments):
        return [*lines, line]
    lines.append(f"{indent}{prefix}{layout.text}")
    for item in layout.items:
        lines += layout_lines(item, suffix=",", depth=depth + 1)
    return [*lines, f"{indent}{layout.closing}{suffix}"]


def comment_lines(text: str, indent: str = "") -> list[str]:
    """Return a comment, wrapped to the width."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ", break_on_hyphens=False
    )
