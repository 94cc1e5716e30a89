"""A part is added by dropping in a file, and found by its kind."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from core.registry import Registry

BASE = '''
from core.registry import Registry
from core.settings import Settings

class Pump(Settings):
    """A family."""

pumps = Registry("pump", __name__, Pump)
'''
PART = """
from typing import Literal
from core.settings import quantity
from {package} import Pump

class {name}(Pump):
    kind: Literal["{kind}"] = "{kind}"
    rate: float = quantity("1/s", "1 1/s", "strokes", above="0 1/s")
"""


@pytest.fixture
def pumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    package = f"pumps_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").write_text(BASE)
    (folder / "calf.py").write_text(PART.format(package=package, name="Calf", kind="calf"))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module(package).pumps
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]


def test_a_dropped_in_file_adds_a_part(pumps: Registry, tmp_path: Path) -> None:
    assert list(pumps.parts()) == ["calf"]
    part = PART.format(package=pumps.package, name="Foot", kind="foot")
    (tmp_path / pumps.package / "foot.py").write_text(part)
    importlib.invalidate_caches()
    assert sorted(pumps.parts()) == ["calf", "foot"]
    built = pumps.build({"kind": "foot", "rate": "90 1/min"})
    assert type(built).__name__ == "Foot"
    assert built.rate == pytest.approx(1.5)
    assert pumps.build(built) is built


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"kind": "claf"}, "no pump of kind 'claf'; did you mean 'calf'"),
        ({"kind": "zzz"}, "there are calf"),
        ({"rate": "1 1/s"}, "needs kind"),
        ("calf", "needs kind"),
        ({"kind": "calf", "rate": "0 1/s"}, "rate: .*greater than 0"),
        ({"kind": "calf", "rat": "1 1/s"}, "did you mean 'rate'"),
        ({"kind": "calf", "rate": "1 m"}, "wrong dimension"),
    ],
)
def test_mistakes_are_said(pumps: Registry, table: object, said: str) -> None:
    with pytest.raises(PydanticCustomError, match=said):
        pumps.build(table)


def test_the_solvers_families_have_their_parts() -> None:
    from solvers.boundaries import conditions
    from solvers.clots import models
    from solvers.rheology import laws
    from solvers.waveforms import shapes

    assert {"flow_rate", "pressure"} <= set(conditions.parts())
    assert {"newtonian", "carreau"} <= set(laws.parts())
    assert {"constant", "breath"} <= set(shapes.parts())
    assert {"growth"} <= set(models.parts())
