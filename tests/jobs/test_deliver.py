"""`dvtwin deliver`: files in the outbox, objects at a node, and what is never handed over."""

import contextlib
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner

from core.errors import CaseError, GateFailed, JobError
from jobs import audit
from jobs.cli import app
from jobs.folder import Folder
from jobs.hospital import nodes, signing
from jobs.hospital.delivery import deliver, gather
from tests.jobs import finished

BUNDLES = ["bundle-R4B.json", "bundle-R5.json"]
OBJECTS = ["measurements.dcm", "report.dcm", "segmentation.dcm"]


@pytest.fixture
def folder(tmp_path) -> Folder:
    return finished.copy(tmp_path)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def storescp(folder: Path, *options: str):
    """dcmtk's receiver on a free port."""
    program = Path("/usr/bin/storescp")  # pynetdicom brings another of that name
    if not program.exists():
        pytest.skip("storescp (Debian: dcmtk) is not installed")
    folder.mkdir()
    port = _free_port()
    process = subprocess.Popen(
        [program, *options, "-od", str(folder), "-aet", "ARCHIVE", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield f"ARCHIVE@127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_without_a_choice_both_are_written_and_the_run_stays_whole(folder):
    done = CliRunner().invoke(app, ["deliver", str(folder.path)], catch_exceptions=False)
    assert done.exit_code == 0
    outbox = folder.path / "outbox"
    assert (names(outbox / "fhir"), names(outbox / "dicom")) == (BUNDLES, OBJECTS)
    assert folder.verify() == []
    assert audit.broken(folder.audit) is None
    entry = [json.loads(line) for line in folder.audit.read_text().splitlines()][-1]
    assert (entry["action"], entry["state"]) == ("deliver", "DRAFT")
    assert sorted(entry["files"]) == sorted(BUNDLES + OBJECTS)


def test_only_what_is_asked_for_and_where(folder, tmp_path):
    out = tmp_path / "elsewhere"
    made = deliver(folder, out, fhir=True, dicom=False)
    assert [path.name for path in made] == BUNDLES
    assert names(out) == ["fhir"]
    assert not (folder.path / "outbox").exists()


def test_the_outbox_holds_the_last_delivery_only_and_may_be_emptied(folder):
    for path in deliver(folder, None, fhir=True, dicom=True):
        path.unlink()
    assert folder.verify() == []
    old = folder.path / "outbox" / "dicom" / "older.dcm"
    old.touch()
    assert [path.name for path in deliver(folder, None, fhir=False, dicom=True)] == OBJECTS
    assert not old.exists()


def test_objects_arrive_at_a_node(folder, tmp_path):
    with storescp(tmp_path / "got") as to:
        done = CliRunner().invoke(
            app, ["deliver", str(folder.path), "--to", to], catch_exceptions=False
        )
        assert done.exit_code == 0
        assert f"Sent 3 objects to {to}" in done.output
        got = [pydicom.dcmread(path) for path in (tmp_path / "got").iterdir()]
    sent = [pydicom.dcmread(folder.path / "outbox" / "dicom" / name) for name in OBJECTS]
    assert {one.SOPInstanceUID for one in got} == {one.SOPInstanceUID for one in sent}
    pdf = next(one for one in got if one.Modality == "DOC")
    assert pdf.EncapsulatedDocument[: pdf.EncapsulatedDocumentLength] == folder.pdf.read_bytes()
    last = json.loads(folder.audit.read_text().splitlines()[-1])
    assert (last["action"], last["to"], last["done"]) == ("send", to, True)


def test_a_configured_node_is_known_by_name(folder, tmp_path, monkeypatch):
    file = tmp_path / "nodes.toml"
    monkeypatch.setenv("DVTWIN_NODES", str(file))
    with pytest.raises(CaseError, match="there is no node 'archive'"):
        nodes.node("archive")
    with storescp(tmp_path / "got") as to:
        port = to.rpartition(":")[2]
        file.write_text(f'[archive]\nae = "ARCHIVE"\nhost = "127.0.0.1"\nport = {port}\n')
        nodes.send(deliver(folder, None, fhir=False, dicom=True), nodes.node("archive"))
    assert len(names(tmp_path / "got")) == 3
    file.write_text('[archive]\nae = "ARCHIVE"\nhost = "127.0.0.1"\nport = 99999\n')
    with pytest.raises(CaseError, match="port"):
        nodes.node("archive")


@pytest.mark.parametrize("text", ["PACS@host", "@host:104", "PACS@host:x", "A\\B@host:104"])
def test_a_node_that_is_none_is_refused(text, monkeypatch, tmp_path):
    monkeypatch.setenv("DVTWIN_NODES", str(tmp_path / "none.toml"))
    with pytest.raises(CaseError, match="there is no node"):
        nodes.node(text)


def _stays(folder: Folder) -> None:
    assert names(folder.path / "outbox" / "dicom") == OBJECTS
    last = json.loads(folder.audit.read_text().splitlines()[-1])
    assert (last["action"], last["done"]) == ("send", False)
    assert folder.verify() == []


def _send(folder: Folder, to: str) -> str:
    done = CliRunner().invoke(app, ["deliver", str(folder.path), "--to", to])
    assert isinstance(done.exception, JobError)
    assert done.exception.exit_code == 6
    _stays(folder)
    return done.exception.what


def test_an_absent_node_is_said_and_the_files_stay(folder):
    to = f"ARCHIVE@127.0.0.1:{_free_port()}"
    assert _send(folder, to) == f"the node {to} does not answer"


def test_a_node_that_refuses_is_said_and_the_files_stay(folder, tmp_path):
    with storescp(tmp_path / "got", "--refuse") as to:
        assert _send(folder, to) == f"the node {to} refused the association"


@pytest.mark.parametrize(
    ("classes", "status", "expected"),
    [(2, 0x0000, "does not take"), (3, 0xA700, "status 0xa700"), (3, 0xB000, "")],
)
def test_a_node_that_does_not_store_all_is_said(folder, classes, status, expected):
    from pynetdicom import AE, evt
    from pynetdicom.sop_class import (
        Comprehensive3DSRStorage,
        EncapsulatedPDFStorage,
        SegmentationStorage,
    )

    entity = AE("ARCHIVE")
    kinds = (Comprehensive3DSRStorage, EncapsulatedPDFStorage, SegmentationStorage)
    for kind in kinds[:classes]:
        entity.add_supported_context(kind)
    port = _free_port()
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda event: status)]
    )
    try:
        to = f"ARCHIVE@127.0.0.1:{port}"
        if expected:
            assert expected in _send(folder, to)
        else:
            nodes.send(deliver(folder, None, fhir=False, dicom=True), nodes.node(to))
    finally:
        server.shutdown()


