from pathlib import Path

from core.record import ROOT
from postprocess.metric_list import markdown
from postprocess.metrics import metrics


def test_the_page_is_that_of_the_code():
    assert Path(ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == markdown(), (
        "run `dvtwin metrics --markdown > docs/metrics.md`")


def test_every_metric_is_listed_once():
    text = markdown()
    assert all(text.count(f"| `{name}` |") == 1 for name in metrics())
