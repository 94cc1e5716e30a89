"""A finished run folder, fabricated: a stenosed tube's results, measured and reported, sealed."""

import atexit
import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np

from core.record import digest_file
from core.settings import rows
from jobs import audit
from jobs.case import dump, load
from jobs.folder import Folder
from jobs.hospital import signing
from postprocess.measure import measure
from postprocess.reporting.report import write
from tests.postprocess.conftest import KEY
from tests.postprocess.tube import Tube
from tests.postprocess.tube import write as fabricate

SMALL = {"rings": 4, "spokes": 20, "layers": 51, "narrow": 0.45}
CASE = """
title = "Left iliac compression"

[patient]
pseudonym = "SYN-0001"
side = "left"
sex = "female"
age_band = "30-39"
study = "CT venography"
date = 2026-11-20

[mesh]
kind = "mask"
path = "veins.nii.gz"
labels = [7]
unit = "mm"
root = "outlet"
size = "2 mm"
openings.inlet = { at = ["0 mm", "0 mm", "0 mm"] }
openings.outlet = { at = ["0 mm", "0 mm", "100 mm"] }

[measure]
segment = "LCIV"

[flow]
period = "4 s"
[flow.boundary]
inlet = { kind = "flow_rate", mean = "360 mL/min" }
outlet = { kind = "pressure", pressure = "10 mmHg" }
"""


def label_image(path: Path) -> Path:
    """A cylinder with label 7 in an image that is turned and shifted against the patient."""
    import SimpleITK as sitk  # noqa: N813

    values = np.zeros((25, 20, 18), np.uint8)
    y, x = np.mgrid[:20, :18]
    values[2:-2, (y - 9) ** 2 + (x - 8) ** 2 < 36] = 7
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((1.0, 1.0, 4.0))
    image.SetOrigin((-8.0, -9.0, 5.0))
    c, s = np.cos(0.1), np.sin(0.1)
    image.SetDirection((c, -s, 0, s, c, 0, 0, 0, 1))
    sitk.WriteImage(image, str(path))
    return path


def finished(base: Path, case: str = CASE, **properties: object) -> Folder:
    """A run in ``base``/run as the pipeline leaves it."""
    image = label_image(base / "veins.nii.gz")
    (base / "case.toml").write_text(case)
    read = load(base / "case.toml")
    folder = Folder(base / "run")
    folder.make()
    folder.case.write_text(dump(read))
    fabricate(folder.results, Tube(**SMALL | properties))
    with h5py.File(folder.results, "r+") as file:
        record = json.loads(file["dvtwin"].attrs["record"])
        record["inputs"] = {"image": {"sha256": digest_file(image)}}
        file["dvtwin"].attrs["record"] = json.dumps(record)
    measure(folder.results, folder.metrics, read.measure, key=KEY)
    folder.set_status(state="done", title=read.title, case="case.toml", base="..", commit="3f2a")
    audit.note(folder.audit, "run", case="case.toml")
    write(
        folder.metrics,
        folder.results,
        folder.path,
        title=read.title,
        patient=read.patient.model_dump(mode="json"),
        assumptions=list(rows(read)),
        key=KEY,
    )
    signing.seal(folder)
    return folder


@cache
def _made() -> Path:
    keep = TemporaryDirectory(prefix="dvtwin-test-")
    atexit.register(keep.cleanup)
    finished(Path(keep.name))
    return Path(keep.name)


def copy(to: Path) -> Folder:
    """A copy of one finished run, made once for all tests."""
    shutil.copytree(_made(), to, dirs_exist_ok=True)
    return Folder(to / "run")


def take(folder: Folder, upto: str, **last: str) -> None:
    """Sign the report step by step, up to the state ``upto``."""
    path = (
        (signing.TECHNICAL, signing.MODELER),
        (signing.CLINICAL, signing.CLINICIAN),
        (signing.SIGNED, signing.CLINICIAN),
    )
    for state, role in path:
        more = last if state == upto else {}
        signing.sign(folder, signing.Step(state, role, "all seen", **more))
        if state == upto:
            return
