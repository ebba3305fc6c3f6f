"""Spark: a DataFrame, a table of the catalog, or Parquet and Delta folders, counted by Apache Spark."""

from evenhand.sources.spark.frame import SparkFrame
from evenhand.sources.spark.reading import read_spark

__all__ = ["SparkFrame", "read_spark"]
