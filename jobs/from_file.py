"""A case written from an image, surface or mesh: what is guessed in it is a comment.

Lines that begin with `#? ` are proposals: a person looks, corrects, and takes the mark away. No
command ever does that.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import CaseError
from jobs.folder import unwritable
from jobs.toml import dumps

if TYPE_CHECKING:
    from meshes.ends.proposals import Found
    from meshes.inspection import Inspection

MARK = "#? "
"""Before a line that is proposed and not yet confirmed."""

HEAD = """\
# Written by `dvtwin new --from {name}`.
#
# Lines that begin with "{mark}" are PROPOSALS found in the file. Look at each, correct it, and
# take "{mark}" away: nothing is computed with them as they are. To see them:
#   dvtwin inspect {name} --png look.png
# Research use only.

{title}

[patient] # a label, never a name
pseudonym = "unknown"

# --- the vein -----------------------------------------------------------------------------------

"""

FLOW = """
# --- the blood flow -----------------------------------------------------------------------------

[flow]
period = "4 s" # a breath: 15 a minute at rest
cycles = 4
rheology = { kind = "carreau" } # blood thickens where it is slow: in veins this matters
scheme = { element = "P1/P1", dt = "20 ms" }

# A condition for each opening. Flow rates are ASSUMED, for lack of a measurement: put the
# patient's duplex values here.
"""

TAIL = """
# Clot growth: see `dvtwin new iliac-compression` for a [clot] table to copy.
"""


def write(
    source: Path, to: Path, unit: str | None, series: str = "", labels: Sequence[int] = ()
) -> Path:
    """Write `case.toml` for ``source`` into the folder ``to``. Raises `CaseError`."""
    from meshes.inspection import inspected

    if (to / "case.toml").exists():
        raise CaseError(
            "there is a case already", where=str(to / "case.toml"),
            do="give another folder: `dvtwin new --from FILE DIR`",
        )
    found = inspected(source, unit, series, labels)
    if "unit" not in found.table:
        size = dict(found.lines)["size"]
        raise CaseError(
            "files of this kind do not say their unit", where=str(source),
            do=f"say it: --unit mm (or cm, m); the numbers extend over {size.split(' (')[0]}",
        )
    if found.kind == "scan":
        raise CaseError(
            "this is a scan: the vein must be segmented first", where=str(source),
            do=f"dvtwin segment {source} --seed X,Y,Z --seed X,Y,Z",
        )
    try:
        to.mkdir(parents=True, exist_ok=True)
        (to / "case.toml").write_text(text(found, source, to), encoding="utf-8")
    except OSError as error:
        raise unwritable(error, to) from error
    return to / "case.toml"


def text(found: "Inspection", source: Path, to: Path) -> str:
    """The case as text."""
    title = dumps({"title": f"Blood flow in {source.name.split('.')[0][:80]}"}).strip()
    head = HEAD.format(name=source, mark=MARK.strip(), title=title)
    return head + mesh_table(found, source, to) + "\n" + FLOW + _flow(found.ends) + TAIL


def mesh_table(found: "Inspection", source: Path, to: Path) -> str:
    """The `[mesh]` table, its path relative to the folder ``to``; what is guessed is marked."""
    table: dict[str, Any] = dict(found.table)
    table["path"] = os.path.relpath(source, to)
    names = table.pop("names", None)
    body = [dumps({"mesh": table}).rstrip()]
    if found.kind == "labels" and "labels" not in table:
        body.append(MARK + "labels = [1] # those of the vein; `--label N` proposes the openings")
        body.append(MARK + 'size = "2 mm" # edge length in wide vessels')
    if names:
        body += [_proposed(dumps({"names": names}).replace("[names]", "[mesh.names]"))]
    elif not found.declared:
        body.append(_openings(found.ends))
    return "\n".join(body)


def _openings(ends: Sequence["Found"]) -> str:
    """Where the vessel seems to end. The widest end is taken for the heart's side."""
    lines = ["", "[mesh.openings] # a point at each end of the vessel; LPS"]
    lines += [
        f"{end.name} = {{ at = ["
        + ", ".join(f'"{x:.1f} mm"' for x in end.centre)
        + f"] }} # radius about {end.radius:.1f} mm"
        for end in ends
    ]
    if ends:
        lines.insert(0, f'root = "{ends[0].name}" # the opening towards the heart: the widest')
    return _proposed("\n".join(lines))


def _flow(ends: Sequence["Found"]) -> str:
    if not ends:
        return _proposed('[flow.boundary.NAME]\nkind = "flow_rate"\nmean = "300 mL/min"\n')
    root = max(ends, key=lambda end: end.radius)
    parts = [
        f'[flow.boundary.{end.name}]\nkind = "flow_rate"\nmean = "300 mL/min"\n'
        for end in ends if end is not root
    ]
    parts.append(f'[flow.boundary.{root.name}]\nkind = "pressure"\npressure = "6 mmHg"\n')
    return _proposed("\n".join(parts))


def _proposed(lines: str) -> str:
    """Each line that says something, marked."""
    return "\n".join(MARK + line if line.strip() else "" for line in lines.splitlines()) + "\n"
