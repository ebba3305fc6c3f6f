"""Types of the API's paths and texts: ids of known shape, so that none becomes a path or a statement."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, Field

from evenhand.server.problems import Refused

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
LARGEST = 2**31 - 1

MonitorName = Annotated[str, Path(pattern=_NAME, description="A monitor's name.", examples=["loans"])]
BountyName = Annotated[str, Path(pattern=_NAME, description="A bounty's name.", examples=["loans"])]
TeamName = Annotated[str, Field(pattern=_NAME, description="A team's name.", examples=["A"])]
Number = Annotated[int, Path(ge=1, le=LARGEST, description="A number that the API gave.", examples=[7])]
# One line of text: no control characters, so that logs and databases of every kind take it.
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Most = Annotated[int, Field(ge=1, le=1_000)]


def _with_zone(moment: datetime) -> datetime:
    try:
        found = moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise Refused(422, "A time is beyond the years that are kept.") from None
    if not 1970 <= found.year <= 9000:
        raise Refused(422, "A time is beyond the years that are kept: 1970 to 9000.")
    return found


Moment = Annotated[datetime, AfterValidator(_with_zone), Field(examples=["2026-11-20T00:00:00Z"])]