def test_a_changed_run_is_not_handed_over(folder):
    folder.metrics.write_text(folder.metrics.read_text().replace("30-39", "40-49") + " ")
    with pytest.raises(GateFailed, match=r"metrics\.json: changed"):
        deliver(folder, None, fhir=True, dicom=False)


def test_a_rejected_report_is_not_handed_over(folder):
    signing.sign(folder, signing.Step(signing.REJECTED, signing.MODELER, "wrong side"))
    with pytest.raises(GateFailed, match="rejected: wrong side"):
        deliver(folder, None, fhir=True, dicom=False)


def test_a_run_without_a_result_is_not_handed_over(folder):
    document = json.loads(folder.report.read_text()) | {"key": None, "failed": ["Mass balance"]}
    folder.report.write_text(json.dumps(document))
    with pytest.raises(GateFailed, match="gives no result"):
        deliver(folder, None, fhir=True, dicom=False)
    folder.report.unlink()
    with pytest.raises(CaseError, match="has no report"):
        deliver(folder, None, fhir=True, dicom=False)


def test_another_image_than_the_runs_gives_no_segmentation(folder):
    image = folder.path.parent / "veins.nii.gz"
    image.write_bytes(image.read_bytes() + b"\0")
    with pytest.raises(CaseError, match="not the one that this run was made from"):
        deliver(folder, None, fhir=False, dicom=True)
    image.unlink()
    with pytest.raises(CaseError, match="does not exist"):
        deliver(folder, None, fhir=False, dicom=True)
    assert deliver(folder, None, fhir=True, dicom=False)


def test_a_run_from_a_mesh_has_no_segmentation(folder):
    text = folder.case.read_text()
    start = text.index("[mesh]")
    stop = text.index("[flow]")
    folder.case.write_text(
        text[:start] + '[mesh]\nkind = "tube"\nradius = "5 mm"\nlength = "30 mm"\n'
        'size = "2 mm"\n\n' + text[stop:]
    )
    folder.sign()
    made = deliver(folder, None, fhir=True, dicom=True)
    assert [path.name for path in made] == [*BUNDLES, *OBJECTS[:2]]
    assert not gather(folder).imaged


def test_a_folder_that_cannot_be_written_is_said(folder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(JobError, match="cannot write"):
        deliver(folder, tmp_path / "file", fhir=True, dicom=False)


def test_a_run_that_was_moved_without_its_image_still_gives_fhir(folder, tmp_path):
    shutil.move(folder.path, tmp_path / "moved")
    assert deliver(Folder(tmp_path / "moved"), None, fhir=True, dicom=False)
