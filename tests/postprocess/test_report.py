"""The report of a fabricated run: what it says, what it must never say, that it is repeatable."""

import json
import shutil
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from re import findall

import numpy as np
import pytest
import typst
from matplotlib.image import imsave

from core.errors import CaseError, GateFailed, TwinError
from core.record import ROOT
from core.settings import rows
from postprocess.findings import load
from postprocess.measure import MeasureSettings, measure
from postprocess.pictures.look import FONTS, printable
from postprocess.pictures.scene import PIXELS
from postprocess.reporting import typeset
from postprocess.reporting.report import restate, write
from postprocess.settings import ReportSettings
from tests.postprocess.conftest import KEY, PATIENT
from tests.postprocess.tube import Tube
from tests.postprocess.tube import write as fabricate

PAGES = 3
SMALL = {"rings": 4, "spokes": 20, "layers": 51, "narrow": 0.45}
LONG = (
    "Follow-up of an extensive left iliofemoral thrombosis with suspected compression at the "
    "right common iliac artery"
)


def report(
    folder: Path, *, title="Left iliac compression", patient=PATIENT, language="en", change=None,
    **properties,
):
    results = fabricate(folder / "results.h5", Tube(**SMALL | properties))
    settings = MeasureSettings(segment="LCIV")
    measure(results, folder / "metrics.json", settings, key=KEY)
    if change:
        change(load(folder / "metrics.json")).save(folder / "metrics.json")
    write(
        folder / "metrics.json", results, folder, title=title, patient=patient,
        assumptions=list(rows(settings)), key=KEY, settings=ReportSettings(language=language),
    )
    return json.loads((folder / "report.json").read_text())


def pages(folder: Path, template="summary") -> int:
    """How many pages the report has: typst draws one picture for each."""
    source = (typeset.TEMPLATES / f"{template}.typ").read_text().replace(
        '#import "common.typ": *\n', (typeset.TEMPLATES / "common.typ").read_text()
    )
    drawn = typst.compile(
        source.encode(), root=str(folder), font_paths=[str(FONTS)], ignore_system_fonts=True,
        format="png", ppi=20,
    )
    return len(drawn) if isinstance(drawn, list) else 1


def attachment(pdf: bytes) -> bytes:
    """The embedded report.json: the stream that unpacks to JSON with a schema."""
    start = 0
    while (start := pdf.find(b"stream\n", start)) >= 0:
        start += 7
        for body in (pdf[start:], ):
            try:
                text = zlib.decompressobj().decompress(body)
            except zlib.error:
                continue
            if text.lstrip().startswith(b"{") and b'"schema"' in text:
                return text
    raise AssertionError("no attachment")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return folder, report(folder)


