"""The report of a failing test shows its requests and their responses, without secrets."""

import json
import re
from collections.abc import Generator
from typing import Any

import pytest

from tests.client import (
    RecordedStream,
    Request,
    RequestNotRead,
    Response,
    ResponseNotRead,
    exchanges,
)

MAX_SHOWN_CHARACTERS = 2_000
NOT_JSON = (ValueError, RecursionError)
SECRET_NAME = re.compile(
    r"(?i)passw|pwd|secret|token(?!_type)|cookie|credential|authorization|jwt|api.?key|private.?key"
)
# In forms, in queries, and in text that looks like JSON.
FIELD = re.compile(r"""([\w%\[\].-]+)=([^&\s"]*)|\\?"([^"\\]+)\\?"\s*:\s*(\\?"?[^",}]*)""")


def pytest_runtest_setup() -> None:
    exchanges.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and exchanges:
        shown = [show(request, response) for request, response in exchanges.items()]
        report.sections.append(("HTTP exchange", "\n\n".join(shown)))
    return report


def show(request: Request, response: Response | None) -> str:
    try:
        sent = show_body(request.content)
    except RequestNotRead:
        sent = "(a stream)"
    lines = [f"> {request.method} {show_body(request.url.raw_path)}", sent]
    if response is None:
        lines.append("< (no response)")
    else:
        lines.append(f"< {response.status_code} {response.reason_phrase}")
        lines.append(show_response(response))
    return "\n".join(line for line in lines if line)


def show_response(response: Response) -> str:
    try:
        return show_body(response.content)
    except ResponseNotRead:
        assert isinstance(response.stream, RecordedStream)
        return f"{show_body(response.stream.beginning)}(not read to its end)"


def show_body(body: bytes) -> str:
    text = body.decode(errors="replace")
    try:
        text = json.dumps(mask(json.loads(text)), ensure_ascii=False)
    except NOT_JSON:
        text = mask_fields(text)
    # JSON can contain half of a surrogate pair, which no terminal can show.
    text = text.encode(errors="backslashreplace").decode()
    cut = len(text) - MAX_SHOWN_CHARACTERS
    return text if cut <= 0 else f"{text[:MAX_SHOWN_CHARACTERS]}… and {cut} more characters"


def mask(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: "***" if SECRET_NAME.search(name) else mask(part) for name, part in value.items()
        }
    if isinstance(value, list):
        return [mask(part) for part in value]
    return mask_fields(value) if isinstance(value, str) else value


def mask_fields(text: str) -> str:
    def mask_field(match: re.Match[str]) -> str:
        name, value = match[1] or match[3], match[2] or match[4]
        return match[0].replace(value, "***") if value and SECRET_NAME.search(name) else match[0]

    return FIELD.sub(mask_field, text)
