"""Training states that were changed and sealed again, and what becomes of fits that find them."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import tempfile
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch

from forging import zoo
from forging.files import SETTINGS, is_clean, nonsense, results, samples

GOOD = ("resumed", "afresh", "refused")
BAD = ("crash", "other error", "wrong", "hang")
SECONDS = 20.0
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["skdeepcluster.methods", "torch._dynamo"])  # seconds to import
NAME = "epoch-000000001.state"


@dataclass(frozen=True)
class Training:
    """What is trained, on what, and how."""

    name: str
    kind: str
    optimizer: str

    def fit(self, folder: str, **parameters: Any) -> Any:
        """Fit for two epochs with states in a folder."""
        from skdeepcluster import methods

        settings = {**SETTINGS, "max_epochs": 2, "random_state": 0, "optimizer": self.optimizer}
        settings = {**settings, "checkpoint_dir": folder, "checkpoint_interval": 0, **parameters}
        return getattr(methods, self.name)(**settings).fit(samples(self.kind))

    def __str__(self) -> str:
        return f"{self.name} on {self.kind} with {self.optimizer}"


def trainings(names: Any, kinds: Any) -> list[Training]:
    """List the trainings of some methods on some kinds of samples."""
    return [Training(n, k, o) for k in kinds for n in names for o in ("adam", "sgd")]


# --- in processes of their own -----------------------------------------------------------------


def prepare(training: Training, answer: Connection) -> None:
    """Send the state after the first of two epochs."""
    torch.set_num_threads(1)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        training.fit(folder)
        answer.send((Path(folder) / NAME).read_bytes())


def resume(training: Training, answer: Connection, folder: str) -> None:
    """Fit with a state that is there; send a class and a reason."""
    torch.set_num_threads(1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found, reason = resumed(training, folder)
    texts = [str(warning.message) for warning in caught]
    odd = [text for text in texts if not is_clean(text)]
    if odd and found in GOOD:
        found, reason = "other error", f"warning {odd[0]!r:.300}"
    elif found == "resumed" and any("afresh" in text for text in texts):
        found = "afresh"
    answer.send((found, reason))


def resumed(training: Training, folder: str) -> tuple[str, str]:
    """Fit with a state that is there; return a class and a reason."""
    try:
        model = training.fit(folder)
        X = samples(training.kind)
        problem = nonsense(model, X, results(model, X))
    except ValueError as error:
        return ("refused" if is_clean(str(error)) else "other error"), str(error)[:300]
    except Exception as error:
        return "other error", repr(error)[:300]
    return ("wrong", problem) if problem else ("resumed", "")


def apart(action: Any, training: Training, *arguments: Any) -> Any:
    """Run an action in a process of its own; return what it sends, or how the process ended."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=action, args=(training, sender, *arguments))
    process.start()
    sender.close()
    try:
        if not receiver.poll(SECONDS):
            return "hang", f"more than {SECONDS:g} s"
        answer = receiver.recv()
        process.join(SECONDS)  # it still removes its temporary files
        return answer
    except EOFError:
        process.join()
        return "crash", f"exit code {process.exitcode}"
    finally:
        process.kill()
        process.join()


# --- changes ---------------------------------------------------------------------------------


def forge(state: Any, rng: zoo.Rng) -> tuple[str, Any]:
    """Change a state once or several times; return what was changed, and the state."""
    texts = []
    for _ in range(int(zoo.pick(rng, (1, 1, 1, 2, 3)))):
        if rng.random() < 0.15:
            text, state = forge_once(state, rng)
        else:
            text, trainer = forge_once(state["trainer"], rng)
            state = {**state, "trainer": trainer}
        texts.append(text)
    return "; ".join(texts), state


def forge_once(state: Any, rng: zoo.Rng) -> tuple[str, Any]:
    """Change a state; in half of the cases a tensor."""
    keys = ("x", 0, zoo.ESCAPES, (1, 2), None, "step", "loss")
    if rng.random() < 0.2:
        return zoo.changed_entry(state, rng, keys)
    paths = zoo.places(state)
    tensors = [path for path in paths if isinstance(zoo.look_up(state, path), torch.Tensor)]
    if tensors and rng.random() < 0.6:
        part = zoo.pick(rng, dict.fromkeys(path[:2] for path in tensors))
        path = zoo.pick(rng, [path for path in tensors if path[:2] == part])
        ways = (zoo.with_memory, zoo.with_values, zoo.with_values)
        way = zoo.pick(rng, (zoo.with_shape, zoo.with_dtype, *ways, *ways))
        odd = way(zoo.look_up(state, path), rng)
        return f"{zoo.shown(path)} {way.__name__} ({zoo.shown(odd)})", zoo.put(state, path, odd)
    path, odd = zoo.place(rng, state), zoo.odd_object(rng)
    return f"{zoo.shown(path)} = {zoo.shown(odd)}", zoo.put(state, path, odd)


def seal(path: Path, state: Any) -> None:
    """Write a state with a checksum that fits."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    path.write_bytes(content + hashlib.sha256(content).digest())


class States:
    """
    Forges states by number.

    Parameters
    ----------
    seed : int
        Of all numbers.
    names, kinds : iterable of str
        Methods and kinds of samples.
    """

    def __init__(self, seed: int, names: Any, kinds: Any = ("vectors", "images")) -> None:
        self.seed, self.trainings = seed, trainings(names, kinds)
        self.content: dict[Training, bytes] = {}

    def attempt(self, number: int, folder: Path) -> tuple[Training, str, str, str]:
        """Forge the state of a number; return whose it was, the changes, a class and a reason."""
        rng = np.random.default_rng([self.seed, number])
        training = self.trainings[number % len(self.trainings)]
        if training not in self.content:
            self.content[training] = apart(prepare, training)
        body = io.BytesIO(self.content[training][:-32])
        while True:
            try:
                text, state = forge(torch.load(body, weights_only=True), rng)
                seal(folder / NAME, state)
                break
            except (RuntimeError, TypeError, ValueError, LookupError):
                body.seek(0)  # torch cannot make or write every combination: draw again
        with tempfile.TemporaryDirectory(dir=folder) as states:
            (folder / NAME).rename(Path(states) / NAME)
            return training, text, *apart(resume, training, states)
