"""A test that fails shows what was sent and what was answered."""

import json
import re
from typing import Any

from tests.client import Request, RequestNotRead, Response

LONGEST_BODY = 2_000
NOT_JSON = (ValueError, RecursionError)
SECRET_NAME = re.compile(
    r"(?i)passw|pwd|secret|token(?!_type)|cookie|credential|authorization|jwt|api.?key|private.?key"
)
# In forms, in queries, and in what looks like JSON.
FIELD = re.compile(r"""([\w%\[\].-]+)=([^&\s"]*)|\\?"([^"\\]+)\\?"\s*:\s*(\\?"?[^",}]*)""")

# In the order in which they were sent; a request that made the app fail has no response.
exchanges: dict[Request, Response | None] = {}


async def remember_request(request: Request) -> None:
    exchanges[request] = None


async def remember_response(response: Response) -> None:
    await response.aread()
    exchanges[response.request] = response


def show_exchanges() -> str:
    return "\n\n".join(show(request, response) for request, response in exchanges.items())


def show(request: Request, response: Response | None) -> str:
    try:
        sent = show_body(request.content)
    except RequestNotRead:
        sent = "(a stream)"
    lines = [f"> {request.method} {show_body(request.url.raw_path)}", sent]
    if response is None:
        lines.append("< (no answer)")
    else:
        lines.append(f"< {response.status_code} {response.reason_phrase}")
        lines.append(show_body(response.content))
    return "\n".join(line for line in lines if line)


def show_body(body: bytes) -> str:
    text = body.decode(errors="replace")
    try:
        text = json.dumps(mask(json.loads(text)), ensure_ascii=False)
    except NOT_JSON:
        text = mask_fields(text)
    # JSON can name half a character, which no terminal can show.
    text = text.encode(errors="backslashreplace").decode()
    cut = len(text) - LONGEST_BODY
    return text if cut <= 0 else f"{text[:LONGEST_BODY]}… and {cut} characters more"


def mask(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: "***" if SECRET_NAME.search(name) else mask(each) for name, each in value.items()
        }
    if isinstance(value, list):
        return [mask(each) for each in value]
    return mask_fields(value) if isinstance(value, str) else value


def mask_fields(text: str) -> str:
    def mask_field(match: re.Match[str]) -> str:
        name, value = match[1] or match[3], match[2] or match[4]
        return match[0].replace(value, "***") if value and SECRET_NAME.search(name) else match[0]

    return FIELD.sub(mask_field, text)
