"""evenhand bounty create: a table with labels and a model become an open question to everyone."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.cli import bounty_options as chosen
from evenhand.cli import options
from evenhand.cli.bounty_places import Home, StoreUrl, kept
from evenhand.cli.terminal import say
from evenhand.core.errors import SpecError
from evenhand.core.visible import visible

if TYPE_CHECKING:
    from evenhand.bounty.proving.opening import Opened

# What `--invitation generate` makes; any other text is the invitation itself.
GENERATE = "generate"
_RULES = (
    "title", "about", "loss", "checker", "fresh_folds", "delta", "budget", "accept_at_most", "per_team", "per_day",
    "least_gain", "least_rows", "kinds", "facets", "find_reward", "gain_reward", "seed", "closes",
)  # fmt: skip


def create(
    name: Annotated[str, typer.Argument(help="What the bounty is called: letters, digits, dots, dashes.")],
    data: Annotated[str, typer.Option(help="The hold-out: a table with labels that no hunter ever sees.")],
    label: Annotated[str, typer.Option(help="The column of truth.")],
    model: options.Model = None,
    predicted_label: chosen.PredictedLabel = None,
    public_data: Annotated[str | None, typer.Option(help="A labelled sample that hunters get to train on.")] = None,
    id: chosen.Identity = None,  # noqa: A002
    feature: chosen.Features = None,
    loss: chosen.Loss = "zero-one",
    checker: Annotated[str, typer.Option(help="paired-z, bernstein, hoeffding or thresholdout.")] = "paired-z",
    fresh_folds: Annotated[
        bool, typer.Option("--fresh-folds", help="Prove on unused rows after each acceptance; needs many rows.")
    ] = False,
    delta: Annotated[float, typer.Option(help="The chance that anything at all is accepted in error.")] = 0.05,
    budget: Annotated[int, typer.Option(help="Submissions that are scored at most.")] = 1000,
    accept_at_most: Annotated[int, typer.Option(help="Finds that are accepted at most.")] = 20,
    per_team: Annotated[chosen.Most, typer.Option(help="Submissions of one team that are scored at most.")] = None,
    per_day: Annotated[chosen.Most, typer.Option(help="Those of one team scored in 24 hours at most.")] = None,
    least_gain: Annotated[float, typer.Option(help="A fall of the overall loss that is worth a change.")] = 0.0,
    least_rows: Annotated[int, typer.Option(help="Rows where answers must differ from the current model's.")] = 30,
    find_reward: Annotated[float, typer.Option(help="Points for a find.")] = 1.0,
    gain_reward: Annotated[float, typer.Option(help="Points for each unit of loss by which it falls.")] = 1000.0,
    facet: chosen.ShownFacets = None,
    kind: chosen.Kinds = None,
    invitation: chosen.Invitation = None,
    title: options.Title = None,
    about: Annotated[str | None, typer.Option(help="What hunters are told, as plain text.")] = None,
    closes: Annotated[str | None, typer.Option(help="When it ends, such as 2026-12-24T18:00:00+01:00.")] = None,
    seed: Annotated[int, typer.Option(help="The seed that divides the rows.")] = 0,
    trust_pickle: options.TrustPickle = False,
    home: Home = None,
    store_url: StoreUrl = None,
) -> None:
    """Open a bounty: whom does this model serve worse than it could? Its rules do not change any more."""
    given = locals()
    from evenhand.bounty.proving.opening import Opening, opened_in

    place = kept(name, store_url, home)
    if name in place.store.bounties():
        raise SpecError(f"There is a bounty {name!r} already; its rules stay. Take another name.")
    opening = Opening(
        name=name, data=data, label=label, model=model, predicted=tuple(predicted_label or ()), public=public_data,
        identity=id, features=tuple(feature or ()), trust_pickle=trust_pickle, rules=_rules(given),
    )  # fmt: skip
    secret = _invitation(invitation)
    opened = opened_in(place.folder, opening)
    try:
        place.store.open_bounty(opened.bounty, invitation=secret)
    except BaseException:
        shutil.rmtree(place.folder, ignore_errors=True)
        raise
    _told(opened, place.folder, secret if invitation == GENERATE else None)


def _rules(given: dict[str, Any]) -> dict[str, Any]:
    """The options that are rules, as far as they were given."""
    from evenhand.core.loss import Loss
    from evenhand.core.window import moment

    plain = given | {"facets": given["facet"], "kinds": given["kind"], "loss": Loss.parse(given["loss"])}
    plain |= {"closes": None if given["closes"] is None else moment(given["closes"])}
    return {name: plain[name] for name in _RULES if plain[name] is not None}


def _invitation(text: str | None) -> str | None:
    from secrets import token_urlsafe

    if text is not None and not text.strip():
        raise SpecError("An empty invitation invites nobody; leave --invitation out, or write 'generate'.")
    return token_urlsafe(18) if text == GENERATE else text


def _told(opened: "Opened", folder: Path, secret: str | None) -> None:
    from evenhand.cli.bounty_check import sentence

    bounty, (proving, repairing, showing) = opened.bounty, opened.rows
    say(f"Opened {bounty.name} in {folder}.")
    say(
        f"{proving:,} rows prove, {repairing:,} repair and {showing:,} are for the board; hunters see no label of them."
    )
    for note in opened.notes:
        say(visible(note))
    say(sentence(bounty, proving))
    if secret is not None:
        say(f"The invitation, which is shown this once: {secret}")
    say(f"Next: `evenhand serve`, or here `evenhand bounty submit {bounty.name} --group … --predictions … --team A`.")
