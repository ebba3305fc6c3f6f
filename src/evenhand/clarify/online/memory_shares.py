"""Memory shares: what the memory setting leaves to queued bytes and to the work of one request, and who holds what."""

from dataclasses import dataclass

from evenhand.clarify.online.refusals import Refusal
from evenhand.core.errors import SpecError

MEGABYTE = 2**20
_LEAST = 64 * 10**6
# Bytes of a cell of a masked row: in the buffer, in the table made of it, as text for the wire, in the model.
_CELL = 120
_ROWS = (16, 8192)
# Bytes of a line of a body as objects.
_LINE = 300
# Bytes of a pair of coalitions and a player that the regression holds at once.
_DESIGN = 48


@dataclass(frozen=True)
class Shares:
    """A quarter for bytes that wait to be worked on or sent, half for work, a quarter for what Python leaves behind."""

    total: int
    concurrency: int

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise SpecError(f"concurrency={self.concurrency} must be at least 1.")
        if self.work < _LEAST // 2:
            least = _LEAST * self.concurrency // 10**6
            raise SpecError(f"memory={self.total // 10**6}MB is too little; give at least {least}MB.")

    @property
    def held(self) -> int:
        """Bytes of bodies and answers of all requests together."""
        return self.total // 4

    @property
    def work(self) -> int:
        """Bytes for the work of one request."""
        return self.total // 2 // self.concurrency

    def rows_at_once(self, width: int, most: int | None) -> int:
        """How many masked rows the model is asked at a time."""
        fitting = self.work // 4 // (width * _CELL + 512)
        return max(1, min(max(_ROWS[0], min(fitting, _ROWS[1])), most or _ROWS[1]))

    def rows_together(self, players: int, budget: int, outputs: int) -> int:
        """How many records share one run: their worths, and one design for each number of varying players."""
        each = budget * outputs * 8 * 6 + min(players * _DESIGN // 2, 2**12) * min(budget, 2**12)
        return max(1, self.work // 4 // each)

    def check_design(self, players: int, budget: int, what: str) -> None:
        """Raises Refusal where the coalitions of this many players do not fit."""
        if players * (budget // 2 + 1) * _DESIGN > self.work // 2:
            raise Refusal(
                413,
                f"{what} is {players:,} units to explain with {budget:,} samples, more than the memory setting holds;"
                " send less, choose a coarser Granularity or fewer NumberOfSamples, or raise --memory.",
            )

    def check_lines(self, body: bytes) -> None:
        """Raises Refusal where a body has more lines than can be told apart in memory."""
        lines = body.count(b"\n") + 1
        if lines * _LINE > self.work // 4:
            raise Refusal(
                413, f"The request has {lines:,} lines; the memory setting holds {self.work // 4 // _LINE:,}."
            )

    def check_records(self, records: int, cells: int, outputs: int) -> None:
        """Raises Refusal where the answer for this many records does not fit."""
        each = cells * (outputs * 48 + 200) + 512
        if records * each > self.work // 4:
            most = max(1, self.work // 4 // each)
            raise Refusal(
                413, f"{records:,} records are more than the memory setting holds; send at most {most:,} a request."
            )


class Held:
    """Counts the bytes that requests hold; used by the event loop alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.bytes = 0

    def take(self, count: int) -> None:
        """Count these bytes too; raises Refusal where they are too many."""
        if self.bytes + count > self._most:
            raise Refusal(429, "Too many bytes wait to be worked on; try again later.", retry_after=1)
        self.bytes += count

    def give(self, count: int) -> None:
        """These bytes are gone."""
        self.bytes -= count
