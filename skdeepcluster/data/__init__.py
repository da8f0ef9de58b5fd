"""Reading the caller's samples: layout, validation, scaling, and transfer to the device."""

from skdeepcluster.data.layout import Layout, infer_layout
from skdeepcluster.data.samples import Samples, read_samples
from skdeepcluster.data.scaling import DeviceScaling, Scaling
from skdeepcluster.data.source import ResidentSource, Source, StreamedSource, open_source

__all__ = [
    "DeviceScaling",
    "Layout",
    "ResidentSource",
    "Samples",
    "Scaling",
    "Source",
    "StreamedSource",
    "infer_layout",
    "open_source",
    "read_samples",
]
