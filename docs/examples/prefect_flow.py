"""A Prefect flow that looks at a monitor's windows; serve it with a schedule, or run it once.

It only calls the command: exit status 0 is fine, 2 is drift, 1 is an error that is worth another try.
"""

import subprocess

from prefect import flow, task

FINE, DRIFT = 0, 2


@task(retries=3, retry_delay_seconds=300)
def evenhand(*arguments: str) -> int:
    """Run a command of evenhand; raises where it failed, returns 0 or 2 otherwise."""
    done = subprocess.run(["evenhand", *arguments], check=False)  # noqa: S603, S607 - our own command, no shell
    if done.returncode not in (FINE, DRIFT):
        raise RuntimeError(f"evenhand {' '.join(arguments)} failed with {done.returncode}")
    return done.returncode


@flow
def fairness(name: str = "loans", day: str | None = None) -> None:
    """Look at one day, or at all that is due; the flow run fails where something drifted."""
    which = ["--window", day] if day else ["--due"]
    if evenhand("monitor", "run", name, *which) == DRIFT:
        raise RuntimeError(f"{name} drifted; see its page.")


if __name__ == "__main__":
    fairness.serve(name="fairness", cron="15 * * * *")
