"""Who answers for a report: its state, the steps that are allowed, and who may take them.

    DRAFT → TECHNICAL CHECK → CLINICAL REVIEW → SIGNED
        each of them → REJECTED or SUPERSEDED

The state is not stored anywhere but in `audit.jsonl`: the last step that was taken for the report
as it is now. A report that was computed anew is a draft again.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from core.errors import CaseError, GateFailed
from core.record import digest_file
from jobs import audit
from jobs.folder import Folder

if TYPE_CHECKING:
    from postprocess.exports.document import Signature

DRAFT, TECHNICAL, CLINICAL = "DRAFT", "TECHNICAL CHECK", "CLINICAL REVIEW"
SIGNED, REJECTED, SUPERSEDED = "SIGNED", "REJECTED", "SUPERSEDED"
MODELER, CLINICIAN = "modeler", "clinician"
STEPS: Mapping[str, Mapping[str, frozenset[str]]] = {
    DRAFT: {
        TECHNICAL: frozenset({MODELER}),
        REJECTED: frozenset({MODELER, CLINICIAN}),
        SUPERSEDED: frozenset({MODELER, CLINICIAN}),
    },
    TECHNICAL: {
        CLINICAL: frozenset({CLINICIAN}),
        REJECTED: frozenset({MODELER, CLINICIAN}),
        SUPERSEDED: frozenset({MODELER, CLINICIAN}),
    },
    CLINICAL: {
        SIGNED: frozenset({CLINICIAN}),
        REJECTED: frozenset({CLINICIAN}),
        SUPERSEDED: frozenset({MODELER, CLINICIAN}),
    },
    SIGNED: {SUPERSEDED: frozenset({CLINICIAN})},
    REJECTED: {SUPERSEDED: frozenset({MODELER, CLINICIAN})},
    SUPERSEDED: {},
}
"""From each state, the states that follow and the roles that may take the step."""
WHO = re.compile(r"[\w.@+' -]{1,64}")
"""A PN or LO of DICOM must hold it."""


@dataclass(frozen=True)
class Step:
    """What someone wants to do: reach ``state``, in a ``role``, for a ``reason``."""

    state: str
    role: str
    reason: str
    who: str = ""
    organisation: str = ""


def sign(folder: Folder, step: Step) -> str:
    """Take ``step`` and show it in the report. Gives the state before.

    Raises `GateFailed` for a report without a result and for a run whose files were changed,
    `CaseError` for a step that is not allowed.
    """
    from postprocess.reporting.report import restate

    _check_words(step)
    document = finished(folder)
    before = state(folder)
    _check_allowed(before, step)
    audit.note(
        folder.audit,
        "sign",
        state=step.state,
        before=before,
        role=step.role,
        who=step.who,
        organisation=step.organisation,
        reason=step.reason,
        report=document["report"],
        key=document["key"],
        metrics=digest_file(folder.metrics),
    )
    restate(folder.path, status_text(folder))
    seal(folder)
    return before


def seal(folder: Folder) -> None:
    """Write the run's RO-Crate and its SHA256SUMS."""
    from postprocess.exports import crate

    status, inputs = folder.status(), _record(folder)
    crate.write(
        crate.Run(
            title=str(status.get("title", "")),
            state=state(folder),
            began=str(inputs.get("created") or status.get("changed", "")),
            ended=str(status.get("changed", "")),
            commit=str(status.get("commit", "unknown")),
            code=str(inputs.get("code", "unknown")),
            inputs={name: one["sha256"] for name, one in inputs.get("inputs", {}).items()},
            files=[
                crate.File(
                    str(path.relative_to(folder.path)), digest_file(path), path.stat().st_size
                )
                for path in folder.artefacts()
                if path.name != crate.NAME
            ],
            steps=[vars(step) for step in signatures(folder)],
        ),
        folder.path / crate.NAME,
    )
    folder.sign()


def _record(folder: Folder) -> dict[str, Any]:
    """The record of provenance of the results; empty where there are none."""
    if not folder.results.exists():
        return {}
    from core.store import Results

    with Results(folder.results) as results:
        return results.record()


def finished(folder: Folder) -> dict[str, Any]:
    """report.json of a run that may leave the machine. Raises `GateFailed`, `CaseError`."""
    try:
        document = dict(json.loads(folder.report.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise CaseError(
            "this run has no report",
            where=str(folder.path),
            do="finish it: `dvtwin run CASE.toml`",
        ) from error
    if not document.get("key") or document.get("failed"):
        raise GateFailed(
            "this run gives no result, so there is nothing to sign or to hand over",
            where=str(folder.pdf),
            do="the report names the check that failed and what to do",
        )
    if wrong := folder.verify() + broken(folder):
        raise GateFailed(
            f"the run was changed after it was made: {wrong[0]}",
            where=str(folder.path),
            do="find out why (`dvtwin verify`), then run the case again",
        )
    return document


def broken(folder: Folder) -> list[str]:
    """What is wrong with the audit log, in words."""
    line = audit.broken(folder.audit)
    return [] if line is None else [f"audit.jsonl: changed before line {line}"]


def signatures(folder: Folder, key: str = "") -> list["Signature"]:
    """The steps that were taken for the report as it is now, in order; none by a broken log.

    ``key`` is that of a report which is about to be written; default: of the one that is there.
    """
    from postprocess.exports.document import Signature

    try:
        key = key or str(json.loads(folder.report.read_text(encoding="utf-8"))["key"])
        measured = digest_file(folder.metrics)
    except (OSError, ValueError, KeyError):
        return []
    if not folder.audit.exists() or broken(folder):
        return []
    entries = map(json.loads, folder.audit.read_text(encoding="utf-8").splitlines())
    return [
        Signature(**{field.name: entry[field.name] for field in fields(Signature)})
        for entry in entries
        if entry["action"] == "sign" and (entry["key"], entry["metrics"]) == (key, measured)
    ]


def state(folder: Folder) -> str:
    """How the report stands."""
    taken = signatures(folder)
    return taken[-1].state if taken else DRAFT


def status_text(folder: Folder, key: str = "") -> str:
    """The state as the report prints it; ``key`` as in `signatures`."""
    taken = signatures(folder, key)
    if not taken:
        return f"{DRAFT} – not signed"
    last = taken[-1]
    who = f"{last.role} {last.who}".strip()
    return f"{last.state} – {who}, {last.time[:10]}"


def _check_words(step: Step) -> None:
    for name, text in (("--who", step.who), ("--organisation", step.organisation)):
        if text and not WHO.fullmatch(text):
            raise CaseError(
                f"{name} may have 64 letters, digits and . @ + ' -",
                where=f"{name} {text[:80]!r}",
                do="give an identifier or a name as it should be shown",
            )
    if not step.reason.strip():
        raise CaseError("a reason is needed", where="--reason", do='--reason "mesh and flow seen"')


def _check_allowed(before: str, step: Step) -> None:
    if step.state not in STEPS:
        raise CaseError(
            f"there is no state {step.state!r}", where="--state", do=f"use {', '.join(STEPS)}"
        )
    following = STEPS[before]
    if step.state not in following:
        raise CaseError(
            f"a report that is {before} cannot become {step.state}",
            where="--state",
            do=f"next is {' or '.join(following)}" if following else "make a new report",
        )
    roles = following[step.state]
    if step.role not in roles:
        raise CaseError(
            f"{step.role!r} may not set a report to {step.state}",
            where="--as",
            do=f"this is for {' or '.join(sorted(roles))}",
        )
