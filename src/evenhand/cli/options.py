"""Options that several commands have, each said once."""

from pathlib import Path
from typing import Annotated

import typer

MEMORY = "1GB"

Model = Annotated[str | None, typer.Option(help="A model file, a URL or 'command: PROGRAM', asked for predictions.")]
ModelOptions = Annotated[
    list[str] | None, typer.Option(help="How a URL is asked: content_type=application/json; repeat for more.")
]
TrustPickle = Annotated[bool, typer.Option("--trust-pickle", help="Let a pickled model run its code.")]
Baseline = Annotated[
    str | None, typer.Option(help="What absent inputs are: kmeans:10, kmeans, mean, median, sample:100, or a file.")
]
Sheet = Annotated[str | None, typer.Option(help="The sheet of a spreadsheet.")]
Table = Annotated[str | None, typer.Option(help="The table of a database.")]
Query = Annotated[str | None, typer.Option(help="The query on a database.")]
Engine = Annotated[
    str | None,
    typer.Option(
        help="Who counts: processes or processes:4, which also ask models in that many processes; spark, or the master"
        " of a Spark cluster such as spark://host:7077 or local[4]. [default: this process]"
    ),
]
Title = Annotated[str | None, typer.Option(help="The title of the report.")]
Facets = Annotated[list[str] | None, typer.Option(help="race, sex=Female, age<25 or age@25,45; repeat for more.")]
Label = Annotated[str | None, typer.Option(help="The column of true outcomes, or a condition: income>=50000.")]
ScoreThreshold = Annotated[float | None, typer.Option(help="Scores at or above are positive. [default: 0.5]")]
Outcome = Annotated[str | None, typer.Option(help="binary, multiclass or regression; else read off the label.")]
Feature = Annotated[list[str] | None, typer.Option(help="A column for the flip test or model; repeat for more.")]
Parts = Annotated[
    Path | None, typer.Option(help="A folder of tallies: only files that are new are counted, and added to it.")
]
Forget = Annotated[bool, typer.Option("--forget", help="With --parts, no longer count files that are gone.")]
Against = Annotated[Path | None, typer.Option(help="An earlier report.json or report.html, to show what changed.")]
