"""Rules of the house that no checker knows: sizes that fit in a head, names that say something."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.record import PACKAGES, ROOT

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
NAMELESS = {"utils", "helpers", "misc", "common"}
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
BESIDE = [path for name in ("tests", "benchmarks") for path in sorted((ROOT / name).rglob("*.py"))]
ALL = [*SOURCES, *BESIDE]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_file_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_functions_fit_a_screen(path: Path) -> None:
    lines = {node.name: _lines(node) for node in _functions(path)}
    assert not {name: count for name, count in lines.items() if count > LONGEST_FUNCTION}


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_file_name_says_something(path: Path) -> None:
    assert path.stem not in NAMELESS


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_no_place_of_one_machine(path: Path) -> None:
    own = re.compile(r"[\"']/(home|root|work|Users)/")
    assert not own.search(path.read_text()) or path == Path(__file__).resolve()


def test_there_is_something_to_check() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(PACKAGES)
