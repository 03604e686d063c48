"""Asks other servers over HTTP, with bounds on what they may cost us. The one client there is.

A server may be away, silent, slow or lying: each request ends in an answer or in `Unanswered`
within a bounded time, with a bounded body. Redirects are not followed, cookies are not kept, and
what is compressed is not unpacked: nothing of that is asked for. Who asks decides whether to ask
again.
"""

from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec

CONNECT_S_MAX: Final = 5.0
EXCHANGE_SILENCES_MAX: Final = 2
"""An exchange may last so many times as long as the server may be silent: it may not trickle."""
CONNECTIONS_MAX: Final = 100
"""To one server at once. Others wait, for as long as an exchange may last."""
KEPT_S_MAX: Final = 4.0
"""A connection that rests is closed before most servers would: uvicorn's do so after 5 s."""
ANSWER_BYTES_MAX: Final = 4 * 1_024 * 1_024

_ON_THIS_MACHINE: Final = ("127.0.0.1", "localhost", "::1")
_PROBLEMS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ClientSSLError, "no secure connection to it"),
    (aiohttp.ClientConnectorDNSError, "its name is not known"),
    (aiohttp.ClientConnectorError, "no connection to it"),
    (aiohttp.ConnectionTimeoutError, "no connection to it in time"),
    (TimeoutError, "it did not answer in time"),
    (aiohttp.ServerDisconnectedError, "it hung up"),
    (aiohttp.InvalidURL, "its URL is none"),
    (aiohttp.ClientConnectionError, "the connection broke"),
    (aiohttp.ClientError, "its answer is not HTTP"),
)
"""The first that fits says what was wrong."""


class Unanswered(Exception):
    """No answer came, or none that can be read: what was asked for may have been done or not."""


class Answer(NamedTuple):
    """The answer of a server, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Their names in any case."""
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the server did what it was asked."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def json(self) -> Any:
        """The body, read as JSON. Raises msgspec.DecodeError."""
        return msgspec.json.decode(self.body)


class HttpClient:
    """Connections to servers: those whose URLs begin with `base_url`, or any if that is "".

    `headers` go with each request. A server may be silent for `silence_s_max` before it is given
    up. HTTPS is verified by the machine's authorities. Proxies are those of the environment
    (HTTPS_PROXY, NO_PROXY); none is used for what is on this machine.
    """

    def __init__(
        self,
        base_url: str = "",
        *,
        silence_s_max: float,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.base_url = base_url
        self._headers = {"accept-encoding": "identity", **(headers or {})}
        self._timeout = aiohttp.ClientTimeout(
            total=silence_s_max * EXCHANGE_SILENCES_MAX,
            sock_connect=min(CONNECT_S_MAX, silence_s_max),
            sock_read=silence_s_max,
        )
        self._opened: aiohttp.ClientSession | None = None

    async def send(
        self,
        verb: str,
        url: str,
        *,
        body: bytes | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        wants_body: bool = True,
    ) -> Answer:
        """The answer to a request: of a body, or of what is written as JSON. Raises Unanswered.

        Without `wants_body` that of the answer is not read, however long it is.
        """
        if json is not None:
            body, headers = msgspec.json.encode(json), {"content-type": "application/json"}
        url = self.base_url + url
        request: dict[str, Any] = {
            "data": body,
            "headers": headers,
            "params": params,
            "proxy": _proxy_to(*_server_of(url)),
            "allow_redirects": False,
        }
        try:
            async with self._session.request(verb, url, **request) as response:
                received = await _bounded_body(response) if wants_body else b""
                return Answer(response.status, response.headers, received)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unanswered(_problem(error)) from error

    async def aclose(self) -> None:
        """Ends the connections."""
        if self._opened is not None:
            await self._opened.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        """Made at the first request, as it belongs to the event loop of that."""
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, limit_per_host=CONNECTIONS_MAX, keepalive_timeout=KEPT_S_MAX
                ),
                headers=self._headers,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._opened


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise Unanswered(f"its answer has more than {ANSWER_BYTES_MAX:,} bytes")
    return body


def _server_of(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or ""


@lru_cache(maxsize=256)
def _proxy_to(scheme: str, host: str) -> str | None:
    """The proxy of the environment that leads to a server."""
    proxies = getproxies()
    if host in _ON_THIS_MACHINE or proxy_bypass(host):
        return None
    return proxies.get(scheme) or proxies.get("all")


def _problem(error: Exception) -> str:
    """An error in words for a person: nothing of a URL, which may have a secret in it."""
    fitting = (words for kind, words in _PROBLEMS if isinstance(error, kind))
    return next(fitting, type(error).__name__)
