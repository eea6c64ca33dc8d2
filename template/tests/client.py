from httpx import ASGITransport, AsyncClient, RequestNotRead, Response

__all__ = ["ASGITransport", "AsyncClient", "RequestNotRead", "Response"]
