"""The interactive companion of a report: one HTML file with the vein, its fields and a viewer.

Positions are quantised to 1/65535 of the extent, values to 1/254 of their range; points that are
too many for a file of a few megabytes are merged on a grid. The viewer is plain JavaScript.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

from core.errors import TwinError
from core.store import Results
from postprocess.pictures import look
from postprocess.pictures.figures import MMHG
from postprocess.pictures.scene import on_extension, skin, smoothed
from postprocess.reporting.words import COMMA, Words

Array = NDArray[Any]
HERE = Path(__file__).parent
MOST_POINTS, MOST_TIMES = 15000, 20
"""What keeps the file below three megabytes."""
MISSING = 255
"""Level of a value that is not there."""
LETTERS = (("L", 0, 1), ("R", 0, -1), ("P", 1, 1), ("A", 1, -1), ("H", 2, 1), ("F", 2, -1))
"""The patient's directions along the axes of DICOM."""


def write(
    document: Mapping[str, Any], results: Results, path: Path,
    marks: Sequence[tuple[list[float], str, bool]], words: Words,
) -> None:
    """Write the page of ``document`` (report.json) with the vein of ``results`` to ``path``."""
    text = page(document, payload(results, marks, words), words)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def payload(
    results: Results, marks: Sequence[tuple[list[float], str, bool]], words: Words
) -> dict[str, Any]:
    """The vein and its fields as the viewer reads them."""
    points = 1e3 * np.asarray(results.points(), dtype=float)
    facets = results.array("wall/facets").astype(np.int64)
    outside = on_extension(results, len(facets))
    steps = chosen(results)
    clots = [_clot(results, time) for _, time in steps]
    triangles = [facets[~outside], facets[outside], *clots]
    used, merged, triangles = thinned(points, triangles)
    low = merged.min(axis=0)
    step = float(np.ptp(merged, axis=0).max()) / 65535
    return {
        "points": _text(np.rint((merged - low) / step), "<u2"), "low": low.tolist(), "step": step,
        "centre": (0.5 * (merged.min(axis=0) + merged.max(axis=0))).tolist(),
        "radius": float(np.linalg.norm(np.ptp(merged, axis=0))) / 2,
        "zoom": 1.7 / float(np.ptp(merged, axis=0).max()),
        "wall": _text(triangles[0], "<u4"), "extension": _text(triangles[1], "<u4"),
        "clots": [_text(part, "<u4") for part in triangles[2:]],
        "fields": _fields(results, steps, used, words),
        "times": [_when(results, time, words) for _, time in steps],
        "palette": _text(255 * colormaps["cividis"](np.arange(256))[:, :3], "u1"),
        "letters": [[words(letter), axis, sign] for letter, axis, sign in LETTERS],
        "marks": [
            {"point": [1e3 * x for x in point], "quiet": quiet,
             "text": "\n".join(words(line) for line in text.splitlines())}
            for point, text, quiet in marks
        ],
        "decimal": "," if words.language in COMMA else ".",
    }


def chosen(results: Results) -> list[tuple[int, float]]:
    """Stored steps and their times [s]: the cycle's mean first, as step -1, then at most 20."""
    times = list(enumerate(map(float, results.times())))
    if len(times) > MOST_TIMES:
        times = [times[i] for i in np.linspace(0, len(times) - 1, MOST_TIMES).round().astype(int)]
    return [(-1, 0.0), *times]


def _when(results: Results, time: float, words: Words) -> str:
    if time == 0.0:
        return words("mean of the cycle")
    period = float(results.attributes("flow").get("period", 0.0) or 0.0)
    if time <= period * (1 + 1e-9):
        return words(f"in the cycle: {time:.2f} s")
    return words(f"growth: {time / 3600:.1f} h")


def _clot(results: Results, time: float) -> Array:
    """Triangles of the clot's skin at a stored time of growth; none in the cycle before it."""
    if not results.has("clot/time"):
        return np.zeros((0, 3), dtype=np.int64)
    off = np.abs(results.array("clot/time") - time)
    if time == 0.0 or off.min() > 1e-6 * max(time, 1.0):
        return np.zeros((0, 3), dtype=np.int64)
    fraction = results.array("clot/fraction")[int(np.argmin(off))].astype(float)
    return skin(results.cells().astype(np.int64), fraction)


def thinned(points: Array, triangles: Sequence[Array]) -> tuple[Array, Array, list[Array]]:
    """The points that triangles use, merged on a grid where they are more than `MOST_POINTS`.

    Gives pairs of a point's number and that of the merged point it is in (n, 2), the merged points
    and the triangles by their numbers.
    """
    used = np.unique(np.concatenate([part.ravel() for part in triangles]))
    edge, home = 0.0, np.arange(len(used))
    extent = float(np.ptp(points[used], axis=0).max())
    while home.max() + 1 > MOST_POINTS:
        edge = 1.15 * edge if edge else extent / 400
        grid = np.floor((points[used] - points[used].min(axis=0)) / edge)
        home = np.unique(grid, axis=0, return_inverse=True)[1].ravel()
    count = np.bincount(home)
    merged = np.column_stack([np.bincount(home, points[used, k]) / count for k in range(3)])
    number = np.full(len(points), -1)
    number[used] = home
    made = []
    for part in triangles:
        new = number[part]
        whole = (new[:, 0] != new[:, 1]) & (new[:, 1] != new[:, 2]) & (new[:, 2] != new[:, 0])
        made.append(new[whole])
    return np.column_stack([used, home]), merged, made


