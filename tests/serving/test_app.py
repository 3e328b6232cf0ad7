"""Routes, keys, the log, and what stands in it."""

import logging
import re
import subprocess
import sys
from typing import Any

import pytest

from anabranch.upstreams.fake import Fake
from tests.serving.gateways import HELLO, Running, answer_to, fake, on

ASK: dict[str, Any] = {"model": "wren", "messages": HELLO}
LOGGER = "anabranch.serving.requests"


def test_another_path_and_another_method() -> None:
    async def use(gateway: Running) -> None:
        nowhere, wrong = await gateway.get("/v1/embeddings"), await gateway.get("/v1/chat/completions")
        assert (nowhere.status, wrong.status) == (404, 405)
        assert nowhere.error["type"] == wrong.error["type"] == "invalid_request_error"
        assert "POST /v1/chat/completions" in nowhere.error["message"]
        assert wrong.headers["allow"] == "POST"

    on(use, {"wren": fake()})


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "open-sesame", "Bearer clé"])
def test_a_wrong_key_is_refused(header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = answer_to(ASK, key="open-sesame", headers=headers)
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert "sesame" not in answer.raw.decode()


def test_the_right_key_is_let_through_and_health_needs_none() -> None:
    async def use(gateway: Running) -> tuple[int, int, int]:
        right = {"authorization": "Bearer key"}
        answered, listed = await gateway.post(ASK, headers=right), await gateway.get("/v1/models", headers=right)
        return answered.status, listed.status, (await gateway.get("/health")).status

    assert on(use, {"wren": fake()}, key="key") == (200, 200, 200)


def test_a_line_a_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    answer = answer_to(ASK)
    (line,) = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert re.fullmatch(rf"POST /v1/chat/completions 200 wren \d+\.\d ms {answer.ours('decision-id')}", line)


def test_neither_prompts_nor_keys_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = {**ASK, "messages": [{"role": "user", "content": "my secret"}], "user": "secret"}

    async def use(gateway: Running) -> None:
        headers = {"authorization": "Bearer secret"}
        await gateway.post(body, headers=headers)
        await gateway.post({**body, "model": "secret"}, headers=headers)
        await gateway.post({**body, "prompt": "secret"}, "/v1/completions", headers=headers)
        await gateway.get("/v1/models?api_key=secret", headers=headers)

    on(use, {"wren": fake()}, key="secret")
    assert caplog.text.count("/v1/") == 4
    assert "secret" not in caplog.text


def test_a_path_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    on(lambda gateway: gateway.get("/v1/models/a%0AINFO: b"), {"wren": fake()})
    (record,) = [record for record in caplog.records if record.name == LOGGER]
    assert "\n" not in record.getMessage()


def test_what_an_upstream_calls_itself_cannot_break_a_header() -> None:
    """Its model is not ours to choose: line ends and letters beyond ASCII are percent-encoded."""

    class Odd(Fake):
        async def complete(self, request: Any) -> Any:
            from dataclasses import replace

            return replace(await super().complete(request), model="évil\r\nset-cookie: x")

    answer = answer_to(ASK, {"wren": Odd(lambda request: "hi")})
    assert answer.status == 200
    assert answer.ours("resolved-model") == "%C3%A9vil%0D%0Aset-cookie: x"
    assert "set-cookie" not in answer.headers


def test_the_app_is_light() -> None:
    heavy = {"torch", "transformers", "pandas", "pyarrow", "sklearn", "scipy"}
    code = f"import sys, anabranch.serving.app, anabranch.serving.server; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
