"""Methods: which explainer a request names, and who its players are."""

from collections.abc import Mapping, Sequence

from evenhand.core.attributions import Explainer
from evenhand.core.errors import ColumnNotFound, SpecError
from evenhand.explainers.exact import MOST_PLAYERS, Exact
from evenhand.explainers.owen import Owen
from evenhand.explainers.permutation import Permutation
from evenhand.explainers.proxy import Proxy
from evenhand.explainers.regression import Regression
from evenhand.explaining.request import Request

Players = Mapping[str, Sequence[str]]


def players_of(request: Request, features: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Each player's columns: the groups that were named, and every other feature by itself.

    For owen every column is a player; the groups are the families that join together. Columns that are held are none.
    """
    features = _moving(request, features)
    if request.players is None or request.method == "owen":
        return {name: (name,) for name in features}
    grouped = {column for columns in request.players.values() for column in columns}
    named = {name: tuple(columns) for name, columns in request.players.items()}
    clashing = [name for name in features if name not in grouped and name in named]
    if clashing:
        raise SpecError(f"The player {clashing[0]!r} has the name of a column that is not in it; rename the player.")
    return named | {name: (name,) for name in features if name not in grouped}


def _moving(request: Request, features: Sequence[str]) -> list[str]:
    """The features that are not held."""
    for name in request.held:
        if name not in features:
            raise ColumnNotFound(name, features)
    grouped = {column for columns in (request.players or {}).values() for column in columns}
    both = [name for name in request.held if name in grouped]
    if both:
        raise SpecError(f"The column {both[0]!r} is held and belongs to a player; it can be one of the two.")
    moving = [name for name in features if name not in request.held]
    if not moving:
        raise SpecError("held names every feature, so there is nothing to explain; leave at least one out.")
    return moving


def explainer_of(request: Request, players: Players) -> Explainer:
    """The explainer that the request names, for these players."""
    method = request.method
    if not isinstance(method, str):
        return method
    if request.interactions and method not in ("auto", "exact", "regression"):
        raise SpecError(f"interactions come from explainer=regression or exact, not from {method}.")
    if method == "exact":
        return _exact(request, players)
    if method == "permutation":
        return Permutation(budget=request.budget, target=request.target)
    if method == "owen":
        return Owen(_levels(request, players), budget=request.budget, target=request.target)
    if method == "proxy":
        return Proxy(budget=request.budget)
    return Regression(budget=request.budget, target=request.target, interactions=request.interactions)


def _exact(request: Request, players: Players) -> Explainer:
    if len(players) > MOST_PLAYERS:
        raise SpecError(
            f"explainer=exact needs at most {MOST_PLAYERS} players, and there are {len(players)}; use regression, or"
            " put columns together with players."
        )
    return Exact(interactions=request.interactions)


def _levels(request: Request, players: Players) -> list[list[int]]:
    """Each column's family; columns of no family are families of one."""
    if not request.players:
        raise SpecError("explainer=owen needs players: families of columns, such as {'money': ['income', 'debt']}.")
    family: dict[str, int] = {}
    for number, columns in enumerate(request.players.values()):
        family |= dict.fromkeys(columns, number)
    unknown = [name for name in family if name not in players]
    if unknown:
        raise SpecError(f"players names the column {unknown[0]!r}, which is not among the model's features.")
    return [[family.get(name, len(request.players) + place) for place, name in enumerate(players)]]
