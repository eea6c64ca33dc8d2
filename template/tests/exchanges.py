"""A test that fails shows what was sent and what was answered."""

import re

from tests.client import RequestNotRead, Response

LONGEST_BODY = 2_000
SECRET_NAME = r"\w*(?:password|secret|token|cookie)\w*"
SECRET_IN_JSON = re.compile(rf'(?i)("{SECRET_NAME}"\s*:\s*)"(?:\\.|[^"\\])*"?')
SECRET_IN_FORM = re.compile(rf"(?i)\b({SECRET_NAME}=)[^&]*")

exchanges: list[Response] = []


async def remember(response: Response) -> None:
    await response.aread()
    exchanges.append(response)


def show_exchanges() -> str:
    return "\n\n".join(map(show, exchanges))


def show(response: Response) -> str:
    request = response.request
    try:
        sent = show_body(request.content)
    except RequestNotRead:
        sent = "(a stream)"
    lines = [
        f"{request.method} {request.url.raw_path.decode()}",
        sent,
        f"{response.status_code} {response.reason_phrase}",
        show_body(response.content),
    ]
    return "\n".join(line for line in lines if line)


def show_body(body: bytes) -> str:
    text = SECRET_IN_JSON.sub(r'\1"***"', body.decode(errors="replace"))
    text = SECRET_IN_FORM.sub(r"\1***", text)
    cut = len(text) - LONGEST_BODY
    return text if cut <= 0 else f"{text[:LONGEST_BODY]}… and {cut} characters more"
