"""The training engine: data order, precision, optimiser, record; it knows no method."""

from skdeepcluster.training.engine import Settings, Trainer, TrainingDiverged
from skdeepcluster.training.look import Look
from skdeepcluster.training.objective import Objective, Schedule, Step
from skdeepcluster.training.seeds import Generators

__all__ = [
    "Generators",
    "Look",
    "Objective",
    "Schedule",
    "Settings",
    "Step",
    "Trainer",
    "TrainingDiverged",
]
