"""One look for every figure: Inter, ink on white, few colours, thin axes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib import font_manager

from core.errors import TwinError

FONTS = Path(__file__).with_name("fonts")
FONT = "Inter"
INK, SECOND, ACCENT, MID, PALE = "#1a2733", "#44525f", "#1f4e79", "#6f94b8", "#dfe8f1"
WARN, CLOT, UNSURE = "#8a3b0f", "#8b1a1a", "#75828f"
LINES = (ACCENT, "#b0762a", "#4f7f5b", "#7a5c99", MID, SECOND)
WALL_STRESS = (0.0, 0.3)
"""Range of the colour map [Pa]: the same in every report, or two reports could not be compared."""

STYLE = {
    "font.family": FONT, "font.size": 7.2, "text.color": INK,
    "axes.labelcolor": INK, "axes.edgecolor": SECOND, "axes.linewidth": 0.6,
    "axes.spines.top": False, "axes.spines.right": False, "axes.labelsize": 7.2,
    "xtick.color": INK, "ytick.color": INK, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
    "xtick.major.size": 2.5, "ytick.major.size": 2.5, "lines.linewidth": 1.2,
    "axes.unicode_minus": True, "svg.fonttype": "path", "svg.hashsalt": "dvtwin",
}


@contextmanager
def style() -> Iterator[None]:
    """Figures made inside have the look of the reports."""
    _register()
    with matplotlib.rc_context(STYLE):
        yield


@cache
def _register() -> None:
    fonts = sorted(FONTS.glob("*.otf"))
    if not fonts:
        raise TwinError(
            f"the font {FONT} is missing", where=str(FONTS), do="install the program again, whole"
        )
    for path in fonts:
        font_manager.fontManager.addfont(path)
