"""A test that fails shows what was sent and what was answered."""

import re

from tests.client import Request, RequestNotRead, Response

LONGEST_BODY = 2_000
SECRET_NAME = r"\w*(?:password|secret|token|cookie|authorization)\w*"
STRING, LIST, OBJECT, OTHER = r'"(?:\\.|[^"\\])*"?', r"\[[^]]*\]?", r"\{[^}]*\}?", r"[^\s,}\]]+"
SECRET_IN_JSON = re.compile(rf'(?i)("{SECRET_NAME}"\s*:\s*)(?:{STRING}|{LIST}|{OBJECT}|{OTHER})')
SECRET_IN_FORM = re.compile(rf"(?i)\b({SECRET_NAME}=)[^&\s]*")

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
    text = SECRET_IN_JSON.sub(r'\1"***"', body.decode(errors="replace"))
    text = SECRET_IN_FORM.sub(r"\1***", text)
    cut = len(text) - LONGEST_BODY
    return text if cut <= 0 else f"{text[:LONGEST_BODY]}… and {cut} characters more"
