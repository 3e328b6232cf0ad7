"""Sums, differences, products and doubles of whole numbers."""

from random import Random

from anabranch.upstreams.pocket.family import Drawn, Family, Kind

LARGEST = {1: 12, 2: 40, 3: 99}


def _add(rng: Random, level: int) -> Drawn:
    a, b = rng.randint(1, LARGEST[level]), rng.randint(1, LARGEST[level])
    return {"a": a, "b": b}, str(a + b)


def _subtract(rng: Random, level: int) -> Drawn:
    b, a = sorted((rng.randint(1, LARGEST[level]), rng.randint(1, LARGEST[level])))
    return {"a": a, "b": b}, str(a - b)


def _multiply(rng: Random, level: int) -> Drawn:
    a, b = rng.randint(2, 9), rng.randint(2, {1: 9, 2: 15, 3: 30}[level])
    return {"a": a, "b": b}, str(a * b)


def _double(rng: Random, level: int) -> Drawn:
    a = rng.randint(2, {1: 50, 2: 99, 3: 499}[level])
    return {"a": a}, str(2 * a)


ARITHMETIC = Family(
    "arithmetic",
    {
        "add": Kind("numeric", ("What is {a} + {b}?", "Add {a} and {b}.", "{a} plus {b} is what?"), _add),
        "subtract": Kind(
            "numeric", ("What is {a} - {b}?", "Take {b} away from {a}.", "{a} minus {b} is what?"), _subtract
        ),
        "multiply": Kind(
            "numeric", ("What is {a} x {b}?", "Multiply {a} by {b}.", "{a} times {b} is what?"), _multiply
        ),
        "double": Kind("numeric", ("Double {a}.", "What is twice {a}?", "What is two lots of {a}?"), _double),
    },
)
