"""Where DICOM objects can be sent: `AE@HOST:PORT`, or a name in the file of known nodes.

# ~/.config/dvtwin/nodes.toml, or the file that DVTWIN_NODES names
[archive]
ae = "PACS"
host = "pacs.example.org"
port = 11112
calling = "DVTWIN"
"""

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from core.errors import CaseError, JobError
from core.settings import Settings, read

AE_TITLE = r"[!-\[\]-~]{1,16}"
WRITTEN = re.compile(rf"({AE_TITLE})@([^@:\s]+):(\d{{1,5}})")
PATIENCE = 15.0
"""Seconds that a node may take to answer."""


class Node(Settings):
    """A DICOM node: its application entity title, where it listens, and the title we use."""

    ae: str = Field(pattern=f"^{AE_TITLE}$")
    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    calling: str = Field(default="DVTWIN", pattern=f"^{AE_TITLE}$")

    def __str__(self) -> str:
        return f"{self.ae}@{self.host}:{self.port}"


def node(text: str) -> Node:
    """The node that ``text`` means. Raises `CaseError`."""
    if written := WRITTEN.fullmatch(text):
        ae, host, port = written.groups()
        return read(Node, {"ae": ae, "host": host, "port": int(port)}, "--to")
    path = Path(os.environ.get("DVTWIN_NODES", "~/.config/dvtwin/nodes.toml")).expanduser()
    try:
        known = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = {}
    except (OSError, ValueError) as error:
        raise CaseError(f"cannot read the list of nodes: {error}", where=str(path)) from error
    if text not in known:
        raise CaseError(
            f"there is no node {text!r}",
            where=f"--to, {path}",
            do=f"write AE@HOST:PORT, or a name of that file: {', '.join(known) or 'it has none'}",
        )
    return read(Node, known[text], f"{path.name}: {text}")


def send(paths: Sequence[Path], to: Node) -> None:
    """C-STORE every file to ``to``. Raises `JobError`; the files stay where they are."""
    from pydicom import dcmread
    from pynetdicom import AE

    datasets = [dcmread(path) for path in paths]
    entity = AE(ae_title=to.calling)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = PATIENCE
    for dataset in datasets:
        entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    link = entity.associate(to.host, to.port, ae_title=to.ae)
    if not link.is_established:
        reason = "refused the association" if link.is_rejected else "does not answer"
        raise _unsent(f"the node {to} {reason}", paths)
    try:
        accepted = {context.abstract_syntax for context in link.accepted_contexts}
        for path, dataset in zip(paths, datasets, strict=True):
            if dataset.SOPClassUID not in accepted:
                raise _unsent(f"the node {to} does not take {dataset.SOPClassUID.name}", [path])
            status = link.send_c_store(dataset).get("Status")
            # 0xB000 to 0xB007: stored, with a remark
            if status is None or (status != 0 and not 0xB000 <= status <= 0xB007):
                said = "no answer" if status is None else f"status {status:#06x}"
                raise _unsent(f"the node {to} did not store {path.name}: {said}", [path])
    finally:
        link.release()


def _unsent(what: str, paths: Sequence[Path]) -> JobError:
    return JobError(
        what,
        where=str(paths[0].parent),
        do="the files are there; check the node's title, address and port, and send them again",
    )
