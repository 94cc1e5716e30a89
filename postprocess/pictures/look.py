"""One look for every figure: Inter, ink on white, few colours, thin axes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import ScalarFormatter

from core.errors import CaseError, TwinError
from postprocess.reporting.words import Words

FONTS = Path(__file__).parent.parent / "fonts"
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


class Decimals(ScalarFormatter):
    """Numbers along an axis with the decimal sign of the report's language."""

    def __init__(self, words: Words) -> None:
        super().__init__(useMathText=False)
        self.words = words

    def __call__(self, value: float, place: int | None = None) -> str:
        """The number at a tick."""
        return self.words(str(super().__call__(value, place)))


def printable(*texts: str) -> None:
    """Raises `CaseError` for a letter that the report's font does not have."""
    known = _letters()
    for text in texts:
        for letter in text:
            if ord(letter) not in known:
                raise CaseError(
                    f"the report's font has no letter {letter!r}", where=repr(text),
                    do="write titles and patients in Latin, Greek or Cyrillic letters",
                )


@cache
def _letters() -> frozenset[int]:
    fonts = (set(FT2Font(str(path)).get_charmap()) for path in sorted(FONTS.glob("*.otf")))
    return frozenset.intersection(*map(frozenset, fonts))


@cache
def _register() -> None:
    fonts = sorted(FONTS.glob("*.otf"))
    if not fonts:
        raise TwinError(
            f"the font {FONT} is missing", where=str(FONTS), do="install the program again, whole"
        )
    for path in fonts:
        font_manager.fontManager.addfont(path)
