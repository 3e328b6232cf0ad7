"""A report for machines."""

from dataclasses import fields

import orjson

from anabranch.training.report.contents import Report

SCHEMA_VERSION = 1


def to_json(report: Report) -> bytes:
    """The report as JSON, indented, keys in the order of the dataclasses in `contents`.

    The top level is `schema_version` (1) and the fields of `Report`; every figure with an interval is
    `{"value", "low", "high"}`. What is not a finite number is null: a figure that is not defined, an interval that was
    not computed, a quality-neutral cost that is never reached. Costs are in `cost_unit` a request (not per 1,000, as
    people read them), qualities and shares in [0, 1], `saving_usd` in USD a request.
    """
    found = {field.name: getattr(report, field.name) for field in fields(report)}
    return orjson.dumps({"schema_version": SCHEMA_VERSION, **found}, option=orjson.OPT_INDENT_2)
