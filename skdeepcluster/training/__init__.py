"""The training engine: data order, precision, optimiser, record; it knows no method."""

from skdeepcluster.training.engine import TrainingDiverged
from skdeepcluster.training.objective import Batch, Objective, Schedule, Step
from skdeepcluster.training.training_set import TrainingSet

__all__ = ["Batch", "Objective", "Schedule", "Step", "TrainingDiverged", "TrainingSet"]
