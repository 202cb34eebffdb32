"""Makes the threads of the numeric libraries sleep while they wait. Standard library only."""

import os
from collections.abc import MutableMapping


def let_idle_threads_sleep(environment: MutableMapping[str, str] = os.environ) -> None:
    """Ask OpenMP for waiting that leaves the cores to others. Call it before torch is imported.

    By default the threads of a forward pass spin for milliseconds whenever one of them is late,
    which is always so while other processes decode photos on the same cores: on two busy cores a
    photo cost 370 to 520 ms of processor time spinning and 100 ms without, for the same scores.
    OpenMP reads the variable when it is loaded; a value that the user has set stays.
    """
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
