"""Days of the week and months, before and after."""

from random import Random

from anabranch.upstreams.pocket.family import Drawn, Family, Kind

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
FARTHEST = {1: 3, 2: 7, 3: 20}


def _moved(names: tuple[str, ...], rng: Random, level: int, sign: int) -> Drawn:
    start, steps = rng.randrange(len(names)), rng.randint(1, FARTHEST[level])
    return {"start": names[start], "n": steps}, names[(start + sign * steps) % len(names)]


DATES = Family(
    "dates",
    {
        "weekday-after": Kind(
            "exact",
            (
                "Which day is {n} days after {start}?",
                "It is {start}. What day is it in {n} days?",
                "{start} plus {n} days?",
            ),
            lambda rng, level: _moved(DAYS, rng, level, 1),
        ),
        "weekday-before": Kind(
            "exact",
            (
                "Which day is {n} days before {start}?",
                "It is {start}. What day was it {n} days ago?",
                "{start} less {n} days?",
            ),
            lambda rng, level: _moved(DAYS, rng, level, -1),
        ),
        "month-after": Kind(
            "exact",
            ("Which month is {n} months after {start}?", "It is {start}. Which month is it in {n} months?"),
            lambda rng, level: _moved(MONTHS, rng, level, 1),
        ),
        "month-before": Kind(
            "exact",
            ("Which month is {n} months before {start}?", "It is {start}. Which month was it {n} months ago?"),
            lambda rng, level: _moved(MONTHS, rng, level, -1),
        ),
    },
)
