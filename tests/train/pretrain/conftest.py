"""A tiny run for all tests of pre-training."""

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from qpt_train.run_log import read_run_log

SCRIPT = Path(__file__).parent / "tiny_run.py"
ROOT = SCRIPT.parents[3]


@pytest.fixture(scope="session")
def tiny():
    """The module `tiny_run`."""
    spec = importlib.util.spec_from_file_location("tiny_run", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def one_thread():
    """Equal sums need an equal number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def photos(tiny, tmp_path_factory):
    """Eighteen small photos."""
    return tiny.write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def whole_run(tiny, photos, tmp_path_factory):
    """The folder of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    torch.set_num_threads(1)
    tiny.run(photos, out)
    return out


@pytest.fixture(scope="session")
def losses():
    """A function: run folder -> {step: exact loss}, the last word on each step."""

    def read(out):
        return {
            record["step"]: record["loss"]
            for record in read_run_log(out / "log.jsonl")
            if record["event"] == "step"
        }

    return read


@pytest.fixture(scope="session")
def start_process():
    """A function that runs tiny_run.py as `world` processes and returns their exit codes."""

    def start(*arguments, world=1):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "OMP_NUM_THREADS": "1",
            "WORLD_SIZE": str(world),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }
        command = [sys.executable, str(SCRIPT), *map(str, arguments)]
        processes = [
            subprocess.Popen(
                command,
                env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for rank in range(world)
        ]
        outputs = [process.communicate(timeout=120)[0] for process in processes]
        return [process.returncode for process in processes], "\n".join(outputs)

    return start
