"""SageMakerClarifyProcessor: the runs of the SDK, on this machine."""

import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from evenhand.clarify.analysis import Arithmetic
from evenhand.clarify.sdk.data_config import BiasConfig, DataConfig
from evenhand.clarify.sdk.generation import (
    Asked,
    Explanations,
    Metrics,
    Scores,
    config_of_bias,
    config_of_explanations,
    config_of_labels,
)
from evenhand.clarify.sdk.job import ClarifyJob, name_from_prefix
from evenhand.clarify.sdk.model_config import ModelConfig, ModelPredictedLabelConfig
from evenhand.clarify.sdk.places import write_config
from evenhand.core.errors import EvenhandError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Manner:
    """How a run is started: what the SDK's methods take besides configs."""

    name: str | None
    prefix: str
    wait: bool
    experiment: dict[str, str] | None


class SageMakerClarifyProcessor:
    """Runs analyses as the SDK's class of this name does, but here; nothing is sent to a cloud.

    `models` says which model a `model_name` or `endpoint_name` means: a callable, or anything that `load_model` takes;
    a name that it lacks is a file or an address. `arithmetic` is "correct", or "compat" for the numbers of smclarify
    0.5. Role, instances, keys and network are taken and described, and have no effect. `skip_early_validation=False`
    checks a config before it is written and run.
    """

    def __init__(
        self,
        role: str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        volume_size_in_gb: int = 30,
        volume_kms_key: str | None = None,
        output_kms_key: str | None = None,
        max_runtime_in_seconds: int | None = None,
        sagemaker_session: Any = None,
        env: dict[str, str] | None = None,
        tags: Any = None,
        network_config: Any = None,
        job_name_prefix: str | None = None,
        version: str | None = None,
        skip_early_validation: bool = False,
        *,
        models: Mapping[str, Any] | None = None,
        arithmetic: Arithmetic = "correct",
    ) -> None:
        self.role = role
        self.instance_count = instance_count
        self.instance_type = instance_type
        self.volume_size_in_gb = volume_size_in_gb
        self.volume_kms_key = volume_kms_key
        self.output_kms_key = output_kms_key
        self.max_runtime_in_seconds = max_runtime_in_seconds
        self.sagemaker_session = sagemaker_session
        self.env = env
        self.tags = tags
        self.network_config = network_config
        self.job_name_prefix = job_name_prefix
        self.version = version
        self.skip_early_validation = skip_early_validation
        self.models = dict(models or {})
        self.arithmetic = arithmetic
        self.jobs: list[ClarifyJob] = []
        self.latest_job: ClarifyJob | None = None

    def run(self, **_: Any) -> None:
        """Refuse: there is one method for each kind of run; raises NotImplementedError."""
        raise NotImplementedError(
            "Please choose a method of run_pre_training_bias, run_post_training_bias or run_explainability."
        )

    def run_pre_training_bias(
        self,
        data_config: DataConfig,
        data_bias_config: BiasConfig,
        methods: Metrics = "all",
        wait: bool = True,
        logs: bool = True,  # noqa: ARG002 (their signature, here and below)
        job_name: str | None = None,
        kms_key: str | None = None,  # noqa: ARG002
        experiment_config: dict[str, str] | None = None,
    ) -> None:
        """Measure bias in the labels; raises EvenhandError."""
        config = config_of_labels(data_config, data_bias_config, methods)
        self._run(data_config, config, _Manner(job_name, "Clarify-Pretraining-Bias", wait, experiment_config))

    def run_post_training_bias(
        self,
        data_config: DataConfig,
        data_bias_config: BiasConfig,
        model_config: ModelConfig | None = None,
        model_predicted_label_config: ModelPredictedLabelConfig | None = None,
        methods: Metrics = "all",
        wait: bool = True,
        logs: bool = True,  # noqa: ARG002
        job_name: str | None = None,
        kms_key: str | None = None,  # noqa: ARG002
        experiment_config: dict[str, str] | None = None,
    ) -> None:
        """Measure bias in the predictions; raises EvenhandError."""
        asked = Asked(post_training=methods)
        config = config_of_bias(data_config, data_bias_config, asked, model_config, model_predicted_label_config)
        self._run(data_config, config, _Manner(job_name, "Clarify-Posttraining-Bias", wait, experiment_config))

    def run_bias(
        self,
        data_config: DataConfig,
        bias_config: BiasConfig,
        model_config: ModelConfig | None = None,
        model_predicted_label_config: ModelPredictedLabelConfig | None = None,
        pre_training_methods: Metrics = "all",
        post_training_methods: Metrics = "all",
        wait: bool = True,
        logs: bool = True,  # noqa: ARG002
        job_name: str | None = None,
        kms_key: str | None = None,  # noqa: ARG002
        experiment_config: dict[str, str] | None = None,
    ) -> None:
        """Measure bias in labels and predictions; raises EvenhandError."""
        asked = Asked(pre_training_methods, post_training_methods)
        config = config_of_bias(data_config, bias_config, asked, model_config, model_predicted_label_config)
        self._run(data_config, config, _Manner(job_name, "Clarify-Bias", wait, experiment_config))

    def run_explainability(
        self,
        data_config: DataConfig,
        model_config: ModelConfig,
        explainability_config: Explanations,
        model_scores: Scores = None,
        wait: bool = True,
        logs: bool = True,  # noqa: ARG002
        job_name: str | None = None,
        kms_key: str | None = None,  # noqa: ARG002
        experiment_config: dict[str, str] | None = None,
    ) -> None:
        """Explain predictions; raises EvenhandError."""
        config = config_of_explanations(data_config, model_config, explainability_config, model_scores)
        self._run(data_config, config, _Manner(job_name, "Clarify-Explainability", wait, experiment_config))

    def run_bias_and_explainability(
        self,
        data_config: DataConfig,
        model_config: ModelConfig,
        explainability_config: Explanations,
        bias_config: BiasConfig,
        pre_training_methods: Metrics = "all",
        post_training_methods: Metrics = "all",
        model_predicted_label_config: ModelPredictedLabelConfig | None = None,
        wait: bool = True,
        logs: bool = True,  # noqa: ARG002
        job_name: str | None = None,
        kms_key: str | None = None,  # noqa: ARG002
        experiment_config: dict[str, str] | None = None,
    ) -> None:
        """Measure bias and explain predictions; raises EvenhandError."""
        asked = Asked(pre_training_methods, post_training_methods, explainability_config)
        config = config_of_bias(data_config, bias_config, asked, model_config, model_predicted_label_config)
        self._run(data_config, config, _Manner(job_name, "Clarify-Bias-And-Explainability", wait, experiment_config))

    def _run(self, data: DataConfig, config: dict[str, Any], manner: _Manner) -> None:
        """Write the config where the SDK uploads it, run it, and keep the job."""
        from evenhand.clarify.config.reading import read_config

        config = copy.deepcopy(config)
        model = self._model(config)
        logger.info("Analysis Config: %s", config)
        if not self.skip_early_validation:
            read_config(config, has_model=model is not None)
        location = write_config(config, data.s3_analysis_config_output_path or data.s3_output_path)
        name = manner.name or name_from_prefix(self.job_name_prefix or manner.prefix, datetime.now(UTC))
        facts = self._facts(manner)
        job = ClarifyJob(name, config, data.s3_data_input_path, data.s3_output_path, location, facts)
        self.jobs.append(job)
        self.latest_job = job
        self._process(job, model)
        if manner.wait:
            job.wait()

    def _process(self, job: ClarifyJob, model: Any) -> None:
        """Run a job to its end, whichever that is; a failure is the job's, and `wait` raises it."""
        from evenhand.clarify.config.reading import read_config
        from evenhand.clarify.processing import process

        try:
            config, warnings = read_config(job.config, has_model=model is not None)
            found = process(
                config, job.data, job.output, model=model, arithmetic=self.arithmetic, warnings=warnings
            )  # fmt: skip
        except EvenhandError as error:
            logger.error("%s: %s", job.job_name, error)
            job.finish(None, error)
        else:
            job.finish(found)

    def _model(self, config: Mapping[str, Any]) -> Any:
        """What `models` has under the name in the config; None where the name is a file or an address."""
        predictor = config.get("predictor", {})
        names = (predictor.get("endpoint_name"), predictor.get("model_name"))
        return next((self.models[name] for name in names if name in self.models), None)

    def _facts(self, manner: _Manner) -> dict[str, Any]:
        cluster = {
            "InstanceCount": self.instance_count,
            "InstanceType": self.instance_type,
            "VolumeSizeInGB": self.volume_size_in_gb,
        }
        facts = {
            "ProcessingResources": {"ClusterConfig": cluster},
            "RoleArn": self.role,
            "Environment": self.env,
            "ExperimentConfig": manner.experiment,
        }
        return {name: value for name, value in facts.items() if value is not None}
