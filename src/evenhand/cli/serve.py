"""evenhand serve: web pages and the API, on this machine unless told otherwise."""

from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli.places import place_of
from evenhand.cli.terminal import say


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)] = 8787,
    database: Annotated[
        str | None,
        typer.Option(
            help="A database URL: sqlite:///loans.db or postgresql://… [default: evenhand.db in EVENHAND_HOME]"
        ),
    ] = None,
    home: Annotated[Path | None, typer.Option(help="The folder of records; by default beside the database.")] = None,
    settings: Annotated[Path | None, typer.Option(help="A YAML file of limits, folders and sign-on.")] = None,
    allow_host: Annotated[list[str] | None, typer.Option(help="A name that the server goes by; repeat it.")] = None,
    worker: Annotated[bool, typer.Option(help="Run monitors and send alerts too.")] = True,
    tls_certificate: Annotated[Path | None, typer.Option(help="A PEM file; serves https.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key, where it is a file of its own.")] = None,
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(help="The address of a proxy whose X-Forwarded-For and -Proto are believed; repeat it."),
    ] = None,
    new_key: Annotated[str | None, typer.Option(help="Make an API key of this name, print it, and stop.")] = None,
    scopes: Annotated[str, typer.Option(help="What a new key may do: read, submit, admin.")] = "admin",
) -> None:
    """Serve web pages and the API until stopped."""
    from evenhand.server.serving import Place
    from evenhand.server.serving import serve as listen
    from evenhand.server.settings import Settings

    kept = place_of(database)
    store = kept.store()
    if new_key is not None:
        key, text = store.add_key(new_key, [scope.strip() for scope in scopes.split(",")], None)
        store.note("command line", "made a key", f"{key.id} {key.name}")
        say(text)
        return
    found = Settings.load(settings) if settings is not None else Settings()
    told = {
        "hosts": (*found.hosts, *(name.lower() for name in allow_host or ())),
        "proxies": (*found.proxies, *(trust_proxy or ())),
    }
    place = Place(host, port, tls_certificate, tls_key)
    work = kept.url if worker else None
    listen(store, home or kept.home, place, found.model_copy(update=told), worker=work, say=say)
