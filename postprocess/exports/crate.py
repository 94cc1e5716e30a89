"""A run folder as an RO-Crate: `ro-crate-metadata.json`, which says what came from what.

RO-Crate 1.1 (w3id.org/ro/crate/1.1) with the profile Process Run Crate 0.5
(w3id.org/ro/wfrun/process/0.5). Files stay where they are. Inputs are named by what they are for
and by their digest (RFC 6920), never by the name of their file, which may tell whose they are.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postprocess.exports.document import NOTICE

NAME = "ro-crate-metadata.json"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TYPES = {
    ".h5": "application/x-hdf5",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".toml": "application/toml",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".dcm": "application/dicom",
    ".html": "text/html",
    ".csv": "text/csv",
}
Entity = dict[str, Any]


@dataclass(frozen=True)
class File:
    """A file of the run: path from its folder, SHA-256, bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Run:
    """What the crate tells of a run; ``steps`` are state, role, time and reason of each step."""

    title: str
    state: str
    began: str
    ended: str
    commit: str
    code: str
    inputs: Mapping[str, str]
    files: Sequence[File]
    steps: Sequence[Mapping[str, str]] = ()


def write(report: Run, path: Path) -> None:
    """Write the crate's metadata to ``path``."""
    graph = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": _graph(report)}
    path.write_text(json.dumps(graph, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _graph(run: Run) -> list[Entity]:
    inputs = {name: _by_digest(digest) for name, digest in run.inputs.items()}
    files = [_file(file) for file in run.files]
    steps = [_step(number, step) for number, step in enumerate(run.steps, 1)]
    return [
        {
            "@id": NAME,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": run.title,
            "description": NOTICE,
            "datePublished": run.ended,
            "license": "as the owner of the data decides",
            "creativeWorkStatus": run.state,
            "conformsTo": {"@id": PROFILE},
            "hasPart": _refer([*files, *({"@id": at} for at in inputs.values())]),
            "mentions": _refer([{"@id": "#run"}, *steps]),
        },
        {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        {
            "@id": "#dvtwin",
            "@type": "SoftwareApplication",
            "name": "dvtwin",
            "softwareVersion": f"commit {run.commit}",
            "sha256": run.code,
        },
        {
            "@id": "#run",
            "@type": "CreateAction",
            "name": run.title,
            "instrument": {"@id": "#dvtwin"},
            "startTime": run.began,
            "endTime": run.ended,
            "object": [{"@id": at} for at in inputs.values()],
            "result": _refer(files),
        },
        *(
            {"@id": at, "@type": "File", "name": f"input: {name}", "sha256": run.inputs[name]}
            for name, at in inputs.items()
        ),
        *files,
        *steps,
    ]


def _refer(entities: Sequence[Entity]) -> list[Entity]:
    return [{"@id": entity["@id"]} for entity in entities]


def _file(file: File) -> Entity:
    found = {
        "@id": file.path,
        "@type": "File",
        "name": file.path,
        "contentSize": str(file.size),
        "sha256": file.sha256,
    }
    kind = TYPES.get(Path(file.path).suffix)
    return found | ({"encodingFormat": kind} if kind else {})


def _by_digest(sha256: str) -> str:
    """RFC 6920: a name for a file that is known by its digest alone."""
    mark = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")
    return f"ni:///sha-256;{mark}"


def _step(number: int, step: Mapping[str, str]) -> Entity:
    return {
        "@id": f"#step-{number}",
        "@type": "AssessAction",
        "name": f"{step['state']} by {step['role']} {step['who']}".strip(),
        "description": step["reason"],
        "endTime": step["time"],
        "object": {"@id": "report.pdf"},
    }
