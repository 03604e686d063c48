"""HTTP for tests: a client with short names, and requests to an app in this process."""

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlencode

from starlette.applications import Starlette

from serving.http_client import Answer, HttpClient, Unanswered

SILENCE_S_MAX = 30.0
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Reply:
    """The answer of a server."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.is_success = answer.is_success
        self.content = answer.body
        self.json = answer.json

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()

    def raise_for_status(self) -> None:
        """Raises Unanswered unless the server did what it was asked."""
        if not self.is_success:
            raise Unanswered(f"status {self.status_code}: {self.text}")


class Http:
    """A client of one server, or of any. Its methods raise Unanswered."""

    def __init__(self, base_url: str = "", headers: Mapping[str, str] | None = None) -> None:
        self.base_url = base_url
        self._client = HttpClient(base_url, headers=headers, silence_s_max=SILENCE_S_MAX)

    async def request(
        self,
        verb: str,
        url: str,
        *,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Reply:
        """Sends `json`, the `content`, or the fields of a form."""
        if data is not None:
            content, headers = urlencode(data).encode(), FORM
        return Reply(await self._client.send(verb, url, body=content, headers=headers, **more))

    async def get(self, url: str, **more: Any) -> Reply:
        """Reads."""
        return await self.request("GET", url, **more)

    async def post(self, url: str, **more: Any) -> Reply:
        """Has something done."""
        return await self.request("POST", url, **more)

    async def delete(self, url: str, **more: Any) -> Reply:
        """Takes away."""
        return await self.request("DELETE", url, **more)

    async def aclose(self) -> None:
        """Ends the connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def posted(app: Starlette, path: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of an app's answer to a POST, without a socket; its own errors are raised."""
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "http_version": "1.1",
        "client": ("127.0.0.1", 1),
        "server": ("orders", 80),
    }
    requests = iter([{"type": "http.request", "body": body, "more_body": False}])
    statuses: list[int] = []

    async def receive() -> Any:
        return next(requests, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]
