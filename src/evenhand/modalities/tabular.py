"""Tables: every row is an instance, its players are columns or groups of columns, absent ones take baseline values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import ColumnNotFound, DataError, SpecError
from evenhand.core.game import Coalitions, Rows, Worth
from evenhand.modalities.batches import Paced
from evenhand.modalities.link import Link, linked
from evenhand.modalities.planes import Plane, planes_of


class TableGame:
    """Rows of a table against baseline rows: v(S) is the mean answer with the absent players' columns replaced.

    v(S) = Σ_b w_b f(x_S, b_notS) over the baseline rows b (interventional value function; Janzing, Minorics & Blöbaum
    2020). `players` maps a name to its columns; columns in no player are always present. With `link="logit"` the
    worth is log(p / (1 − p)) of that mean, taken after the mean.
    """

    def __init__(
        self,
        rows: Any,
        baseline: Any,
        ask: Paced | Callable[[Any], NDArray[np.float64]],
        *,
        players: Mapping[str, Sequence[str]] | None = None,
        weights: NDArray[np.float64] | None = None,
        outputs: Callable[[int], Sequence[str]] | None = None,
        link: Link = "identity",
        names: Sequence[str] | None = None,
    ) -> None:
        self._planes = planes_of(rows, baseline)
        self._ask = ask if isinstance(ask, Paced) else Paced(ask)
        columns = tuple(names) if names is not None else self._planes.names
        chosen = dict(players) if players is not None else {name: (name,) for name in columns}
        self._owner = _owners(chosen, columns)
        self._players = tuple(chosen)
        self._weights = _normalised(weights, self._planes.baseline_height)
        self._link = link
        self._columns = rows, baseline
        self._empty: Worth | None = None
        self._full: Worth | None = None
        self._asked: tuple[Coalitions, list[NDArray[Any]]] | None = None
        self._name_outputs = outputs
        self._buffers: list[NDArray[Any]] = []
        self._changes: Coalitions | None = None

    @property
    def players(self) -> Sequence[str]:
        """The names of the players, columns or groups of columns."""
        return self._players

    @property
    def outputs(self) -> Sequence[str]:
        """The names of the model's outputs; asks the model for the baseline where nothing is known yet."""
        count = self._nobody().shape[0]
        if self._name_outputs is not None:
            return tuple(self._name_outputs(count))
        return tuple(f"output {place}" for place in range(count)) if count > 1 else ("prediction",)

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self._planes.height

    def ends(self, rows: Rows) -> tuple[Worth, Worth]:
        """The mean answer for the baseline, and the answers for the rows themselves.

        Where columns are in no player, the baseline has each row's own values of them.
        """
        if self._full is None:
            parts = [
                self._whole([plane.rows[part] for plane in self._planes.planes])
                for part in _slices(self.height, self._ask.size)
            ]
            self._full = linked(np.concatenate(parts), self._link)
        if (self._owner < 0).any() and len(rows):
            nobody = np.zeros((1, len(self._players)), bool)
            return self.values(rows, nobody)[:, 0], self._full[rows]
        return np.repeat(self._nobody()[None], len(rows), axis=0), self._full[rows]

    def varying(self, rows: Rows) -> Coalitions:
        """Where a row differs from some baseline row in some column of the player."""
        if self._changes is None:
            self._changes = self._differences()
        return self._changes[rows]

    def values(self, rows: Rows, coalitions: Coalitions) -> Worth:
        """Rows × coalitions × outputs, in model calls of the size that is fastest."""
        masks = self._masks(coalitions)
        count = coalitions.shape[-2]
        worth: Worth | None = None
        at = 0
        while at < len(rows):
            size = self._ask.size
            together = max(1, size // (count * self._planes.baseline_height))
            part = slice(at, min(at + together, len(rows)))
            found = self._block(rows[part], [mask if mask.ndim == 2 else mask[part] for mask in masks], count, size)
            if worth is None:
                worth = np.empty((len(rows), count, found.shape[-1]))
            worth[part] = found
            at = part.stop
        if worth is None:
            raise SpecError("There are no rows to explain.")
        return linked(worth, self._link)

    def _masks(self, coalitions: Coalitions) -> list[NDArray[Any]]:
        """The masks of each plane; chunks of rows that share a design ask with the very same coalitions."""
        if self._asked is None or self._asked[0] is not coalitions:
            self._asked = coalitions, [_widened(coalitions, self._owner, plane) for plane in self._planes.planes]
        return self._asked[1]

    def _block(self, rows: Rows, masks: Sequence[NDArray[Any]], count: int, size: int) -> Worth:
        """The worth for a few rows: all their masked copies in one call, or one row in several calls."""
        height = self._planes.baseline_height
        per_call = max(1, size // (height * len(rows)))
        whole = None
        for some in _slices(count, per_call):
            part = [mask[..., some, :] for mask in masks]
            asked = some.stop - some.start
            for behind in _slices(height, max(1, size)):
                answers = self._answers(rows, part, asked, behind)
                mean = np.einsum("rmbk,b->rmk", answers, self._weights[behind]) if height > 1 else answers[:, :, 0]
                if whole is None:
                    whole = np.zeros((len(rows), count, answers.shape[-1]))
                whole[:, some] += mean
        if whole is None:
            raise AssertionError("there is at least one coalition and one baseline row")
        return whole

    def _answers(self, rows: Rows, masks: Sequence[NDArray[Any]], asked: int, behind: slice) -> Worth:
        """The model's answers for rows × coalitions × baseline rows, × outputs."""
        height = behind.stop - behind.start
        total = len(rows) * asked * height
        filled = []
        for plane, mask, buffer in zip(self._planes.planes, masks, self._room(total), strict=True):
            base = plane.baseline[behind]
            changed = plane.rows[rows][:, None, :] ^ base[None]
            if mask.ndim == 2 and height == 1:
                _select_one(mask, changed[:, 0], base[0], buffer[:total].reshape(len(rows), -1))
            else:
                shaped = buffer[:total].reshape(len(rows), asked, height, len(plane.places))
                present = mask[None, :, None] if mask.ndim == 2 else mask[:, :, None]
                np.bitwise_and(present, changed[:, None], out=shaped)
                np.bitwise_xor(shaped, base[None, None], out=shaped)
            filled.append(buffer[:total])
        answers = self._ask(self._planes.native(filled), total)
        return answers.reshape(len(rows), asked, height, -1)

    def _room(self, total: int) -> list[NDArray[Any]]:
        """One preallocated buffer for each plane, kept from call to call."""
        if not self._buffers or len(self._buffers[0]) < total:
            self._buffers = [np.empty((total, len(plane.places)), plane.rows.dtype) for plane in self._planes.planes]
        return self._buffers

    def _whole(self, bits: Sequence[NDArray[Any]]) -> Worth:
        """The model's answers for unmasked rows; a model that changes what it is given gets copies."""
        return np.array(self._ask(self._planes.native([part.copy() for part in bits]), len(bits[0])))

    def _nobody(self) -> Worth:
        if self._empty is None:
            total: Worth = np.zeros(())
            for part in _slices(self._planes.baseline_height, self._ask.size):
                answers = self._whole([plane.baseline[part] for plane in self._planes.planes])
                total = total + self._weights[part] @ answers
            self._empty = linked(total, self._link)
        return self._empty

    def _differences(self) -> Coalitions:
        found = np.zeros((self.height, len(self._players)), bool)
        for place, differs in self._column_differences():
            if self._owner[place] >= 0:
                found[:, self._owner[place]] |= differs
        return found

    def _column_differences(self) -> Iterator[tuple[int, NDArray[np.bool_]]]:
        """For each column, in which rows it differs from some baseline row."""
        rows, baseline = self._columns
        for plane in self._planes.planes:
            for offset, place in enumerate(plane.places):
                if plane.source is None:
                    first = plane.baseline[0, offset]
                    constant = bool((plane.baseline[:, offset] == first).all())
                    yield place, (plane.rows[:, offset] != first) if constant else np.ones(self.height, bool)
                else:
                    name = self._planes.names[place]
                    yield (
                        place,
                        _differs(
                            nw.from_native(rows, eager_only=True)[name], nw.from_native(baseline, eager_only=True)[name]
                        ),
                    )


def _select_one(mask: NDArray[Any], changed: NDArray[Any], base: NDArray[Any], out: NDArray[Any]) -> None:
    """Selection against one baseline row: long runs for the processor instead of one short run a masked copy."""
    copies = len(mask)
    np.bitwise_and(mask.reshape(-1), np.tile(changed, (1, copies)), out=out)
    np.bitwise_xor(out, np.tile(base, copies), out=out)


def _differs(rows: nw.Series[Any], baseline: nw.Series[Any]) -> NDArray[np.bool_]:
    only, *others = [_level(value) for value in baseline.to_list()]
    if any(level != only for level in others):
        return np.ones(len(rows), bool)
    return np.array([_level(value) != only for value in rows.to_list()], bool)


def _level(value: Any) -> Any:
    """What two cells share that a model cannot tell apart: 1, 1.0 and True are three, all missing values one."""
    if value is None:
        return None
    same = value == value
    if not isinstance(same, (bool, np.bool_)):
        return None if same is value else object()  # pandas.NA answers itself; an array is never taken to be equal
    if not same:  # NaN differs from itself
        return None
    return type(value), value.hex() if isinstance(value, float) else value


def _owners(players: Mapping[str, Sequence[str]], columns: Sequence[str]) -> NDArray[np.intp]:
    """The player of each column, or −1; raises for columns that are not there or have two players."""
    owner = np.full(len(columns), -1)
    place = {name: position for position, name in enumerate(columns)}
    for number, (player, owned) in enumerate(players.items()):
        if not owned:
            raise SpecError(f"The player {player!r} has no columns; name at least one.")
        for name in owned:
            if name not in place:
                raise ColumnNotFound(name, columns)
            if owner[place[name]] >= 0:
                raise SpecError(f"The column {name!r} belongs to two players; each column has one at most.")
            owner[place[name]] = number
    return owner


def _widened(coalitions: Coalitions, owner: NDArray[np.intp], plane: Plane) -> NDArray[Any]:
    """Coalitions of players as masks of the plane's columns: all bits set where the column is present."""
    bits = plane.rows.dtype
    owners = owner[list(plane.places)]
    present = coalitions[..., np.maximum(owners, 0)] | (owners < 0)
    masks: NDArray[Any] = np.negative(present.view(np.uint8).astype(f"i{bits.itemsize}")).view(bits)
    return masks


def _normalised(weights: NDArray[np.float64] | None, height: int) -> NDArray[np.float64]:
    if height == 0:
        raise DataError("The baseline has no rows; it needs at least one.")
    if weights is None:
        return np.full(height, 1.0 / height)
    if len(weights) != height or not (weights >= 0).all() or weights.sum() <= 0:
        raise SpecError("The weights of the baseline must be one number from 0 up for each of its rows.")
    return np.asarray(weights / weights.sum(), np.float64)


def _slices(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
