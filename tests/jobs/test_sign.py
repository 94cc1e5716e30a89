"""Who answers for a report: the steps that are allowed, where they show, and what voids them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import CaseError, GateFailed
from jobs import audit
from jobs.cli import app
from jobs.folder import Folder
from jobs.hospital import signing
from jobs.hospital.delivery import gather
from jobs.hospital.signing import CLINICIAN, MODELER, STEPS, Step, sign, signatures, state
from tests.jobs import finished


@pytest.fixture
def folder(tmp_path) -> Folder:
    return finished.copy(tmp_path)


def _entries(folder: Folder) -> list[dict]:
    return [json.loads(line) for line in folder.audit.read_text().splitlines()]


def _band(folder: Folder) -> str:
    document = json.loads(folder.report.read_text())
    assert dict(document["band"])["Status"] == document["status"]
    return document["status"]


def test_the_way_to_a_signed_report(folder):
    assert state(folder) == "DRAFT"
    before = folder.pdf.read_bytes()
    line = ["sign", str(folder.path), "--as"]
    for more in (
        ["modeler", "--state", "technical check", "--reason", "balances seen", "--who", "mk7"],
        ["clinician", "--state", "clinical-review", "--reason", "fits the patient"],
        [
            "clinician",
            "--state",
            "SIGNED",
            "--reason",
            "agreed",
            "--who",
            "jd12",
            "--organisation",
            "Ward 3",
        ],
    ):
        done = CliRunner().invoke(app, line + more, catch_exceptions=False)
        assert done.exit_code == 0
    assert "CLINICAL REVIEW → SIGNED" in done.output
    taken = signatures(folder)
    assert [(one.state, one.role, one.who) for one in taken] == [
        ("TECHNICAL CHECK", "modeler", "mk7"),
        ("CLINICAL REVIEW", "clinician", ""),
        ("SIGNED", "clinician", "jd12"),
    ]
    assert _band(folder) == f"SIGNED – clinician jd12, {taken[-1].time[:10]}"
    assert folder.pdf.read_bytes() != before
    assert folder.verify() == []
    assert audit.broken(folder.audit) is None
    report = gather(folder)
    assert (report.state, report.issued) == ("SIGNED", taken[-1].time)
    done = CliRunner().invoke(app, ["verify", str(folder.path)])
    assert done.exit_code == 0


def test_nobody_is_invented(folder):
    sign(folder, Step(signing.TECHNICAL, MODELER, "seen"))
    assert _band(folder).startswith("TECHNICAL CHECK – modeler, ")
    entry = next(one for one in _entries(folder) if one["action"] == "sign")
    assert (entry["who"], entry["organisation"]) == ("", "")


@pytest.mark.parametrize("before", STEPS)
def test_only_the_listed_steps_and_roles(before):
    for after in STEPS:
        for role in (MODELER, CLINICIAN, "nurse"):
            step = Step(after, role, "because")
            if role in STEPS[before].get(after, frozenset()):
                signing._check_allowed(before, step)
            else:
                with pytest.raises(CaseError):
                    signing._check_allowed(before, step)


def test_the_table_of_steps_is_what_was_agreed():
    assert STEPS["DRAFT"]["TECHNICAL CHECK"] == {MODELER}
    assert STEPS["TECHNICAL CHECK"]["CLINICAL REVIEW"] == {CLINICIAN}
    assert STEPS["CLINICAL REVIEW"]["SIGNED"] == {CLINICIAN}
    assert "SIGNED" not in STEPS["DRAFT"] | STEPS["TECHNICAL CHECK"]
    assert set(STEPS["SIGNED"]) == {"SUPERSEDED"}
    assert not STEPS["SUPERSEDED"]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step("SIGNED", CLINICIAN, "x"), "that is DRAFT cannot become SIGNED"),
        (Step("TECHNICAL CHECK", CLINICIAN, "x"), "'clinician' may not"),
        (Step("DONE", MODELER, "x"), "there is no state 'DONE'"),
        (Step("TECHNICAL CHECK", MODELER, "  "), "a reason is needed"),
        (Step("TECHNICAL CHECK", MODELER, "x", who="a\nb"), "--who may have"),
        (Step("TECHNICAL CHECK", MODELER, "x", who="j^d\\"), "--who may have"),
    ],
)
def test_a_step_that_is_not_allowed_changes_nothing(folder, step, said):
    before = folder.audit.read_bytes(), folder.pdf.read_bytes()
    with pytest.raises(CaseError, match=said):
        sign(folder, step)
    assert (folder.audit.read_bytes(), folder.pdf.read_bytes()) == before


@pytest.mark.parametrize("after", ["REJECTED", "SUPERSEDED"])
def test_a_void_report_says_so_across_the_page(folder, after):
    sign(folder, Step(after, MODELER, "a newer one is there"))
    assert _band(folder).startswith(f"{after} – modeler")
    from postprocess.reporting.typeset import TEMPLATES

    assert f'"{after}"' in (TEMPLATES / "common.typ").read_text()


def test_a_run_without_a_result_stays_a_draft(folder):
    document = json.loads(folder.report.read_text()) | {"key": None, "failed": ["Mass balance"]}
    folder.report.write_text(json.dumps(document))
    folder.sign()
    with pytest.raises(GateFailed, match="gives no result"):
        sign(folder, Step(signing.TECHNICAL, MODELER, "seen"))


@pytest.mark.parametrize("name", ["metrics.json", "results.h5", "report.pdf", "SHA256SUMS"])
def test_a_changed_run_is_not_signed(folder, name):
    path = folder.path / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(GateFailed, match="changed"):
        sign(folder, Step(signing.TECHNICAL, MODELER, "seen"))


def test_a_result_that_was_computed_anew_is_a_draft_again(folder):
    finished.take(folder, signing.TECHNICAL)
    assert state(folder) == "TECHNICAL CHECK"
    metrics = json.loads(folder.metrics.read_text())
    folder.metrics.write_text(json.dumps(metrics | {"key": "0" * 64}))
    assert state(folder) == "DRAFT"


def test_the_same_key_with_other_numbers_is_a_draft_as_well(folder):
    finished.take(folder, signing.TECHNICAL)
    folder.metrics.write_text(folder.metrics.read_text().replace("within", "high"))
    assert signing.status_text(folder) == "DRAFT – not signed"


def test_the_same_numbers_about_another_side_are_a_draft_too(folder):
    """The key of a report covers title and patient."""
    finished.take(folder, signing.TECHNICAL)
    assert signing.status_text(folder).startswith("TECHNICAL CHECK")
    assert signing.status_text(folder, "0" * 64) == "DRAFT – not signed"
    document = json.loads(folder.report.read_text())
    folder.report.write_text(json.dumps(document | {"key": "0" * 64}))
    assert state(folder) == "DRAFT"


def _tamper_sums(folder: Folder) -> None:
    """As one would who knows `sha256sum` but not the audit log."""
    import hashlib

    folder.metrics.write_text(folder.metrics.read_text() + " ")
    name = folder.metrics.name
    lines = [
        f"{hashlib.sha256(folder.metrics.read_bytes()).hexdigest()}  {name}"
        if line.endswith(f"  {name}")
        else line
        for line in folder.sums.read_text().splitlines()
    ]
    folder.sums.write_text("\n".join(lines) + "\n")


def _cut(folder: Folder, *, first: int, last: int) -> None:
    lines = folder.audit.read_text().splitlines()
    folder.audit.write_text("\n".join(lines[:first] + lines[last:]) + "\n")


TAMPERED = {
    "a number": lambda f: f.metrics.write_text(f.metrics.read_text() + " "),
    "a number and its digest": _tamper_sums,
    "the page": lambda f: f.pdf.write_bytes(f.pdf.read_bytes() + b" "),
    "the crate": lambda f: (f.path / "ro-crate-metadata.json").write_text("{}"),
    "a file more": lambda f: (f.path / "more.json").write_text("{}"),
    "a file less": lambda f: f.report.unlink(),
    "a line of the log": lambda f: f.audit.write_text(
        f.audit.read_text().replace('"modeler"', '"clinician"')
    ),
    "a line of the log taken out": lambda f: _cut(f, first=2, last=3),
    "the end of the log taken off": lambda f: _cut(f, first=2, last=99),
    "the whole log": lambda f: f.audit.unlink(),
    "the log made no log": lambda f: f.audit.write_text("nothing\n"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_verify_sees_what_was_tampered_with(folder, what):
    finished.take(folder, signing.CLINICAL)
    assert CliRunner().invoke(app, ["verify", str(folder.path)]).exit_code == 0
    TAMPERED[what](folder)
    done = CliRunner().invoke(app, ["verify", str(folder.path)])
    assert done.exit_code == 5, done.output
    with pytest.raises((GateFailed, CaseError)):
        sign(folder, Step(signing.SIGNED, CLINICIAN, "x"))


def test_the_report_stage_prints_the_state(folder, tmp_path: Path):
    """A report that is drawn anew from the same numbers keeps its signatures."""
    from jobs.case import load
    from jobs.work import Task, report
    from tests.postprocess.conftest import KEY

    finished.take(folder, signing.TECHNICAL, who="mk7")
    before = folder.report.read_bytes(), folder.pdf.read_bytes()

    class Silent:
        def say(self, *args, **values):
            pass

    report(Task(load(folder.case), tmp_path, folder, KEY, Silent()))
    assert (folder.report.read_bytes(), folder.pdf.read_bytes()) == before
