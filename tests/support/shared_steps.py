"""What is done in each of several processes, and in one, to compare the two."""

from __future__ import annotations

import dataclasses
import time
import warnings
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import Tensor

import skdeepcluster
from skdeepcluster.data.known_labels import read_known_labels
from skdeepcluster.data.samples import read_samples
from skdeepcluster.data.scaling import DeviceScaling
from skdeepcluster.fitting.building import build_trainer
from skdeepcluster.training.batch_norm import global_batch_norm
from skdeepcluster.training.distributed import open_processes
from skdeepcluster.training.objective import Batch, Step

METHODS = ("CLC", "ContrastiveClustering", "ProPos", "TwinContrastClustering")
SETTINGS = {
    "n_clusters": 4,
    "batch_size": 30,
    "max_epochs": 3,
    "optimizer": "sgd",
    "lr": 0.001,
    "precision": "float32",
    "device": "cpu",
    "random_state": 0,
}


def estimator(method: str, **parameters: Any) -> Any:
    return getattr(skdeepcluster, method)(**{**SETTINGS, **parameters})


def images(n: int = 150) -> np.ndarray:
    return load_digits().images[:n].astype(np.uint8)


def vectors(n: int = 150) -> np.ndarray:
    return load_digits().data[:n].astype(np.float32)


def train_and_record(method: str, X: np.ndarray, parameters: dict[str, Any]) -> dict[str, Any]:
    """
    Train for an epoch; return losses, gradients and weights of each step.

    It is done in float64: in float32, rounding alone turns rectifiers on and off.
    """
    parameters = dict(parameters)
    known = read_known_labels(parameters.pop("known_labels", None), len(X), 4)
    with open_processes("auto", torch.device("cpu")) as processes:
        model = estimator(method, **parameters)
        trainer = build_trainer(model, read_samples(X), processes, known)
        trainer.objective.double()
        found: dict[str, Any] = {"losses": [], "gradients": [], "after": []}
        names = {p: name for name, p in trainer.objective.named_parameters()}
        batch, move, train_step = trainer.batch, trainer.optimizer.step, trainer._train_step

        def widened(index: Tensor, samples: Tensor) -> Batch:
            made = batch(index, samples)
            views, noise = (tuple(t.double() for t in part) for part in (made.views, made.noise))
            return dataclasses.replace(made, views=views, noise=noise)

        def evaluated(given: Batch) -> Step:
            shape = given.global_size, trainer.settings.schedule.n_views
            outputs = [processes.join(rows, *shape) for rows in trainer.objective(given)]
            result = trainer.losses(tuple(outputs), given)
            found["losses"].append({n: float(v.detach()) for n, v in result.losses.items()})
            return result

        def moved(*arguments: Any) -> Any:
            gradients = {n: p.grad.clone() for p, n in names.items() if p.grad is not None}
            found["gradients"].append(gradients)
            return move(*arguments)

        def stepped(*arguments: Any) -> None:
            train_step(*arguments)
            state = trainer.objective.state_dict()
            found["after"].append({name: tensor.clone() for name, tensor in state.items()})

        trainer.batch, trainer.evaluate, trainer.optimizer.step = widened, evaluated, moved
        trainer._train_step = stepped  # type: ignore[method-assign]
        *maps, equal_length = vars(trainer.source.maps).values()
        trainer.source.maps = DeviceScaling(*(v.double() for v in maps), equal_length)
        with global_batch_norm(trainer.objective, processes):
            trainer._train_epoch()
        return {**found, "embedding": trainer.training_set.embed_all()}


def fitted(method: str, X: np.ndarray, parameters: dict[str, Any]) -> dict[str, Any]:
    """Fit, and return what an estimator keeps."""
    parameters = dict(parameters)
    known = parameters.pop("known_labels", None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = estimator(method, **parameters).fit(X, known_labels=known)
    return {
        "labels": model.labels_,
        "centers": model.cluster_centers_,
        "history": model.history_,
        "embedding": model.transform(X),
        "score": model.score(X),
        "n_warnings": len(caught),
    }


def known_labels(n: int = 150) -> np.ndarray:
    """Return the classes of some of the images: of digits below 3, and only of the first 40."""
    labels = load_digits().target[:n]
    return np.where((labels < 3) & (np.arange(n) < 40), labels, -1)


def each(function: Any, calls: list[tuple[Any, ...]]) -> list[Any]:
    """Make several calls: connecting processes takes longer than most of them."""
    return [function(*call) for call in calls]


def failing(kind: str) -> tuple[str, float]:
    """Fit where the second process is out of order; return what is raised, and after how long."""
    rank, X = dist.get_rank(), images()
    model = estimator("ContrastiveClustering", max_epochs=200 if kind else 1)
    if rank == 1:
        if kind == "input":
            X = X.astype(np.float32)
            X[3, 2, 2] = np.nan
        if kind == "data":
            X = images(140)
        if kind == "parameter":
            model.set_params(temperature=0.7)
        if kind == "counting":
            model.set_params(n_clusters="auto", max_clusters=5)
        if kind == "folder":
            model.set_params(checkpoint_dir="states")
        if kind == "callbacks":
            from sklearn.callback import ScoringMonitor

            model.set_callbacks(ScoringMonitor(scoring=score))
        if kind in ("error", "interrupt"):
            model.set_params(augmentation=Failing(kind))
    if rank == 0 and kind in ("error", "interrupt"):
        model.set_params(augmentation=Failing(""))
    start = time.perf_counter()
    try:
        model.fit(X)
    except BaseException as error:
        told = f"{type(error).__name__}: {error}", time.perf_counter() - start
        time.sleep(1.0 * rank)  # the one that has failed lives on
        return told
    return "", 0.0


def score(estimator: Any, X: Any, y: Any = None) -> float:
    """Score an estimator, as a callback asks for."""
    return float(estimator.score(X))


class Failing:
    """An augmentation that fails in its fourth step."""

    def __init__(self, kind: str) -> None:
        self.kind, self.calls = kind, 0

    def __repr__(self) -> str:
        return "Failing()"

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        self.calls += 1
        if self.calls == 4 and self.kind == "error":
            raise OSError("the disk is gone")
        if self.calls == 4 and self.kind == "interrupt":
            raise KeyboardInterrupt
        return batch + 0
