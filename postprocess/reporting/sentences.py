"""What a report says in words: findings worst first, limits of the model, callouts."""

from collections.abc import Mapping
from typing import Any

from postprocess.findings import Findings, Row
from postprocess.gates import CLOT, NOT_ASSESSED, WARN
from postprocess.thresholds import BORDERLINE, HIGH, LOW, thresholds

MOST = 5
"""Most findings on the page."""


def findings(found: Findings) -> list[str]:
    """Three to five lines, those with a flagged value first; nothing that may not be shown."""
    lines = [
        (worst, text) for worst, text in (
            _narrowing(found), _gradient(found), _velocity(found), _stasis(found), _clot(found),
        ) if text
    ]
    lines.sort(key=lambda line: not line[0])
    if not lines:
        return ["No measurement of this run is assessable; the reasons stand in the table."]
    return [text for _, text in lines[:MOST]]


def _row(found: Findings, name: str) -> Row | None:
    row = found.row(name)
    return row if row is not None and row.is_shown else None


def _flagged(*rows: Row | None) -> bool:
    return any(row is not None and row.flag in (HIGH, LOW) for row in rows)


def _against(row: Row) -> str:
    """The value against its limit, in words."""
    known = thresholds().get(row.name)
    if known is None:
        return ""
    if row.flag == BORDERLINE:
        return f" (its interval holds both sides of the commonly used limit {known.text})"
    side = "beyond" if row.flag in (HIGH, LOW) else "within"
    return f" ({side} the commonly used limit {known.text})"


def _narrowing(found: Findings) -> tuple[bool, str]:
    area, stenosis = _row(found, "minimum_area"), _row(found, "area_stenosis")
    if area is None:
        return False, ""
    where = found.lesion.get("text", area.site)
    segment = str(found.lesion.get("segment_name", ""))
    if segment.removesuffix(" vein") not in where:
        where = f"{where} ({segment})"
    if stenosis is None:
        return False, f"Smallest lumen area {area.text} at {where}; no reference is assessable."
    if not found.lesion.get("narrowed"):
        start = "No focal narrowing: the largest area stenosis is"
        if found.lesion.get("named"):
            start = "No focal narrowing at the place named in the case: area stenosis"
        return False, f"{start} {stenosis.text} ({where}), lumen {area.text}."
    text = (
        f"Focal narrowing at {where}: area stenosis {stenosis.text}{_against(stenosis)}, "
        f"lumen {area.text}."
    )
    return _flagged(stenosis), text


def _gradient(found: Findings) -> tuple[bool, str]:
    row = _row(found, "pressure_gradient")
    if row is None:
        return False, ""
    return _flagged(row), (
        f"Pressure gradient across the narrowing {row.text}{_against(row)} at the set inflow."
    )


def _velocity(found: Findings) -> tuple[bool, str]:
    row = _row(found, "velocity_ratio")
    if row is None:
        return False, ""
    text = f"Velocity ratio after to before the narrowing {row.text}{_against(row)}."
    return _flagged(row), text


def _stasis(found: Findings) -> tuple[bool, str]:
    share, age = _row(found, "low_wss_share_0.1"), _row(found, "age_p95")
    parts = []
    if share is not None:
        parts.append(
            f"wall shear stress is at most 0.10 Pa on {share.text if share.value else 'none'} "
            f"of the wall ({share.site})"
        )
    if age is not None:
        parts.append(f"95 % of the blood is younger than {age.text}")
    text = "; ".join(parts)
    return False, f"{text[0].upper()}{text[1:]}." if text else ""


def _clot(found: Findings) -> tuple[bool, str]:
    volume, closed = _row(found, "clot_volume_0.5"), _row(found, "max_occlusion")
    if volume is None or not found.clot:
        return False, ""
    hours = float(found.clot["time"][-1]) / 3600
    text = f"Simulated clot after {hours:.0f} h: {volume.text}"
    if closed is not None:
        text += f", closing up to {closed.text} of the lumen at {closed.site}"
    return True, text + "."


