"""A folder of DICOM images → the same without a trace of whose they are."""

import contextlib
import secrets
import warnings
from collections import Counter
from pathlib import Path

from core.deidentify import deidentify, scan
from core.errors import CaseError
from jobs.folder import unwritable

KEY_BYTES = 32


def images(source: Path, out: Path, pseudonym: str, key: Path | None) -> tuple[int, list[str]]:
    """De-identify every DICOM file below ``source`` into ``out``, under new file names.

    Gives how many, and what was left out. Without a ``key`` file UIDs are replaced by a key that
    is used once and forgotten. Nothing of ``source``, not even a file's name, is written or said.
    Raises `CaseError`; then ``out`` holds nothing.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    secret = _secret(key)
    out = _fresh(out)
    made, dropped = 0, Counter[str]()
    try:
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            with contextlib.suppress(InvalidDicomError), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they would quote what must not be told
                dataset = dcmread(path)
                dropped.update(set(scan(dataset)))
                made += 1
                deidentify(dataset, pseudonym, secret).save_as(
                    out / f"{made:05d}.dcm", enforce_file_format=True
                )
    except BaseException:
        for path in out.glob("*.dcm"):
            path.unlink()
        raise
    if not made:
        raise CaseError("there is no DICOM file here", where="DIR", do="name the series' folder")
    return made, [f"{name} ({count})" for name, count in sorted(dropped.items())]


def _secret(key: Path | None) -> bytes:
    if key is None:
        return secrets.token_bytes(KEY_BYTES)
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex(KEY_BYTES) + "\n")
    try:
        secret = bytes.fromhex(key.read_text().strip())
    except ValueError:
        secret = b""
    if len(secret) < KEY_BYTES:
        raise CaseError(
            "this is no key: it must hold 64 hexadecimal digits",
            where=str(key),
            do="name a file that does not exist: a key is then made",
        )
    return secret


def _fresh(out: Path) -> Path:
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(error, out) from error
    if any(out.iterdir()):
        raise CaseError("this folder is not empty", where=str(out), do="give a new one: --out DIR")
    return out
