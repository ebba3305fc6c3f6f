"""The job: what one run of the processor was asked, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from evenhand.clarify.analysis import Analysis
from evenhand.core.errors import EvenhandError

COMPLETED = "Completed: SageMaker XAI Analyzer ran successfully"
NAME_LENGTH = 63


def name_from_prefix(prefix: str, when: datetime) -> str:
    """A prefix and the time to the millisecond, no longer than a job's name may be."""
    stamp = when.strftime("%Y-%m-%d-%H-%M-%S-") + f"{when.microsecond // 1000:03d}"
    return f"{prefix[: NAME_LENGTH - len(stamp) - 1]}-{stamp}"


@dataclass(eq=False)
class ClarifyJob:
    """One run on this machine: its name, where it read and wrote, and how it ended.

    `analysis` is what was found; None before the end and after a failure.
    """

    job_name: str
    config: Mapping[str, Any]
    data: str
    output: str
    config_location: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    status: str = "InProgress"
    analysis: Analysis | None = None
    failure: EvenhandError | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None

    def finish(self, analysis: Analysis | None, failure: EvenhandError | None = None) -> None:
        """Record how the run ended."""
        self.analysis, self.failure = analysis, failure
        self.status = "Completed" if failure is None else "Failed"
        self.ended = datetime.now(UTC)

    def wait(self, logs: bool = True) -> None:  # noqa: ARG002 (their signature)
        """Return, since the run has ended; raises the EvenhandError that it failed with."""
        if self.failure is not None:
            raise self.failure

    def describe(self) -> dict[str, Any]:
        """What DescribeProcessingJob would say."""
        described = {
            "ProcessingJobName": self.job_name,
            "ProcessingJobStatus": self.status,
            "CreationTime": self.started,
            "ProcessingStartTime": self.started,
            "ProcessingInputs": [
                _input("dataset", self.data, "/opt/ml/processing/input/data"),
                _input("analysis_config", self.config_location, "/opt/ml/processing/input/config"),
            ],
            "ProcessingOutputConfig": {"Outputs": [self._output()]},
            **self.facts,
        }
        if self.ended is not None:
            described["ProcessingEndTime"] = self.ended
            described["ExitMessage"] = COMPLETED if self.failure is None else str(self.failure)
        if self.failure is not None:
            described["FailureReason"] = str(self.failure)
        return described

    def _output(self) -> dict[str, Any]:
        image = self.config.get("dataset_type") == "application/x-image"
        mode = "Continuous" if image else "EndOfJob"
        place = {"S3Uri": self.output, "LocalPath": "/opt/ml/processing/output", "S3UploadMode": mode}
        return {"OutputName": "analysis_result", "S3Output": place}


def _input(name: str, place: str, local: str) -> dict[str, Any]:
    facts = {
        "S3Uri": place,
        "LocalPath": local,
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"InputName": name, "S3Input": facts}