def test_the_pdf_carries_its_data_and_its_standards(made):
    folder, document = made
    pdf = (folder / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert json.loads(attachment(pdf)) == document
    for mark in (b"/StructTreeRoot", b"/AFRelationship", b"pdfaid", b"pdfuaid"):
        assert mark in pdf, mark
    assert (folder / "report.json").read_bytes() == attachment(pdf)


def test_the_first_page_holds_all_up_to_the_sign_off(made):
    # one page for the ward, one with the evidence, one with definitions and settings
    assert pages(made[0]) == PAGES


def test_flags_and_findings_are_worst_first(made):
    document = made[1]
    flags = {row["label"]: row["flag"] for row in document["rows"]}
    assert flags["Lumen area stenosis"] == "high"
    assert flags["Velocity ratio, after / before"] == "high"
    assert flags["Pressure gradient, narrowing"] == "within"
    assert flags["Wall shear stress, mean"] == "n/a"
    first, second, *rest = document["findings"]
    assert first.startswith("Focal narrowing at left iliac, 50 mm: area stenosis 70")
    assert second.startswith("Velocity ratio")
    assert all("beyond" in line for line in (first, second))
    assert not any("beyond" in line for line in rest)
    assert 3 <= len(document["findings"]) <= 5


def test_no_interval_is_shown_that_was_not_computed(made):
    document = made[1]
    assert document["intervals"] is False
    assert "No interval was computed" in document["interval_note"]
    assert {row["interval"] for row in document["rows"]} == {"not computed"}


def test_it_says_research_use_only_on_every_page_and_is_a_draft(made):
    common = (typeset.TEMPLATES / "common.typ").read_text()
    assert 'notice = w("RESEARCH USE ONLY")' in common
    assert "footer: context" in common
    assert common.count("#notice") + common.count(", notice)") == 2
    assert ["Status", "DRAFT – not signed"] in made[1]["band"]


def test_every_picture_is_described(made):
    document = made[1]
    words = document["picture"]["alt"].replace("\u00a0", " ")
    assert "narrowest point 70 % area stenosis" in words
    assert len(document["plots"]) == 3
    for plot in document["plots"]:
        assert len(plot["alt"]) > 40
        assert (made[0] / "figures" / plot["file"]).stat().st_size > 1000
    assert document["picture"]["drawn_by"] in {"vtk", "flat"}


def test_sources_are_numbered_and_listed(made):
    document = made[1]
    listed = {mark for mark, _ in document["references"]}
    further = [row for column in document["further"] for group in column for row in group["rows"]]
    used = {row["ref"] for row in document["rows"] + further} - {"–"}
    named = set(findall(r"\[(R\d)\]", " ".join(document["limits_used"])))
    assert used | named == listed
    assert not findall(r"memory|Raju|VIDIO", json.dumps(document))


def test_traceability(made):
    text = " ".join(made[1]["provenance"]).replace("\u00a0", " ")
    for piece in ("3f2a9c1b7d44", "9b1c9b…9b1c", "tetrahedra", "2 ranks", "0.01 %", KEY[:12]):
        assert piece in text


def test_the_same_input_gives_the_same_bytes(made, tmp_path):
    report(tmp_path)
    for name in ("report.json", "report.pdf"):
        assert (tmp_path / name).read_bytes() == (made[0] / name).read_bytes(), name


def test_source_date_epoch_sets_the_date_of_the_file(made, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    pdf = typeset.typeset("summary", made[0], "2026-11-22T09:12:00Z")
    assert b"D:19700101000000" in pdf
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert b"D:20261122091200" in typeset.typeset("summary", made[0], "2026-11-22T09:12:00Z")


def test_a_missing_font_fails(made, tmp_path):
    with pytest.raises(TwinError, match="warning: unknown font"):
        typeset.typeset("summary", made[0], "2026-11-22T09:12:00Z", fonts=tmp_path)


def test_a_picture_without_words_fails(made, tmp_path):
    shutil.copytree(made[0], tmp_path, dirs_exist_ok=True)
    pages = (typeset.TEMPLATES / "summary.typ").read_text()
    assert pages.count("image(") == pages.count("alt:")
    document = made[1] | {"plots": [dict(made[1]["plots"][0], alt=None)]}
    (tmp_path / "report.json").write_text(json.dumps(document))
    with pytest.raises(TwinError, match="typeset"):
        typeset.typeset("summary", tmp_path, "2026-11-22T09:12:00Z")


def test_an_unresolved_clot_is_grey_and_never_a_finding(tmp_path):
    document = report(tmp_path, title=LONG, clot_attributes={"growth_width": 0.6e-3})
    clot = [row for row in document["rows"] if "lot" in row["label"]]
    assert clot
    assert all(row["grey"] and row["flag"] == "not resolved" for row in clot)
    assert not any("clot" in line.lower() for line in document["findings"])
    assert any("not resolved" in line for line in document["limits"])
    assert document["plots"][-1]["heading"].endswith("(not resolved)")
    assert pages(tmp_path) == PAGES


def test_without_a_clot_nothing_is_said_of_one(tmp_path):
    document = report(tmp_path, clot=False)
    assert "clot" not in json.dumps(document["findings"] + document["rows"]).lower().replace(
        "clot not taken off", ""
    )
    assert len(document["plots"]) == 2


def test_without_a_centreline_the_rest_is_reported(tmp_path):
    document = report(tmp_path, clot=False, planes=False)
    row = next(row for row in document["rows"] if row["label"] == "Minimum lumen area")
    assert (row["flag"], row["value"]) == ("not assessable", "–")
    assert "no centreline" in row["site"]
    assert [plot["file"] for plot in document["plots"]] == ["cycle.svg"]


def test_a_failed_gate_gives_one_page_without_a_number_of_the_vein(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "vein.png").write_bytes(b"of an earlier run")
    with pytest.raises(GateFailed, match="Change from cycle to cycle") as error:
        report(tmp_path, attributes={"periodicity": 0.08})
    assert error.value.exit_code == 5
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["failed"] == [
        "Change from cycle to cycle: 8 %, at most 2 % is allowed.",
    ]
    assert document["key"] is None
    assert not {"rows", "findings", "metrics"} & set(document)
    assert "mmHg" not in json.dumps(document)
    assert pages(tmp_path, "no_result") == 1
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert not (tmp_path / "figures").exists()


def test_a_patient_has_no_name(tmp_path):
    with pytest.raises(CaseError, match="name"):
        report(tmp_path, patient=PATIENT | {"name": "Jane Doe"})
    assert not (tmp_path / "report.pdf").exists()


def test_what_is_not_known_of_a_patient_is_said(tmp_path):
    unknown = dict.fromkeys(("pseudonym", "side", "sex", "age_band"), "unknown")
    document = report(tmp_path, patient=unknown | {"study": "", "date": None}, clot=False)
    assert document["band"][:2] == [["Subject", "not given"], ["Sex / age", "not given"]]


@pytest.mark.parametrize(
    "title", ["#emph[x] $a$ *b* _c_ <d> @e \\f", "Zakrzepica żył – \"lewa\"", "x" * 120]
)
def test_titles_are_text_and_nothing_else(made, tmp_path, title):
    shutil.copytree(made[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "report.json").write_text(json.dumps(made[1] | {"title": title}))
    assert typeset.typeset("summary", tmp_path, "2026-11-22T09:12:00Z").startswith(b"%PDF-")
    assert pages(tmp_path) == PAGES


def test_a_vein_without_a_narrowing_has_none_marked(tmp_path):
    document = report(tmp_path, clot=False, narrow=0.03)
    assert document["findings"][0].startswith("No focal narrowing: the largest area stenosis is")
    assert "narrowest" not in document["picture"]["alt"]


@pytest.fixture
def quick(monkeypatch):
    """Pictures of nothing: what is looked at is the page around them."""
    def blank(what, target):
        imsave(target, np.ones((PIXELS[1], PIXELS[0], 3)))
        return "flat"

    monkeypatch.setattr("postprocess.pictures.render.bare_picture", blank)


NAMELESS = {"SYN-0001", "CT venography", "2026-11-20", "left iliac", "inlet", "outlet"}
"""What a case calls things, and what stays as it is."""


def said(document):
    """Every text of a report that the program has written, and none that a case has."""
    kept = {"metrics", "words", "references", "assumptions", "provenance", "title", "subtitle",
            "subject", "report", "created", "status", "schema", "author", "language", "key",
            "file", "drawn_by", "flag", "state", "name", "ref", "alt"}
    if isinstance(document, dict):
        for key, value in document.items():
            if key not in kept:
                yield from said(value)
    elif isinstance(document, list):
        for value in document:
            yield from said(value)
    elif isinstance(document, str):
        yield document


def test_a_polish_report_says_nothing_in_english(tmp_path, made, quick):
    document = report(tmp_path, language="pl", patient=PATIENT | {"side": "right"})
    assert document["language"] == "pl"
    assert document["subtitle"].startswith("Strona prawa")
    english, polish = (set(said(d)) for d in (made[1], document))
    same = {text for text in english & polish if findall(r"[a-z]{4}", text)}
    assert not {text for text in same - {"Status"}
                if not any(name in text for name in NAMELESS)}
    assert not findall(r"\d\.\d", " ".join(row["value"] for row in document["rows"]))
    assert document["words"]["Findings"] == "Wyniki"
    assert pages(tmp_path) == PAGES
    assert document["metrics"] == made[1]["metrics"]


def test_a_polish_report_without_a_result(tmp_path):
    with pytest.raises(GateFailed):
        report(tmp_path, language="pl", attributes={"periodicity": 0.08})
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["failed"] == ["Zmiana między cyklami: 8\u00a0%, dozwolone najwyżej 2\u00a0%."]
    assert pages(tmp_path, "no_result") == 1
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(("attributes", "mesh", "name"), [
    ({"complete": 0}, {}, "Computation finished"),
    ({"periodicity": 0.03}, {}, "Change from cycle to cycle"),
    ({"gci": 0.3, "gci_of": "pressure gradient"}, {}, "Grid-convergence index"),
    ({"density": 1.06}, {}, "Inputs within the model's range"),
    ({}, {"cells_across_narrowest": 3.0}, "Cells across the narrowest lumen"),
])
def test_each_gate_that_fails_is_named_on_a_page_without_numbers(
    tmp_path, attributes, mesh, name
):
    with pytest.raises(GateFailed) as error:
        report(tmp_path, clot=False, attributes=attributes, mesh_attributes=mesh)
    assert error.value.exit_code == 5
    assert name in str(error.value)
    document = json.loads((tmp_path / "report.json").read_text())
    assert [line.partition(":")[0] for line in document["failed"]] == [name]
    assert document["advice"][0] != document["failed"][0]
    assert not {"rows", "findings", "metrics"} & set(document)
    assert pages(tmp_path, "no_result") == 1


def test_a_new_state_is_shown_in_every_form(tmp_path, quick):
    report(tmp_path, language="pl", clot=False)
    restate(tmp_path, "SIGNED – clinician A. B., 2026-11-23")
    document = json.loads((tmp_path / "report.json").read_text())
    assert ["Status", "PODPISANY – lekarz A. B., 2026-11-23"] in [
        [name, text.replace("\u00a0", " ")] for name, text in document["band"]]
    assert "PODPISANY" in (tmp_path / "report.html").read_text()
    (tmp_path / "report.json").write_text(json.dumps(document | {"schema": 1}))
    with pytest.raises(CaseError, match="another version"):
        restate(tmp_path, "DRAFT – not signed")


LETTERS = "Żółć gęślą jaźń · Příliš žluťoučký · ÅÄÖ ß ñ ğ İ · Ωμέγα · Вена"


@pytest.mark.parametrize("case", ["both sides", "twenty rows", "letters", "little known"])
def test_first_pages_that_are_hard_to_lay_out(tmp_path, case, quick):
    def change(found):
        rows = list(found.rows)
        extra = [row for row in rows if not row.brief and row.value is not None][:20]
        longer = [replace(row, brief=True, note="a note beside it")
                  for row in extra[: 20 - sum(row.brief for row in rows)]]
        names = {row.name for row in longer}
        return replace(found, rows=[row for row in rows if row.name not in names] + longer)

    made = report(tmp_path, **{
        "both sides": {"patient": PATIENT | {"side": "both"}, "title": LONG},
        "twenty rows": {"change": change, "title": LONG},
        "letters": {"title": LETTERS, "patient": PATIENT | {"study": LETTERS}},
        "little known": {
            "clot": False, "planes": False,
            "patient": dict.fromkeys(("pseudonym", "side"), "unknown")},
    }[case])
    assert pages(tmp_path) == PAGES
    if case == "twenty rows":
        further = [row for column in made["further"] for g in column for row in g["rows"]]
        assert len(made["rows"]) == 12
        assert sum(row["site"] == "a note beside it" for row in made["rows"] + further) == 10
        # none of those with a flag is pushed from the first page
        assert [row["flag"] for row in made["rows"]].count("high") == 2
    if case == "both sides":
        assert made["subtitle"].startswith("Both sides")


def test_a_letter_that_the_font_lacks_is_refused_by_name(tmp_path):
    printable(LETTERS)
    with pytest.raises(CaseError, match="静"):
        report(tmp_path, title="静脈", clot=False)
    assert not (tmp_path / "report.pdf").exists()


def test_a_report_needs_no_solver():
    code = (
        "import sys, postprocess.measure;"
        "from postprocess.reporting import comparison, report;"
        "print(sorted({'dolfinx', 'petsc4py', 'mpi4py', 'solvers', 'meshes'} & set(sys.modules)))"
    )
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "H5PY_ALWAYS_USE_MPI": "0"}
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], env=env, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
