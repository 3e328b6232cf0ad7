"""Amounts in smaller units."""

from random import Random

from anabranch.upstreams.pocket.family import Drawn, Family, Kind

LARGEST = {1: 9, 2: 30, 3: 99}


def _times(factor: int, rng: Random, level: int) -> Drawn:
    amount = rng.randint(2, LARGEST[level])
    return {"n": amount}, str(amount * factor)


UNITS = Family(
    "units",
    {
        "length": Kind(
            "numeric",
            ("How many centimetres are {n} metres?", "Convert {n} metres to centimetres.", "{n} m in cm?"),
            lambda rng, level: _times(100, rng, level),
        ),
        "time": Kind(
            "numeric",
            ("How many minutes are {n} hours?", "Convert {n} hours to minutes.", "{n} h in min?"),
            lambda rng, level: _times(60, rng, level),
        ),
        "weight": Kind(
            "numeric",
            ("How many grams are {n} kilograms?", "Convert {n} kilograms to grams.", "{n} kg in g?"),
            lambda rng, level: _times(1000, rng, level),
        ),
        "dozens": Kind(
            "numeric",
            ("How many eggs are {n} dozen?", "Convert {n} dozen to single eggs.", "{n} dozen in pieces?"),
            lambda rng, level: _times(12, rng, level),
        ),
    },
)
