"""ClarifyCheckStep and its configs: compute an analysis, and compare it with its baseline."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from evenhand.clarify.drift.check_step import CheckOutcome, Gate, check_step
from evenhand.clarify.sdk.data_config import BiasConfig, DataConfig
from evenhand.clarify.sdk.errors import InvalidCheck
from evenhand.clarify.sdk.explainability import ExplainabilityConfig
from evenhand.clarify.sdk.generation import Scores
from evenhand.clarify.sdk.model_config import ModelConfig, ModelPredictedLabelConfig
from evenhand.clarify.sdk.processor import SageMakerClarifyProcessor


class CheckJobConfig:
    """Where a check runs; taken as the SDK takes it, and without effect here."""

    def __init__(
        self,
        role: str,
        instance_count: int = 1,
        instance_type: str = "ml.m5.xlarge",
        volume_size_in_gb: int = 30,
        volume_kms_key: str | None = None,
        output_kms_key: str | None = None,
        max_runtime_in_seconds: int | None = None,
        base_job_name: str | None = None,
        sagemaker_session: Any = None,
        env: dict[str, str] | None = None,
        tags: Any = None,
        network_config: Any = None,
    ) -> None:
        self.base_job_name = base_job_name
        self.processor_arguments: dict[str, Any] = {
            "role": role, "instance_count": instance_count, "instance_type": instance_type,
            "volume_size_in_gb": volume_size_in_gb, "volume_kms_key": volume_kms_key,
            "output_kms_key": output_kms_key, "max_runtime_in_seconds": max_runtime_in_seconds,
            "sagemaker_session": sagemaker_session, "env": env, "tags": tags, "network_config": network_config,
        }  # fmt: skip


@dataclass
class ClarifyCheckConfig:
    """What every check has: its data."""

    data_config: DataConfig
    _: KW_ONLY
    kms_key: str | None = None
    monitoring_analysis_config_uri: str | None = None


@dataclass
class DataBiasCheckConfig(ClarifyCheckConfig):
    """A check of bias in labels."""

    data_bias_config: BiasConfig
    methods: str | list[str] = "all"


@dataclass
class ModelBiasCheckConfig(ClarifyCheckConfig):
    """A check of bias in predictions."""

    data_bias_config: BiasConfig
    model_config: ModelConfig
    model_predicted_label_config: ModelPredictedLabelConfig
    methods: str | list[str] = "all"


@dataclass
class ModelExplainabilityCheckConfig(ClarifyCheckConfig):
    """A check of what drives the predictions."""

    model_config: ModelConfig
    explainability_config: ExplainabilityConfig
    model_scores: Scores = None


class ClarifyCheckStep:
    """One step that computes an analysis and compares it with its baseline; `run` does both.

    The baseline is `supplied_baseline_constraints`, else what an earlier step registered at
    `model_package_group_name`, which is a path here. Raises InvalidCheck (a RuntimeError) for another config.
    """

    def __init__(
        self,
        name: str,
        clarify_check_config: ClarifyCheckConfig,
        check_job_config: CheckJobConfig,
        skip_check: bool = False,
        fail_on_violation: bool = True,
        register_new_baseline: bool = False,
        model_package_group_name: str | None = None,
        supplied_baseline_constraints: str | None = None,
        display_name: str | None = None,
        description: str | None = None,
        cache_config: Any = None,
        depends_on: list[Any] | None = None,
    ) -> None:
        allowed = (DataBiasCheckConfig, ModelBiasCheckConfig, ModelExplainabilityCheckConfig)
        if not isinstance(clarify_check_config, allowed):
            raise InvalidCheck(
                "The clarify_check_config can only be object of DataBiasCheckConfig, ModelBiasCheckConfig or "
                "ModelExplainabilityCheckConfig"
            )
        self.name = name
        self.clarify_check_config = clarify_check_config
        self.check_job_config = check_job_config
        self.skip_check = skip_check
        self.fail_on_violation = fail_on_violation
        self.register_new_baseline = register_new_baseline
        self.model_package_group_name = model_package_group_name
        self.supplied_baseline_constraints = supplied_baseline_constraints
        self.display_name = display_name
        self.description = description
        self.cache_config = cache_config
        self.depends_on = depends_on
        self.outcome: CheckOutcome | None = None

    @property
    def properties(self) -> dict[str, str]:
        """CalculatedBaselineConstraints and BaselineUsedForDriftCheckConstraints, once the step has run."""
        return self.outcome.properties if self.outcome else {}

    def run(self, *, models: dict[str, Any] | None = None, gate: Gate | None = None) -> CheckOutcome:
        """Compute the analysis and check it; `gate` goes before the step's own switches, to choose rule and limits.

        Raises EvenhandError where the analysis cannot be computed or there is no baseline to check against.
        """
        job = self.check_job_config
        processor = SageMakerClarifyProcessor(
            **job.processor_arguments, job_name_prefix=job.base_job_name, models=models
        )
        _analyse(processor, self.clarify_check_config)
        output = self.clarify_check_config.data_config.s3_output_path
        own = Gate(self.skip_check, self.fail_on_violation, self.register_new_baseline)
        self.outcome = check_step(
            output,
            output,
            gate=gate or own,
            supplied_baseline_constraints=self.supplied_baseline_constraints,
            registered_baseline=self.model_package_group_name,
        )
        return self.outcome


def _analyse(processor: SageMakerClarifyProcessor, asked: ClarifyCheckConfig) -> None:
    data = asked.data_config
    if isinstance(asked, DataBiasCheckConfig):
        processor.run_pre_training_bias(data, asked.data_bias_config, asked.methods)
    elif isinstance(asked, ModelBiasCheckConfig):
        processor.run_post_training_bias(
            data, asked.data_bias_config, asked.model_config, asked.model_predicted_label_config, asked.methods
        )
    elif isinstance(asked, ModelExplainabilityCheckConfig):
        processor.run_explainability(data, asked.model_config, asked.explainability_config, asked.model_scores)
