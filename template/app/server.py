"""uvicorn's protocol for HTTP, with the limit that its fast parser lacks."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 * 1024


class LimitedProtocol(HttpToolsProtocol):
    """The parser copies what it has of a header with each packet, and knows no maximum: one client
    that sends a header without end would stop the service.
    """

    unfinished_bytes = 0

    def data_received(self, data: bytes) -> None:
        self.unfinished_bytes += len(data)
        super().data_received(data)
        if self.unfinished_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too large.")

    def on_body(self, body: bytes) -> None:
        self.unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.unfinished_bytes = 0
        super().on_message_complete()
