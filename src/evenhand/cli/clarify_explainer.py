"""evenhand clarify explainer: a sidecar that explains a model's predictions as they are asked for."""

from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli.terminal import say
from evenhand.core.errors import MissingExtra


def clarify_explainer(
    config: Annotated[Path, typer.Option(help="A ClarifyExplainerConfig (.json).")],
    model: Annotated[str, typer.Option(help="The URL of the model's container, or a model file.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)] = 8080,
    memory: Annotated[str, typer.Option(help="The most memory that requests may hold.")] = "512MB",
    queue: Annotated[int, typer.Option(help="How many requests may wait; others get 429.")] = 16,
    concurrency: Annotated[int, typer.Option(help="How many requests are worked on at once.")] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds for one request.")] = 60.0,
) -> None:
    """Answer POST /invocations with predictions and their Shapley values, until stopped."""
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtra("The online explainer", "uvicorn", "online") from error
    from evenhand.clarify.online import OnlineConfig, explainer_app

    app = explainer_app(
        OnlineConfig.load(config), model, memory=memory, queue=queue, concurrency=concurrency, timeout=timeout
    )
    say(f"Explaining at http://{host}:{port}/invocations; Ctrl-C stops it.")
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=5)
