"""Short English words, the material of many pocket tasks."""

_LINES = (
    "acorn amber anchor apple arrow badge basket bridge butter candle castle cedar copper coral desert eagle feather",
    "flower garden glacier hammer honey island ivory kettle lantern lemon lizard magnet maple ocean olive orchid",
    "pebble pencil piano rabbit river silver violin walnut window yellow zebra",
)

WORDS = tuple(" ".join(_LINES).split())
