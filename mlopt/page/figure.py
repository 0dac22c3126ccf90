"""Figures that look alike: as a picture inside a page, and as a file for a paper."""

from __future__ import annotations

import base64
import io
import logging
import math
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 4.8, 3.2
"""Inches of a figure: small enough for a telephone, large enough for a column of a paper."""
DOTS = 200
"""Per inch of a PNG."""
ROW, LINE = 0.28, 0.15
"""Inches of a row in a figure that has one for each of several things, and of each further line of its label."""
LABEL, LABEL_LINES = 30, 3
"""Characters of a line of a label, and its lines."""
TICKS = (
    (0.7, (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)),
    (1.5, (1.0, 2.0, 3.0, 5.0, 7.0)),
    (math.inf, (1.0, 3.0)),
)
"""Of a logarithmic axis of less than so many decades, the multiples of powers of ten that are written at it."""

LOOK: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9.0,
    "grid.alpha": 0.3,
    "legend.fontsize": 8.0,
    "legend.edgecolor": "none",
    "legend.fancybox": False,
    "legend.framealpha": 0.8,  # what lies below it must not be taken for a part of it
    "svg.fonttype": "none",  # letters stay letters: smaller, and found by a search in the page
    "svg.hashsalt": "mlopt",  # the same figure, the same file
    "text.parse_math": False,  # names and values come from anywhere
}

# Colours that stay apart for the colour-blind (Okabe and Ito 2008); dashes and marks tell the same without any.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn figure."""

    name: str
    """Of its file, without an ending."""
    caption: str
    svg: bytes
    png: bytes

    @property
    def source(self) -> str:
        """What an image's `src` says, so that the page needs no other file."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}"


@dataclass(frozen=True, slots=True)
class Ink:
    """How one thing is drawn wherever it appears."""

    color: str
    linestyle: Any
    marker: str

    def line(self) -> dict[str, Any]:
        """Arguments of `Axes.plot`."""
        return {"color": self.color, "linestyle": self.linestyle, "marker": self.marker, "markersize": 4.0}


def label(name: str) -> str:
    """A name as a figure shows it: on several lines where it is long, cut where it is very long."""
    return "\n".join(textwrap.wrap(name, LABEL, max_lines=LABEL_LINES, placeholder=" …"))


def rows(names: Iterable[str]) -> tuple[list[str], float]:
    """The labels of a figure that has a row for each name, and the height of all rows in inches."""
    labels = [label(name) for name in names]
    lines = max((text.count("\n") for text in labels), default=0)
    return labels, len(labels) * (ROW + LINE * lines)


def inks(names: list[str]) -> dict[str, Ink]:
    """An ink for each name, told apart with and without colour."""
    kinds = zip(cycle(COLOURS), cycle(DASHES), cycle(MARKS), strict=False)
    return {name: Ink(*kind) for name, kind in zip(names, kinds, strict=False)}


class Drawing:
    """One figure under way: `axes` to draw on, then the `picture`."""

    def __init__(self, name: str, caption: str, axes: Axes, figure: Figure) -> None:
        self.name, self.caption, self.axes, self._figure = name, caption, axes, figure
        self.picture = Picture(name, caption, b"", b"")

    def finish(self) -> None:
        """Take the picture."""
        layout = self._figure.get_layout_engine()
        if layout is not None:  # once for both, which would each do it twice
            layout.execute(self._figure)
            self._figure.set_layout_engine(None)
        svg, png = io.BytesIO(), io.BytesIO()
        self._figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        self._figure.savefig(png, format="png", dpi=DOTS, metadata={"Software": None})
        self.picture = Picture(self.name, self.caption, svg.getvalue(), png.getvalue())


@contextmanager
def drawing(name: str, caption: str, height: float = HEIGHT) -> Iterator[Drawing]:
    """Draw on `axes` inside; afterwards it has the `picture`."""
    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it tells of its fonts
    import matplotlib  # takes half a second
    from matplotlib.figure import Figure

    with matplotlib.rc_context(LOOK):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        under_way = Drawing(name, caption, figure.subplots(), figure)
        yield under_way
        under_way.finish()


def scale(axes: Axes, which: Literal["x", "y"] = "y") -> None:
    """A logarithmic axis of times, whose ticks read as 500 µ or 2 m."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(EngFormatter())
    low, high = axis.get_data_interval()
    if not 0.0 < low <= high < math.inf:  # nothing is there, or what has no logarithm
        return
    (axes.set_yscale if which == "y" else axes.set_xscale)("log")
    low, high = axis.get_view_interval()
    decades = math.log10(high / low)
    axis.set_major_locator(LogLocator(subs=next(ticks for below, ticks in TICKS if decades < below)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(EngFormatter())
