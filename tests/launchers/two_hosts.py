"""
Two hosts that train together, of which one is cut off; then both train on.

    unshare --map-root-user --net python tests/launchers/two_hosts.py FOLDER

Each is a network namespace of its own, with a cable between them and torchrun in either. Writes to
FOLDER/found.json after how many seconds both trainings ended with an error, and how the next ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[2] / "examples" / "distributed" / "train.py"
HOSTS = {"left": "10.77.0.1", "right": "10.77.0.2"}  # by the names of their network cards
EPOCHS, TIMEOUT = 8, 10
ERROR = "RuntimeError: Another process of this training has failed"


def lay_cable(holder: subprocess.Popen[bytes]) -> list[str]:
    """Connect this namespace to that of a process; return what runs a command in that."""
    inside = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
    while os.readlink(f"/proc/{holder.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
        time.sleep(0.05)
    ip("link", "add", "left", "type", "veth", "peer", "name", "right", "netns", str(holder.pid))
    for (card, address), where in zip(HOSTS.items(), ([], inside), strict=True):
        ip("address", "add", f"{address}/24", "dev", card, where=where)
        for name in ("lo", card):
            ip("link", "set", name, "up", where=where)
    return inside


def ip(*words: str, where: list[str] | None = None) -> None:
    """Set up a part of a network."""
    subprocess.run([*(where or []), "ip", *words], check=True)


def start(card: str, where: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start torchrun on a host, with a log."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
    launcher += ["--rdzv-backend=c10d", f"--rdzv-endpoint={HOSTS['left']}:29400"]
    launcher += [f"--local-addr={HOSTS[card]}", f"--rdzv-conf=is_host={int(card == 'left')}"]
    options = ["--epochs", str(EPOCHS), "--timeout", str(TIMEOUT)]
    options += ["--checkpoints", str(folder / "states"), "--model", str(folder / "model")]
    with (folder / f"{card}.log").open("ab") as log:
        return subprocess.Popen(
            [*where, *launcher, str(SCRIPT), *options],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "GLOO_SOCKET_IFNAME": card, "OMP_NUM_THREADS": "1"},
        )


def cut_and_go_on(places: dict[str, list[str]], folder: Path) -> dict[str, Any]:
    """Train, cut, wait, and train on."""
    hosts = {card: start(card, where, folder) for card, where in places.items()}
    while len(list(folder.glob("states/*.state"))) < 2:
        if any(host.poll() for host in hosts.values()):
            raise RuntimeError("Training has failed before the cut.")
        time.sleep(0.05)
    ip("link", "set", "left", "down")
    cut = time.monotonic()
    while not all(ERROR in (folder / f"{card}.log").read_text() for card in hosts):
        if time.monotonic() > cut + 120:
            raise RuntimeError("Two minutes after the cut, training has not ended in both hosts.")
        time.sleep(0.2)
    noticed = round(time.monotonic() - cut, 1)
    hosts["left"].wait(60)
    hosts["right"].kill()  # its torchrun still asks for that of the other host, for minutes
    ip("link", "set", "left", "up")
    states = sorted(path.name for path in folder.glob("states/*.state"))
    again = [start(card, where, folder) for card, where in places.items()]
    codes = [host.wait(200) for host in again]
    return {"seconds": noticed, "left": hosts["left"].returncode, "states": states, "again": codes}


def main(folder: Path) -> None:
    """Set up the hosts, and write what became of them."""
    with subprocess.Popen(["unshare", "--net", "sleep", "1000"]) as holder:
        try:
            places = dict(zip(HOSTS, ([], lay_cable(holder)), strict=True))
            found = cut_and_go_on(places, folder)
        finally:
            holder.kill()
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
