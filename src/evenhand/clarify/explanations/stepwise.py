"""Stepwise: asymmetric Shapley values where the parts of each step join behind all earlier steps, step by step."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evenhand.core.attributions import Attributions
from evenhand.core.game import Coalitions, Game, Rows, Worth
from evenhand.explainers.regression import Regression


class Stepwise:
    """Chronological asymmetric Shapley values (Frye, Rowat & Feige 2020) over blocks of players in the order of time.

    Orders that keep the blocks' order give each block the Shapley values of the game that its players play behind all
    earlier blocks. `samples` bounds the coalitions of each block; where they suffice for all of them (2^b − 2 of b
    players) its values are exact.
    """

    name = "asymmetric"

    def __init__(self, blocks: Sequence[NDArray[np.intp]], *, samples: int) -> None:
        self._blocks = blocks
        self._regression = Regression(budget=max(samples, 2))

    def explain(self, game: Game, rows: Rows, seed: int) -> Attributions:
        """The attributions of these rows."""
        base, full = game.ends(rows)
        ends = self._ends(game, rows)
        shape = (len(rows), len(game.players), base.shape[1])
        values, errors = np.zeros(shape), np.zeros(shape)
        evaluations = np.zeros(len(rows), np.int64)
        before = np.zeros(len(game.players), bool)
        for place, block in enumerate(self._blocks):
            part = _Behind(game, block, before.copy(), ends[:, place], ends[:, place + 1])
            found = self._regression.explain(part, rows, seed)
            values[:, block], errors[:, block] = found.values, found.errors
            evaluations += found.evaluations + 1
            before[block] = True
        return Attributions(values, errors, base, full, evaluations, np.square(errors).sum(axis=0))

    def _ends(self, game: Game, rows: Rows) -> Worth:
        """The worth of nobody, of the first block, of the first two, …: rows × (blocks + 1) × outputs."""
        reached = np.zeros((len(self._blocks) + 1, len(game.players)), bool)
        for place, block in enumerate(self._blocks):
            reached[place + 1 :, block] = True
        return game.values(rows, reached)


class _Behind:
    """The game of one block's players while the players before them are present and all others are absent."""

    def __init__(self, game: Game, block: NDArray[np.intp], before: Coalitions, base: Worth, full: Worth) -> None:
        self._game, self._block, self._before = game, block, before
        self._base, self._full = base, full

    @property
    def players(self) -> Sequence[str]:
        return [self._game.players[place] for place in self._block]

    @property
    def outputs(self) -> Sequence[str]:
        return self._game.outputs

    @property
    def height(self) -> int:
        return self._game.height

    def ends(self, rows: Rows) -> tuple[Worth, Worth]:  # noqa: ARG002 - known for all of them
        return self._base, self._full

    def varying(self, rows: Rows) -> Coalitions:
        return self._game.varying(rows)[:, self._block]

    def values(self, rows: Rows, coalitions: Coalitions) -> Worth:
        shape = (*coalitions.shape[:-1], len(self._before))
        whole = np.broadcast_to(self._before, shape).copy()
        whole[..., self._block] = coalitions
        return self._game.values(rows, whole)
