"""The reduced clotting model: Hockin and Mann's cascade with its enzyme–substrate complexes at
equilibrium.

Complexes form within a second and are written as algebra: TF:VIIa shares X, IX and itself; X
competes for tenase; prothrombinase W = bound(Xa, Va) with II in competition; thrombin sits on
fibrin and on thrombomodulin. What is left has no stiff binding step and no fitted constant.
Against the full model its peak and time to peak differ by less than 2 %, its area by 0.2 % (5 to
25 pM tissue factor; `benchmarks/clot_chemistry.py`).
Drug-bound Xa and thrombin are states of their own: they are hidden from antithrombin while bound,
which an inhibited fraction at equilibrium would miss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.chemistry.binding import bound, shared
from solvers.chemistry.conditions import Conditions
from solvers.chemistry.constants import K
from solvers.chemistry.kernel import Kernel
from solvers.chemistry.species import BY_NAME, OPTIONAL, chosen

Array = NDArray[Any]
Terms = dict[str, Any]


@dataclass(frozen=True)
class Free:
    """Who holds whom [nM]: free Xa, free drug-bound Xa, free thrombin, thrombin on
    thrombomodulin; prothrombinase, its part without prothrombin, its part with drug.
    """

    xa: Any
    xad: Any
    iia: Any
    iia_tm: Any
    w: Any
    wf: Any
    wd: Any


@dataclass(frozen=True)
class Reduced(Kernel):
    """The reduced model as a kernel: state (names, points) in nM."""

    conditions: Conditions = field(default_factory=Conditions)
    names: tuple[str, ...] = field(default_factory=chosen)

    def __post_init__(self) -> None:
        q = self.conditions
        needed = chosen(
            xa_drug=q.xa_drug is not None,
            iia_drug=q.iia_drug is not None,
            brake=bool(np.any(q.thrombomodulin)),
            feedback=bool(np.any(q.feedback)),
        )
        if missing := (OPTIONAL & set(needed)) - set(self.names):
            raise ValueError(f"these conditions need the states {sorted(missing)}")

    @property
    def scale(self) -> Array:
        """Amounts (names) below which nothing depends on a species [nM]."""
        return np.array([BY_NAME[name].scale for name in self.names])

    def laws(self, rows: Sequence[Any]) -> list[Any]:
        """d(state)/dt by name [nM/s]."""
        named = self.named(rows)
        change = self.change(named, self.free(named))
        return [change[name] for name in self.names]

    def named(self, rows: Sequence[Any]) -> Terms:
        """Every species by name: a row of the state, or its level in plasma."""
        known = dict(zip(self.names, rows, strict=True))
        plasma = self.conditions.plasma
        for name, species in BY_NAME.items():
            if name not in known:
                known[name] = getattr(plasma, name, species.normal)
        return known

    def change(self, c: Mapping[str, Any], free: Free) -> Terms:
        """d/dt of every species [nM/s]."""
        q = self.conditions
        total: Terms = dict.fromkeys(c, 0.0)
        parts = (
            _tissue_factor(c, q, free),
            _cofactors(c, q, free),
            _thrombin(c, q, free),
            _antithrombin(c, q, free),
            _drugs(c, q, free),
            _options(c, q, free),
        )
        for part in parts:
            for name, term in part.items():
                total[name] = total[name] + term
        return total

    def free(self, c: Mapping[str, Any]) -> Free:
        """Free enzymes and prothrombinase at binding equilibrium."""
        q = self.conditions
        crowd = 1.0 + c["II"] * (1.0 / K["ii_w_km"])
        kd = K["w_kd"] / crowd
        if q.xa_drug is None:
            w, wd = bound(c["Xa"], c["Va"], kd), 0.0
        else:
            w, wd = shared(c["Va"], c["Xa"], kd, c["XaD"], K["w_kd"])
        sites = c["F"] * q.fibrin.sites
        on_fibrin: Any = 0.0
        on_tm: Any = 0.0
        if _absent(c["APC"]):
            if q.fibrin.sites:
                on_fibrin = bound(c["IIa"], sites, K["fibrin_kd"])
        else:
            on_fibrin, on_tm = shared(
                c["IIa"], sites, K["fibrin_kd"], q.thrombomodulin, K["tm_kd"]
            )
        iia = c["IIa"] - on_fibrin - on_tm
        return Free(c["Xa"] - w, c["XaD"] - wd, iia, on_tm, w, w / crowd, wd)


def _absent(amount: Any) -> bool:
    """Whether a species is no state: by the names, never by values, which differ by batch."""
    return isinstance(amount, float)


def _tissue_factor(c: Mapping[str, Any], q: Conditions, free: Free) -> Terms:
    """TF:VIIa makes Xa and IXa; TFPI and antithrombin stop it; VII is activated."""
    vii, xa = q.plasma.VII, free.xa
    held = K["tfpi_xa"] * xa * c["TFPI"] - K["tfpi_xa_off"] * c["Xa:TFPI"]
    terms = {
        "Xa": -held,
        "TFPI": -held,
        "Xa:TFPI": held,
        "VIIa": (K["vii_xa"] * xa + K["vii_iia"] * free.iia) * vii,
    }
    if _absent(c["TF"]):
        return terms
    e = c["E"] / (1.0 + c["X"] * (1.0 / K["x_e_km"]) + c["IX"] * (1.0 / K["ix_e_km"]))
    made = K["x_e_kcat"] / K["x_e_km"] * e * c["X"]
    exa = (made + K["exa_on"] * e * xa) / (K["exa_off"] + K["tfpi_exa"] * c["TFPI"])
    stop = K["tfpi_exa"] * exa * c["TFPI"]
    stop_e = K["tfpi_e"] * e * c["Xa:TFPI"]
    ixa = K["ix_e_kcat"] / K["ix_e_km"] * e * c["IX"]
    on = K["tf_viia"] * c["TF"] * c["VIIa"] - K["tf_viia_off"] * e
    on_vii = K["tf_vii"] * vii * c["TF"] - K["tf_vii_off"] * c["TF:VII"]
    at = K["at_e"] * c["AT"] * e
    return {
        "TF": -on - on_vii,
        "TF:VII": on_vii,
        "E": on - stop - stop_e - at,
        "AT": -at,
        "X": -made,
        "IX": -ixa,
        "IXa": ixa,
        "Xa": made - stop - held,
        "TFPI": -stop - held,
        "Xa:TFPI": held - stop_e,
        "VIIa": terms["VIIa"] - on + K["vii_e"] * vii * e,
    }


def _cofactors(c: Mapping[str, Any], q: Conditions, free: Free) -> Terms:
    """Thrombin activates V and VIII; tenase forms, makes Xa, and falls apart."""
    activated = K["cofactor"] * free.iia * c["u"]
    share = c["X"] / (K["x_z_km"] + c["X"])
    form = q.lipid * (K["z_on"] * c["VIIIa"] * c["IXa"]) - K["z_off"] * c["Z"] * (1.0 - share)
    apart = K["z_loss"] * c["Z"]
    made = q.lipid * K["x_z_kcat"] * c["Z"] * share
    return {
        "u": -activated,
        "Va": q.plasma.V * activated,
        "VIIIa": q.plasma.VIII * activated - form - K["viiia_loss"] * c["VIIIa"],
        "IXa": apart - form,
        "Z": form - apart,
        "Xa": made,
        "X": -made,
    }


def _thrombin(c: Mapping[str, Any], q: Conditions, free: Free) -> Terms:
    """Prothrombin → meizothrombin → thrombin, and fibrinogen → fibrin."""
    cut = q.lipid * K["ii_w_kcat"] * (free.w - free.wf)
    ripen = q.lipid * K["miia_w"] * c["mIIa"] * free.wf
    slow = K["ii_xa"] * free.xa * c["II"]
    fibrin = q.fibrin.kcat * free.iia * (c["Fg"] / (q.fibrin.km + c["Fg"]))
    return {
        "II": -cut - slow,
        "mIIa": cut - ripen,
        "IIa": ripen + slow,
        "Fg": -fibrin,
        "F": fibrin,
    }


def _antithrombin(c: Mapping[str, Any], q: Conditions, free: Free) -> Terms:
    """Antithrombin takes free enzymes for good; heparins make it faster."""
    at = c["AT"]
    xa = K["at_xa"] * at * free.xa
    miia = K["at_miia"] * at * c["mIIa"]
    iia = K["at_iia"] * at * (free.iia + free.iia_tm)
    ixa = K["at_ixa"] * at * c["IXa"]
    if q.heparin is not None:
        share = at * (1.0 / q.normal_at)
        xa = xa + (q.heparin.xa * free.xa + q.heparin.complex * free.wf) * share
        miia = miia + q.heparin.iia * c["mIIa"] * share
        iia = iia + q.heparin.iia * free.iia * share
        ixa = ixa + q.heparin.ixa * c["IXa"] * share
    return {"Xa": -xa, "mIIa": -miia, "IIa": -iia, "IXa": -ixa, "AT": -(xa + miia + iia + ixa)}


def _drugs(c: Mapping[str, Any], q: Conditions, free: Free) -> Terms:
    """Direct inhibitors bind and leave; what they hold is hidden from everything else."""
    terms: Terms = {}
    if q.xa_drug is not None:
        d = q.xa_drug
        held = (
            (d.on * d.free) * free.xa
            + (d.on_complex * d.free) * free.wf
            - d.off * free.xad
            - d.off_complex * free.wd
        )
        terms |= {"Xa": -held, "XaD": held}
    if q.iia_drug is not None:
        d = q.iia_drug
        held = (d.on * d.free) * free.iia - d.off * c["IIaD"]
        held_m = (d.on * d.free) * c["mIIa"] - d.off * c["mIIaD"]
        ripen = q.lipid * K["miia_w"] * c["mIIaD"] * free.wf
        terms |= {"IIa": -held, "IIaD": held + ripen, "mIIa": -held_m, "mIIaD": held_m - ripen}
    return terms


def _options(c: Mapping[str, Any], q: Conditions, free: Free) -> Terms:
    """The brake (thrombomodulin, protein C) and the feedback (XI by thrombin)."""
    terms: Terms = {}
    if not _absent(c["APC"]):
        # prothrombinase hides its Va from protein C
        apc = K["apc_va_kcat"] * bound(c["APC"], c["Va"] - free.w - free.wd, K["apc_va_km"])
        pc = q.plasma.PC
        made = K["pc_tm_kcat"] * free.iia_tm * (pc / (K["pc_tm_km"] + pc))
        terms |= {"Va": -apc, "APC": made - K["apc_loss"] * c["APC"]}
    if not _absent(c["XIa"]):
        xia = q.feedback * K["xi_kcat"] * free.iia * (c["XI"] / (K["xi_km"] + c["XI"]))
        ixa = K["ix_xia_kcat"] * c["XIa"] * (c["IX"] / (K["ix_xia_km"] + c["IX"]))
        terms |= {"XI": -xia, "XIa": xia - K["xia_loss"] * c["XIa"], "IX": -ixa, "IXa": ixa}
    return terms
