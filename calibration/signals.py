"""Recorded traces from files: CSV, WFDB (.hea), EDF/BDF (.edf, .bdf), DICOM waveform (.dcm).

Only samples, their rate, unit and channel names are read; what a header says of a person is not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError

Array = NDArray[Any]
UNEVEN = 0.02
"""Largest share by which the time step of a CSV trace may vary."""


@dataclass(frozen=True)
class Trace:
    """Samples (n,) of one channel at an even ``rate`` [1/s]."""

    name: str
    unit: str
    rate: float
    samples: Array

    @property
    def duration(self) -> float:
        """Length [s]."""
        return len(self.samples) / self.rate


def read(path: Path, channel: str = "") -> Trace:
    """The trace in ``path``: the ``channel`` by name or number (from 0), else the first.

    Raises `CaseError`; no message holds anything of the file's header.
    """
    readers: dict[str, Callable[[Path], list[Trace]]] = {
        ".csv": _csv, ".txt": _csv, ".hea": _wfdb, ".dat": _wfdb, ".edf": _edf, ".bdf": _edf,
        ".dcm": _dicom,
    }  # fmt: skip
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise CaseError(
            f"no reader for {path.suffix!r} files",
            where=path.name,
            do=f"a trace is one of {', '.join(readers)}",
        )
    if not path.is_file():
        raise CaseError("there is no such trace", where=path.name, do="correct `file`")
    try:
        traces = reader(path)
    except CaseError:
        raise
    except ImportError as error:
        raise CaseError(
            f"the package {error.name} is needed for {path.suffix} files",
            where=path.name,
            do="install it, or export the trace as CSV",
        ) from error
    except Exception as error:  # each library has its own tree of errors for damaged files
        raise CaseError(
            f"the trace cannot be read ({type(error).__name__})",
            where=path.name,
            do="export it anew, or as CSV with time and value",
        ) from error
    return _sound(_chosen(traces, channel, path), path)


def _chosen(traces: list[Trace], channel: str, path: Path) -> Trace:
    if not channel and traces:
        return traces[0]
    named = [trace for trace in traces if trace.name.lower() == channel.lower()]
    if named:
        return named[0]
    if channel.isdigit() and int(channel) < len(traces):
        return traces[int(channel)]
    names = ", ".join(trace.name for trace in traces) or "none"
    raise CaseError(f"there is no channel {channel!r}", where=path.name, do=f"channels: {names}")


def _sound(trace: Trace, path: Path) -> Trace:
    samples = trace.samples
    lost = ~np.isfinite(samples)
    if len(samples) < 16 or lost.mean() > 0.1 or np.ptp(samples[~lost]) == 0.0:
        raise CaseError(
            f"the trace holds {len(samples)} samples, {int(lost.sum())} of them lost, or never "
            "changes",
            where=path.name,
            do="choose another channel or file",
        )
    index = np.arange(len(samples))
    return Trace(
        trace.name, trace.unit, trace.rate, np.interp(index, index[~lost], samples[~lost])
    )


def _csv(path: Path) -> list[Trace]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    mark = next((m for m in (";", ",", "\t") if lines and m in lines[0]), None)
    titles = [cell.strip() for cell in lines[0].split(mark)] if lines else []
    head = int(not _are_numbers(titles))
    rows = lines[head:] or [""]
    table = np.genfromtxt(rows, delimiter=mark, ndmin=2) if any(rows) else np.zeros((0, 0))
    if table.shape[1] < 2 or not np.isfinite(table[:, 0]).all():
        raise CaseError(
            "a trace needs columns: time in seconds, then one for each channel",
            where=path.name,
            do='write lines like "0.25, 1.3"',
        )
    steps = np.diff(table[:, 0])
    if not len(steps) or steps.min() <= 0.0 or np.ptp(steps) > UNEVEN * steps.mean():
        raise CaseError(
            "the times of the trace are not evenly spaced",
            where=path.name,
            do="export with a fixed sampling rate",
        )
    names = titles[1:] if head else [str(i) for i in range(table.shape[1] - 1)]
    rate = 1.0 / float(steps.mean())
    return [Trace(n, "", rate, table[:, i + 1]) for i, n in enumerate(names)]


def _are_numbers(cells: list[str]) -> bool:
    try:
        [float(cell) for cell in cells]
    except ValueError:
        return False
    return True


def _wfdb(path: Path) -> list[Trace]:
    import wfdb

    record = wfdb.rdrecord(str(path.with_suffix("")))
    return [
        Trace(name, unit, float(record.fs), record.p_signal[:, i])
        for i, (name, unit) in enumerate(zip(record.sig_name, record.units, strict=True))
    ]


def _edf(path: Path) -> list[Trace]:
    import edfio

    return [
        Trace(signal.label, signal.physical_dimension, signal.sampling_frequency, signal.data)
        for signal in edfio.read_edf(path).signals
    ]


def _dicom(path: Path) -> list[Trace]:
    import pydicom

    dataset = pydicom.dcmread(path)
    traces = []
    for number, group in enumerate(dataset.WaveformSequence):
        samples = dataset.waveform_array(number)
        for i, channel in enumerate(group.ChannelDefinitionSequence):
            meaning = channel.ChannelSourceSequence[0].CodeMeaning
            units = channel.get("ChannelSensitivityUnitsSequence")
            unit = units[0].CodeValue if units else ""
            rate = float(group.SamplingFrequency)
            traces.append(Trace(str(meaning), str(unit), rate, samples[:, i]))
    return traces
