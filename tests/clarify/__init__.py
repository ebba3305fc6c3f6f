"""Tests of what is read from and written for SageMaker Clarify."""
