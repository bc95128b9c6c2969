"""Days as they are typed."""

from __future__ import annotations

from datetime import UTC, date, datetime

from gateway.cli.mistake import Mistake
from gateway.model.calendar import city_day


def day_of(written: str, option: str) -> date:
    """Return the day that an option says.

    Raises:
        Mistake: it is none; names the option.
    """
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise Mistake(f"{option} is not a day", "Write YYYY-MM-DD.") from None


def today_or(written: str, option: str) -> date:
    """Return the day that an option says, or today in the city for "".

    Raises:
        Mistake: it is none.
    """
    return day_of(written, option) if written else city_day(datetime.now(UTC).replace(tzinfo=None))
