"""The `[measure]` and `[report]` tables of a case: where to measure, and how to say it."""

from typing import Literal

from core.settings import Settings, quantity

Segment = Literal["", "IVC", "LCIV", "RCIV", "LEIV", "REIV"]


class Place(Settings):
    """A place on the centreline: branch and arc length from the branch's peripheral end."""

    branch: str
    arc: float = quantity("m", meaning="arc length from the peripheral end", at_least="0 mm")


class MeasureSettings(Settings):
    """Where the numbers are taken. Without a lesion it is the point narrowest for its branch."""

    lesion: Place | None = None
    reference: Place | None = None
    """Middle of the 10 mm reference segment; default: nearest unaffected one, peripheral."""
    segment: Segment = ""
    """Anatomical name of the lesion's segment, for the published reference area."""
    region: float = quantity(
        "m", "40 mm", "half length of the region of interest around the narrowing", above="0 mm"
    )
    distance: float = quantity(
        "m", "20 mm", "way from the narrowing to the planes of the gradient", above="0 mm"
    )


class ReportSettings(Settings):
    """How the report is written."""

    language: Literal["en", "pl"] = "en"
