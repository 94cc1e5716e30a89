"""Designs have the distribution and the balance that their names promise."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from calibration.designs import Distribution, chosen, latin_hypercube, posterior, saltelli
from core.errors import CaseError


@pytest.mark.parametrize(
    ("distribution", "exact"),
    [
        (Distribution("uniform", {"low": 2.0, "high": 6.0}), stats.uniform(2, 4)),
        (Distribution("normal", {"mean": 3.0, "sd": 0.5}), stats.norm(3, 0.5)),
        (Distribution("lognormal", {"median": 2.0, "factor": 1.5}),
         stats.lognorm(np.log(1.5), scale=2)),
        (Distribution("triangular", {"low": 0.0, "mode": 1.0, "high": 4.0}),
         stats.triang(0.25, 0, 4)),
    ],
)
def test_values_are_the_quantiles(distribution: Distribution, exact: object) -> None:
    shares = np.array([0.025, 0.16, 0.5, 0.84, 0.975])
    np.testing.assert_allclose(distribution.values(shares), exact.ppf(shares), rtol=1e-12)


def test_a_lognormal_factor_holds_68_percent() -> None:
    low, high = Distribution("lognormal", {"median": 2.0, "factor": 1.5}).values(
        stats.norm.cdf([-1, 1]))
    assert (low, high) == pytest.approx((2 / 1.5, 2 * 1.5))


def test_a_cut_normal_is_the_truncated_normal() -> None:
    cut = Distribution("normal", {"mean": 1.0, "sd": 2.0}, least=0.0, most=2.5)
    shares = np.linspace(0.01, 0.99, 23)
    exact = stats.truncnorm((0 - 1) / 2, (2.5 - 1) / 2, 1, 2).ppf(shares)
    np.testing.assert_allclose(cut.values(shares), exact, rtol=1e-10)


@pytest.mark.parametrize(
    "wrong",
    [
        Distribution("uniform", {"low": 2.0, "high": 2.0}),
        Distribution("normal", {"mean": 2.0, "sd": 0.0}),
        Distribution("lognormal", {"median": 2.0, "factor": 1.0}),
        Distribution("triangular", {"low": 0.0, "mode": 5.0, "high": 4.0}),
        Distribution("uniform", {"low": 0.0, "high": 1.0}, least=3.0),
    ],
)
def test_what_is_no_distribution_is_refused(wrong: Distribution) -> None:
    with pytest.raises(ValueError, match=r"above|between|leave nothing"):
        wrong.values(np.array([0.5]))


def test_a_latin_hypercube_has_one_member_in_each_part() -> None:
    shares = latin_hypercube(40, 3, seed=1)
    assert shares.shape == (40, 3)
    for column in np.floor(40 * shares).astype(int).T:
        assert sorted(column) == list(range(40))
    np.testing.assert_array_equal(shares, latin_hypercube(40, 3, seed=1))
    assert not np.array_equal(shares, latin_hypercube(40, 3, seed=2))


def test_a_saltelli_block_changes_one_column_at_a_time() -> None:
    blocks = saltelli(16, 3, seed=1).reshape(16, 5, 3)
    first, last = blocks[:, 0], blocks[:, -1]
    for field in range(3):
        mixed = blocks[:, 1 + field]
        np.testing.assert_array_equal(mixed[:, field], last[:, field])
        others = [other for other in range(3) if other != field]
        np.testing.assert_array_equal(mixed[:, others], first[:, others])
    with pytest.raises(ValueError, match="power of two"):
        saltelli(12, 3, seed=1)


def test_samples_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "posterior.csv"
    file.write_text("# of visit 2\nflow.density [kg/m^3],mesh.stenosis\n1060,0.6\n1050,0.7\n"
                    "1055,0.65\n")
    names, values = posterior(file)
    assert names == [("flow.density", "kg/m^3"), ("mesh.stenosis", "1")]
    assert values.shape == (3, 2)
    two = chosen(values, 2, seed=3)
    assert {tuple(row) for row in two} < {tuple(row) for row in values}
    with pytest.raises(ValueError, match="3 samples"):
        chosen(values, 4, seed=3)


@pytest.mark.parametrize("text", ["", "a [1]\nx\n", "a,b\n1,2\n3\n", "a\nnan\n"])
def test_a_broken_file_of_samples(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(CaseError, match="cannot read the samples"):
        posterior(tmp_path / "bad.csv")
    with pytest.raises(CaseError, match="No such file"):
        posterior(tmp_path / "none.csv")
