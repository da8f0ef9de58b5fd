"""The training engine: data order, precision, optimiser, record; it knows no method."""

from skdeepcluster.training.engine import Generators, Settings, Trainer, TrainingDiverged
from skdeepcluster.training.objective import Objective, Schedule, Step

__all__ = [
    "Generators",
    "Objective",
    "Schedule",
    "Settings",
    "Step",
    "Trainer",
    "TrainingDiverged",
]
