"""An Airflow DAG that looks at a monitor's windows every hour; a drift fails the task, an error is tried again.

Airflow only calls the command, so that evenhand can live in an environment of its own.
"""

from datetime import datetime, timedelta

from airflow.sdk import dag, task

EVENHAND = "/opt/evenhand/bin/evenhand"


@dag(schedule="15 * * * *", start_date=datetime(2026, 11, 1), catchup=False, max_active_runs=1)
def fairness() -> None:
    """Take in the records of the last hour, then the labels, then look at what is due."""

    @task.bash(retries=3, retry_delay=timedelta(minutes=5))
    def predictions() -> str:
        return f"{EVENHAND} monitor capture loans '/data/predictions/{{{{ ds }}}}/*.parquet'"

    @task.bash(retries=3, retry_delay=timedelta(minutes=5))
    def labels() -> str:
        return f"{EVENHAND} monitor truth loans '/data/labels/{{{{ ds }}}}/*.parquet'"

    @task.bash(retries=2, retry_delay=timedelta(minutes=5))
    def windows() -> str:
        # 2 means that something drifted: the alerts were sent, and trying again would change nothing.
        return f"{EVENHAND} monitor run loans --due || {{ code=$?; [ $code -eq 2 ] && exit 99; exit $code; }}"

    [predictions(), labels()] >> windows()


fairness()
