"""SageMaker Clarify's files and classes, in and out: configs become audits and explanations, results become theirs."""
