"""Recorded traces: the same breath from every kind of file, and nothing from noise."""

from pathlib import Path

import edfio
import numpy as np
import pytest

from calibration.periodic import PHASES, reduce
from calibration.signals import Trace, read
from core.errors import CaseError

RATE, SECONDS, PERIOD = 50.0, 60.0, 4.0


def breathing(noise: float = 0.1, seed: int = 0) -> np.ndarray:
    """A velocity envelope [cm/s] that breathes, its cycles of uneven length."""
    rng = np.random.default_rng(seed)
    lengths = PERIOD * (1.0 + 0.05 * rng.standard_normal(40))
    ends = np.concatenate([[0.0], np.cumsum(lengths)])
    times = np.arange(0.0, SECONDS, 1.0 / RATE)
    phase = np.interp(times, ends, np.arange(len(ends)))
    clean = 20.0 + 6.0 * np.cos(2 * np.pi * phase) + 2.0 * np.cos(4 * np.pi * phase)
    return clean + noise * rng.standard_normal(len(times))


def trace(samples: np.ndarray) -> Trace:
    return Trace("envelope", "cm/s", RATE, samples)


def test_a_breath_is_found_with_its_scatter() -> None:
    wave = reduce(trace(breathing()), "breath")
    assert wave.period == pytest.approx(PERIOD, rel=0.03)
    assert wave.period_sd == pytest.approx(0.2, abs=0.12)
    assert wave.used >= 10
    assert wave.mean.shape == wave.scatter.shape == (PHASES,)
    # the cycle begins at its top, 20 + 6 + 2
    assert wave.mean[0] == pytest.approx(28.0, abs=0.5)
    assert wave.mean.mean() == pytest.approx(20.0, abs=0.4)
    assert wave.scatter.mean() < 1.0


def test_scatter_grows_with_the_noise() -> None:
    quiet, loud = (reduce(trace(breathing(noise)), "breath") for noise in (0.1, 2.0))
    assert loud.scatter.mean() > 2.0 * quiet.scatter.mean()


def test_a_cough_is_left_out() -> None:
    samples = breathing()
    samples[1500:1560] += 80.0
    wave = reduce(trace(samples), "breath")
    assert wave.used < wave.found
    assert wave.mean.mean() == pytest.approx(20.0, abs=1.5)


def test_heart_beats_are_found() -> None:
    times = np.arange(0.0, 20.0, 1.0 / 200.0)
    beat = np.exp(-0.5 * (((times % 0.85) - 0.3) / 0.03) ** 2)
    wave = reduce(Trace("II", "mV", 200.0, beat), "heart")
    assert wave.period == pytest.approx(0.85, rel=0.02)


@pytest.mark.parametrize("samples", [np.random.default_rng(0).standard_normal(3000),
                                     np.linspace(0.0, 1.0, 3000), breathing()[:60]])  # fmt: skip
def test_without_a_rhythm_there_is_no_waveform(samples: np.ndarray) -> None:
    with pytest.raises(CaseError, match="no breathing is found"):
        reduce(trace(samples), "breath")


def write_csv(folder: Path) -> Path:
    times = np.arange(len(breathing())) / RATE
    rows = [f"{t:.4f}, {v:.6f}, 0.0" for t, v in zip(times, breathing(), strict=True)]
    path = folder / "trace.csv"
    path.write_text("\n".join(["time, envelope, other", *rows]))
    return path


def write_wfdb(folder: Path) -> Path:
    wfdb = pytest.importorskip("wfdb")
    wfdb.wrsamp("trace", fs=RATE, units=["cm/s"], sig_name=["envelope"], fmt=["24"],
                p_signal=breathing()[:, None], write_dir=str(folder))  # fmt: skip
    return folder / "trace.hea"


def write_edf(folder: Path) -> Path:
    path = folder / "trace.edf"
    signal = edfio.EdfSignal(
        breathing(), RATE, label="envelope", physical_dimension="cm/s", physical_range=(0.0, 40.0)
    )
    edfio.Edf([signal]).write(path)
    return path


def write_dicom(folder: Path) -> Path:
    import pydicom
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    def coded(code: str, meaning: str) -> Dataset:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "99TEST", meaning
        return item

    channel = Dataset()
    channel.ChannelSourceSequence = [coded("1", "envelope")]
    channel.ChannelSensitivity, channel.ChannelBaseline = "0.001", "0"
    channel.ChannelSensitivityCorrectionFactor = "1"
    channel.ChannelSensitivityUnitsSequence = [coded("cm/s", "velocity")]
    channel.WaveformBitsStored = 16
    group = Dataset()
    samples = np.round(1000.0 * breathing()).astype("<i2")
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = 1, len(samples)
    group.SamplingFrequency, group.WaveformOriginality = str(RATE), "ORIGINAL"
    group.ChannelDefinitionSequence = [channel]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = samples.tobytes()
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.9.6.1"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.PatientName = "Nobody^At^All"
    dataset.WaveformSequence = [group]
    path = folder / "trace.dcm"
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return path


@pytest.mark.parametrize("write", [write_csv, write_wfdb, write_edf, write_dicom])
def test_every_kind_of_file_gives_the_same_trace(write: object, tmp_path: Path) -> None:
    found = read(write(tmp_path), "envelope")  # type: ignore[operator]
    assert found.rate == pytest.approx(RATE, rel=1e-3)
    assert found.name == "envelope"
    # EDF has 16 bits for 40 cm/s, DICOM here 0.001 cm/s
    assert found.samples == pytest.approx(breathing(), abs=2e-3)
    assert reduce(found, "breath").period == pytest.approx(PERIOD, rel=0.03)


def test_a_channel_is_found_by_name_or_number(tmp_path: Path) -> None:
    path = write_csv(tmp_path)
    assert read(path, "0").name == read(path).name == "envelope"
    with pytest.raises(CaseError, match="no channel 'ecg'"):
        read(path, "ecg")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "0, 1\n0.1, 2\n0.5, 3\n", "not evenly spaced"),
        ("a.csv", "0.1\n0.2\n", "needs columns"),
        ("a.csv", "", "cannot be read|needs columns"),
        ("a.edf", "not an EDF", "cannot be read|is needed"),
        ("a.hea", "nonsense", "cannot be read|is needed"),
        ("a.dcm", "nonsense", "cannot be read"),
        ("a.mp3", "x", "no reader"),
        ("a.csv", "\n".join(f"{0.1 * i}, 5" for i in range(40)), "never changes"),
    ],
)
def test_a_damaged_trace_is_told_in_words(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CaseError, match=said):
        read(tmp_path / name)


def test_what_is_lost_is_filled_and_much_lost_is_refused(tmp_path: Path) -> None:
    times, samples = np.arange(400) / RATE, breathing()[:400]
    path = tmp_path / "a.csv"
    for gap, fine in ((10, True), (100, False)):
        holed = samples.copy()
        holed[50 : 50 + gap] = np.nan
        np.savetxt(path, np.stack([times, holed], axis=1), delimiter=",")
        if fine:
            assert np.isfinite(read(path).samples).all()
        else:
            with pytest.raises(CaseError, match="100 of them lost"):
                read(path)