def _fields(
    results: Results, steps: Sequence[tuple[int, float]], used: Array, words: Words
) -> list[dict[str, Any]]:
    found = []
    for label, unit, read, scale, fixed in (
        ("wall shear stress", "Pa", _stress, 1.0, look.WALL_STRESS),
        ("pressure", "mmHg", partial(_nodal, "pressure"), 1 / MMHG, None),
        ("residence time", "s", partial(_nodal, "age"), 1.0, None),
    ):
        nodal = (read(results, step) for step, _ in steps)
        values = np.array([scale * _merged(one, used) for one in nodal])
        if np.isfinite(values).any():
            found.append(_field(words(label), unit, values, fixed))
    return found


def _field(
    label: str, unit: str, values: Array, fixed: tuple[float, float] | None
) -> dict[str, Any]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    span = max(high - low, 1e-12)
    levels = np.where(np.isfinite(values), np.rint(254 * (values - low) / span), MISSING)
    shown = fixed or (low, low + span)
    return {
        "label": label, "unit": unit, "low": low, "high": low + span, "range": list(shown),
        "beyond": high > shown[1], "levels": _text(levels, "u1"),
    }


def _stress(results: Results, step: int) -> Array:
    """Wall shear stress at the points of the wall (N,), NaN where a run has not stored it."""
    area, facets = results.array("wall/area").astype(float), results.array("wall/facets")
    here = np.full(len(results.points()), np.nan)
    try:
        size = (results.array("flow/wall/tawss") if step < 0
                else np.linalg.norm(results.wall_shear_stress(step), axis=1))
    except (KeyError, IndexError, ValueError, TwinError):
        return here
    on_wall = np.unique(facets)
    here[on_wall] = smoothed(size.astype(float), area, facets.astype(np.int64), len(here))[on_wall]
    return here


def _nodal(name: str, results: Results, step: int) -> Array:
    """A field at the points (N,), NaN where a run has not stored it."""
    if step >= 0:
        return results.viewed(name, step).astype(float)
    if not results.has(f"flow/mean/{name}"):
        return np.full(len(results.points()), np.nan)
    return results.array(f"flow/mean/{name}").astype(float)


def _merged(values: Array, used: Array) -> Array:
    """Means over merged points of what is there."""
    here, home = values[used[:, 0]], used[:, 1]
    fine = np.isfinite(here)
    count = np.bincount(home[fine], minlength=home.max() + 1).astype(float)
    total = np.bincount(home[fine], here[fine], home.max() + 1)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def _text(values: Array, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


def page(document: Mapping[str, Any], data: Mapping[str, Any], words: Words) -> str:
    """The HTML of ``document`` with ``data`` for the viewer."""
    def items(lines: Sequence[str]) -> str:
        return "".join(f"<li>{escape(line)}</li>" for line in lines)

    rows = "".join(
        f'<tr class="{"grey" if row["grey"] else ""}"><td>{escape(row["label"])}</td>'
        f'<td>{escape(row["value"])}</td><td>{escape(row["site"])}</td>'
        f'<td>{escape(row["reference"])}</td>'
        f'<td class="{escape(row["flag"])}">{escape(row["flag_text"])}</td></tr>'
        for row in document["rows"]
    )
    said = {
        "through": "see through the wall", "front": "view from the front", "time": "time",
        "where": "Where", "findings_head": "Findings", "rows_head": "Measurements from the model",
        "limits_head": "What this cannot tell you", "notice": "RESEARCH USE ONLY", "show": "show",
        "nogl": "This browser draws no WebGL; the numbers beside stand all the same.",
        "hint": "Drag to turn, shift and drag to move, wheel to come nearer, arrow keys to turn. "
                "Point at the wall to read its values.",
    }
    heads = ("Quantity", "Value", "Where", "Reference", "Flag")
    footer = (document["report"], document["subject"], document["created"],
              words("RESEARCH USE ONLY"), words("not for diagnosis or treatment decisions"))
    return Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        {key: escape(words(text)) for key, text in said.items()},
        language=words.language, title=escape(document["title"]),
        subject=escape(document["subject"]), subtitle=escape(document["subtitle"]),
        alt=escape(document["picture"]["alt"]), last=len(data["times"]) - 1,
        band="".join(f"<div><span>{escape(name)}</span> {escape(text)}</div>"
                     for name, text in document["band"]),
        fields="".join(f'<option value="{number}">{escape(field["label"])}</option>'
                       for number, field in enumerate(data["fields"])),
        findings=items(document["findings"]), limits=items(document["limits"]), rows=rows,
        columns="".join(f"<th>{escape(words(head))}</th>" for head in heads),
        note=escape(document["interval_note"]), footer=escape(" · ".join(footer)),
        # an end tag within the text would end the script
        data=json.dumps(data, ensure_ascii=False, allow_nan=False).replace("</", "<\\/"),
        viewer=(HERE / "viewer.js").read_text(encoding="utf-8"),
        page=(HERE / "page.js").read_text(encoding="utf-8"),
    )
