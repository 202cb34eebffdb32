"""Waiting threads sleep unless the user wants them to spin."""

from qpt_app.core.idle_threads import let_idle_threads_sleep


def test_the_policy_is_set_once_and_never_over_the_users():
    """Passive by default; what stands in the environment stays."""
    environment: dict[str, str] = {}
    let_idle_threads_sleep(environment)
    assert environment == {"OMP_WAIT_POLICY": "PASSIVE"}
    environment["OMP_WAIT_POLICY"] = "ACTIVE"
    let_idle_threads_sleep(environment)
    assert environment == {"OMP_WAIT_POLICY": "ACTIVE"}
