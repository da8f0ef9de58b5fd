"""Reading the caller's samples: layout, validation, scaling, and the way to the device."""

from skdeepcluster.data.layout import Layout, infer_layout
from skdeepcluster.data.samples import Samples, read_samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.data.source import ResidentSource

__all__ = ["Layout", "ResidentSource", "Samples", "Scaling", "infer_layout", "read_samples"]
