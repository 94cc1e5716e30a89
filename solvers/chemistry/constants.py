"""Rate constants of the clotting model, in nM and seconds, each with its source."""

from dataclasses import dataclass

HM = "Hockin et al. 2002 (BioModels 335)"
BZ = "Brummel-Ziedins et al. 2012"
CD = "Chen & Diamond 2019"


@dataclass(frozen=True)
class Constant:
    """A rate constant: value, unit, what it is of, where it is from."""

    value: float
    unit: str
    meaning: str
    source: str


TABLE = {
    "tf_vii": Constant(3.2e-3, "1/nM/s", "TF + VII → TF:VII", HM),
    "tf_vii_off": Constant(3.1e-3, "1/s", "TF:VII → TF + VII", HM),
    "tf_viia": Constant(2.3e-2, "1/nM/s", "TF + VIIa → TF:VIIa", HM),
    "tf_viia_off": Constant(3.1e-3, "1/s", "TF:VIIa → TF + VIIa", HM),
    "vii_e": Constant(4.4e-4, "1/nM/s", "TF:VIIa + VII → TF:VIIa + VIIa", HM),
    "vii_xa": Constant(1.3e-2, "1/nM/s", "Xa + VII → Xa + VIIa", HM),
    "vii_iia": Constant(2.3e-5, "1/nM/s", "IIa + VII → IIa + VIIa", HM),
    "x_e_km": Constant(282.0, "nM", "X on TF:VIIa, (1.05 + 6)/2.5e7 M", HM),
    "x_e_kcat": Constant(6.0, "1/s", "X on TF:VIIa", HM),
    "exa_off": Constant(19.0, "1/s", "TF:VIIa:Xa → TF:VIIa + Xa", HM),
    "exa_on": Constant(2.2e-2, "1/nM/s", "TF:VIIa + Xa → TF:VIIa:Xa", HM),
    "ix_e_km": Constant(420.0, "nM", "IX on TF:VIIa, (2.4 + 1.8)/1e7 M", HM),
    "ix_e_kcat": Constant(1.8, "1/s", "IX on TF:VIIa", HM),
    "ii_xa": Constant(7.5e-6, "1/nM/s", "Xa + II → Xa + IIa", HM),
    "cofactor": Constant(2e-2, "1/nM/s", "IIa + V → Va, IIa + VIII → VIIIa", HM),
    "z_on": Constant(1e-2, "1/nM/s", "VIIIa + IXa → tenase", HM),
    "z_off": Constant(5e-3, "1/s", "tenase → VIIIa + IXa", HM),
    "x_z_km": Constant(82.01, "nM", "X on tenase, (1e-3 + 8.2)/1e8 M", HM),
    "x_z_kcat": Constant(8.2, "1/s", "X on tenase", HM),
    "viiia_loss": Constant(6e-3, "1/s", "VIIIa falls apart", HM),
    "z_loss": Constant(1e-3, "1/s", "tenase loses VIIIa", HM),
    "w_kd": Constant(0.5, "nM", "prothrombinase Xa:Va, 0.2/4e8 M", HM),
    "ii_w_km": Constant(1665.0, "nM", "II on prothrombinase, (103 + 63.5)/1e8 M", HM),
    "ii_w_kcat": Constant(63.5, "1/s", "II on prothrombinase", HM),
    "miia_w": Constant(1.5e-2, "1/nM/s", "mIIa + prothrombinase → IIa", HM),
    "tfpi_xa": Constant(9e-4, "1/nM/s", "Xa + TFPI → Xa:TFPI", HM),
    "tfpi_xa_off": Constant(3.6e-4, "1/s", "Xa:TFPI → Xa + TFPI", HM),
    "tfpi_exa": Constant(0.32, "1/nM/s", "TF:VIIa:Xa + TFPI, final", HM),
    "tfpi_e": Constant(0.05, "1/nM/s", "TF:VIIa + Xa:TFPI, final", HM),
    "at_xa": Constant(1.5e-6, "1/nM/s", "AT + Xa", HM),
    "at_miia": Constant(7.1e-6, "1/nM/s", "AT + mIIa", HM),
    "at_ixa": Constant(4.9e-7, "1/nM/s", "AT + IXa", HM),
    "at_iia": Constant(7.1e-6, "1/nM/s", "AT + IIa", HM),
    "at_e": Constant(2.3e-7, "1/nM/s", "AT + TF:VIIa", HM),
    "tm_kd": Constant(3.3, "nM", "thrombomodulin with IIa, 0.33/1e8 M", BZ),
    "pc_tm_km": Constant(1004.0, "nM", "protein C on IIa:TM, (100 + 0.41)/1e8 M", BZ),
    "pc_tm_kcat": Constant(0.41, "1/s", "protein C on IIa:TM", BZ),
    "apc_va_km": Constant(18.92, "nM", "Va on APC, (0.7 + 1.192)/1e8 M", BZ),
    "apc_va_kcat": Constant(1.192, "1/s", "Va on APC, either of its two cuts", BZ),
    "apc_loss": Constant(5.8e-4, "1/s", "APC in plasma, half-life 20 min", "textbook; a prior"),
    "xi_kcat": Constant(1.3e-4, "1/s", "XI by thrombin", CD),
    "xi_km": Constant(50.0, "nM", "XI by thrombin", CD),
    "ix_xia_kcat": Constant(0.21, "1/s", "IX by XIa", CD),
    "ix_xia_km": Constant(200.0, "nM", "IX by XIa", CD),
    "xia_loss": Constant(1e-3, "1/s", "XIa in plasma", "of the order of its inhibitors; a prior"),
    "fibrin_kd": Constant(100.0, "nM", "thrombin on γ′ sites of fibrin, 10/(100 /µM/s)", CD),
}

K = {name: constant.value for name, constant in TABLE.items()}
"""The values by name."""
