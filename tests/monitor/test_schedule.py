"""Laws of cron expressions, and which windows of a monitor are due."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.errors import SpecError
from evenhand.monitor.cron import Cron

MOMENTS = st.datetimes(datetime(1999, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> tuple[str, set[int]]:
    """A field as text, and what it must mean."""
    if draw(st.booleans()):
        step = draw(st.integers(1, 7))
        return (f"*/{step}" if step > 1 else "*"), set(range(low, high + 1, step))
    texts, values = [], set[int]()
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        step = draw(st.integers(1, 5))
        texts.append(f"{first}-{last}/{step}" if last > first else str(first))
        values |= set(range(first, last + 1, step)) if last > first else {first}
    return ",".join(texts), values


@given(fields(0, 59), fields(0, 23), fields(1, 12), fields(0, 6), MOMENTS)
def test_an_expression_holds_exactly_where_all_its_fields_do(
    minute: tuple[str, set[int]],
    hour: tuple[str, set[int]],
    month: tuple[str, set[int]],
    weekday: tuple[str, set[int]],
    at: datetime,
) -> None:
    cron = Cron.parse(f"{minute[0]} {hour[0]} * {month[0]} {weekday[0]}")
    sunday_first = (at.weekday() + 1) % 7
    expected = (
        at.minute in minute[1] and at.hour in hour[1] and at.month in month[1] and sunday_first in weekday[1]
    )  # fmt: skip
    assert cron.holds(at) is expected


@given(fields(0, 59), fields(0, 23), fields(1, 28), MOMENTS)
def test_the_next_time_is_the_first_that_holds(
    minute: tuple[str, set[int]], hour: tuple[str, set[int]], day: tuple[str, set[int]], at: datetime
) -> None:
    cron = Cron.parse(f"{minute[0]} {hour[0]} {day[0]} * *")
    following = cron.next_after(at)
    assert following is not None
    assert following > at
    assert cron.holds(following)
    between = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for _ in range(3_000):
        if between >= following:
            break
        assert not cron.holds(between)
        between += timedelta(minutes=1)


@given(MOMENTS)
def test_either_day_is_enough_where_both_are_named(at: datetime) -> None:
    found = Cron.parse("* * 13 * fri").holds(at)
    assert found is (at.day == 13 or at.isoweekday() == 5)
    assert Cron.parse("* * */2 * fri").holds(at) is (at.day % 2 == 1 and at.isoweekday() == 5)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("0 0 * JAN,dec Mon-FRI", "0 0 * 1,12 1-5"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("5/20 * * * *", "5,25,45 * * * *"),
    ],
)
def test_two_ways_to_write_the_same(text: str, same: str) -> None:
    assert Cron.parse(text) == Cron.parse(same)


def test_leap_days_come() -> None:
    following = Cron.parse("30 4 29 2 *").next_after(datetime(2096, 3, 1, tzinfo=UTC))
    assert following == datetime(2104, 2, 29, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("* * * *", "'* * * *' is no cron expression; write minute, hour, day, month and weekday"),
        ("60 * * * *", "'60' in '60 * * * *' is no minute; it takes 0 to 59"),
        ("0 24 * * *", "is no hour"),
        ("0 0 0 * *", "is no day of the month; it takes 1 to 31"),
        ("0 0 * foo *", "is no month; it takes 1 to 12 or jan, feb"),
        ("0 0 * * 8", "is no day of the week"),
        ("5-1 * * * *", "'5-1' in"),
        ("*/0 * * * *", "'*/0' in"),
        ("1,,2 * * * *", "'' in"),
        ("-1 * * * *", "is no minute"),
        ("0 0 30 2 *", "'0 0 30 2 *' never comes"),
    ],
)
def test_what_is_no_expression_says_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(SpecError) as error:
        Cron.parse(text)
    assert says in str(error.value)


@given(st.text(max_size=30))
def test_any_text_is_an_expression_or_an_error_of_one_line(text: str) -> None:
    try:
        Cron.parse(text)
    except SpecError as error:
        assert "\n" not in str(error) or "\\n" in repr(text)
