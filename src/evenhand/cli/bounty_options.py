"""Options that several commands of bounties have, each said once."""

from typing import Annotated

import typer

PredictedLabel = Annotated[
    list[str] | None, typer.Option(help="The column of the model's recorded answers; repeat for probabilities.")
]
Identity = Annotated[str | None, typer.Option(help="The column that names a row. [default: rows are numbered]")]
Features = Annotated[
    list[str] | None, typer.Option(help="A column for groups and models; repeat. [default: all others]")
]
Loss = Annotated[str, typer.Option(help="zero-one, accuracy, log, top:3, squared:100 or absolute:100.")]
Most = int | None
Kinds = Annotated[
    list[str] | None,
    typer.Option(help="What is taken: predictions, model, code; repeat. [default: predictions and model]"),
]
Invitation = Annotated[
    str | None, typer.Option(help="What a team must know to join; 'generate' makes one. [default: only you add teams]")
]
ShownFacets = Annotated[
    list[str] | None, typer.Option(help="Groups that the table of errors shows: race, age@25,45; repeat for more.")
]
