"""A typst template and report.json → a tagged PDF/A-3a, PDF/UA-1 file; any warning is an error."""

import calendar
import os
import re
import time
from pathlib import Path
from typing import Any

import typst

from core.errors import TwinError
from postprocess.pictures.look import FONT, FONTS

TEMPLATES = Path(__file__).with_name("templates")
STANDARDS = ["a-3a", "ua-1"]
WORD = re.compile(r'w\("([^"]+)"\)')


def typeset(template: str, folder: Path, created: str, *, fonts: Path = FONTS) -> bytes:
    """The PDF of ``template`` with report.json and figures/ of ``folder``.

    ``created`` (ISO 8601, UTC) is the date in the file; SOURCE_DATE_EPOCH overrides it, so that
    the same input gives the same bytes. Raises `TwinError` where typst complains of anything.
    """
    pages = (TEMPLATES / f"{template}.typ").read_text(encoding="utf-8")
    common = (TEMPLATES / "common.typ").read_text(encoding="utf-8")
    # one source: the folder of the run is the root, and templates are not copied into it
    source = pages.replace('#import "common.typ": *\n', common)
    compiled: Any = typst.compile_with_warnings
    try:
        pdf, warnings = compiled(
            source.encode(), root=str(folder), font_paths=[str(fonts)], ignore_system_fonts=True,
            format="pdf", pdf_standards=STANDARDS, timestamp=_epoch(created),
        )
    except (typst.TypstError, RuntimeError, ValueError) as error:
        raise _refused(f"the report could not be typeset: {error}", folder) from error
    if warnings:
        text = "; ".join(str(getattr(warning, "message", warning)) for warning in warnings)
        raise _refused(f"typesetting the report gave a warning: {text}", folder)
    if not isinstance(pdf, bytes):
        raise _refused("typesetting the report gave no single document", folder)
    return pdf


def sheet_words() -> list[str]:
    """The English words that the templates themselves print, as `w("…")`."""
    pages = (path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.glob("*.typ")))
    return list(dict.fromkeys(word for page in pages for word in WORD.findall(page)))


def _refused(what: str, folder: Path) -> TwinError:
    do = f"check the texts of the case; the font {FONT} comes with the program"
    return TwinError(what, where=str(folder / "report.json"), do=do)


def _epoch(created: str) -> int:
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    return calendar.timegm(time.strptime(created, "%Y-%m-%dT%H:%M:%SZ"))