def limits(found: Findings, viscosity: str) -> list[str]:
    """What the reader must not take from the report, most important first."""
    one_mesh = any(gate.state == NOT_ASSESSED for gate in found.gates)
    lines = [
        _sureness(found) + (", one mesh." if one_mesh else "."),
        f"What walls that yield would change: they are rigid here. {_rheology(viscosity)}; "
        "flow rates as set in the case.",
        "Whether treatment helps. Limits come from small studies: commonly used, not proof of "
        "disease. Validation in patients: none.",
    ]
    clot = next((gate for gate in found.gates if gate.name == CLOT), None)
    if clot is not None:
        resolved = "Whether a clot is there: its growth is a forecast, not an observation."
        gap = f"How much clot grows: {clot.text}."
        lines.insert(1, gap if clot.state == WARN else resolved)
    warned = [gate for gate in found.gates if gate.state == WARN and gate.name != CLOT]
    if warned:
        lines += [f"{gate.label}: {gate.text}." for gate in warned]
    return lines


def _sureness(found: Findings) -> str:
    if not found.ensemble:
        return "How sure it is: one simulation, one set of inputs"
    count = len(found.ensemble["varied"])
    return f"How sure it is beyond the inputs that were varied ({count} of them): one model"


def _rheology(viscosity: str) -> str:
    """Viscosity in a word or two; its parameters stand among the settings."""
    kind = viscosity.partition("(")[0].strip()
    if not kind:
        return "Viscosity as set in the case"
    return f"Viscosity: {kind}"


def callouts(found: Findings) -> list[tuple[list[float], str, bool]]:
    """Places and texts for the picture, and whether they only name a vein."""
    marks = [(list(mark["point"]), str(mark["name"]).replace("_", " "), True)
             for mark in found.lesion.get("segments", ())]
    return _findings_marked(found) + marks


def planes(found: Findings) -> list[list[float]]:
    """The points of the planes that the gradient is taken between."""
    known = found.lesion.get("planes", {}).values()
    return [list(plane["point"]) for plane in known if "point" in plane]


def _findings_marked(found: Findings) -> list[tuple[list[float], str, bool]]:
    marks = []
    lesion: Mapping[str, Any] = found.lesion
    stenosis, area = _row(found, "area_stenosis"), _row(found, "minimum_area")
    worth_it = lesion.get("narrowed") or lesion.get("named")
    if "point" in lesion and area is not None and worth_it:
        text = f"{stenosis.text} area stenosis" if stenosis is not None else area.text
        name = "place named" if lesion.get("named") else "narrowest point"
        marks.append((list(lesion["point"]), f"{name}\n{text}", False))
    if found.clot.get("point"):
        volume = _row(found, "clot_volume_0.5")
        marks.append((
            list(found.clot["point"]),
            f"clot\n{volume.text}" if volume is not None else "clot\n(not resolved)", False,
        ))
    return marks


def picture(found: Findings) -> str:
    """The picture in words, for those who cannot see it."""
    text = "Three-dimensional view of the vein, coloured by time-averaged wall shear stress"
    marks = [mark.replace("\n", " ") for _, mark, _ in _findings_marked(found)]
    return text + ("; marked: " + ", ".join(marks) if marks else "") + "."


def advice(found: Findings) -> list[str]:
    """What to do about the gates that failed."""
    cure = {
        "complete": "Run the case again: it goes on from its last checkpoint.",
        "nodal_balance": "Mesh again with shorter edges at the openings.",
        "periodicity": "Compute more cycles: raise the number of cycles or the longest time.",
        "mass_balance": "Check the boundaries for a missing outlet; tighten the pressure solver.",
        "resolution": "Mesh again with shorter edges at the narrowing.",
        "grid": "Mesh again with shorter edges, and compare once more.",
        "in_range": "Check the units of the mesh and of the inflow; a laminar model ends there.",
        "finite": "The flow diverged: use a smaller time step, and check units and boundaries.",
    }
    return [cure.get(gate.name, gate.text) for gate in found.failed]
