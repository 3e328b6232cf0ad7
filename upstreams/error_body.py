"""The OpenAI error object, which clients turn into typed exceptions."""

from typing import Any


def error_body(
    message: str, kind: str = "upstream_error", param: str | None = None, code: str | int | None = None
) -> dict[str, Any]:
    """The JSON object of an error.

    >>> error_body("no such model", "invalid_request_error", "model", "model_not_found")["error"]["code"]
    'model_not_found'
    """
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
