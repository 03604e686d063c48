"""Asks servers of providers and carriers over HTTP, in JSON."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import httpx
import msgspec

T = TypeVar("T")

CONNECTIONS_MAX: Final = 100


class JsonClient:
    """Connections to one server. Options are those of `httpx.AsyncClient`: base_url, timeout.

    Every request raises `unreachable` where the server did not answer, or not sensibly: whether it
    did what was asked is not known. For a status in `refusals` it raises what that makes of the
    answer's body: the server has judged, and will not.
    """

    def __init__(
        self,
        unreachable: type[Exception],
        refusals: Mapping[int, Callable[[bytes], Exception]],
        **options: Any,
    ) -> None:
        self._unreachable = unreachable
        self._refusals = refusals
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX)
        self._http = httpx.AsyncClient(limits=limits, **options)

    async def ask(self, answer: type[T], verb: str, path: str, **content: Any) -> T:
        """The server's answer, read as a type."""
        found = await self.find(answer, verb, path, **content)
        if found is None:
            raise self._unreachable(f"status {httpx.codes.NOT_FOUND}")
        return found

    async def find(self, answer: type[T], verb: str, path: str, **content: Any) -> T | None:
        """The server's answer, read as a type; None where it does not know the thing (404)."""
        body = await self.send(verb, path, **content)
        if body is None:
            return None
        try:
            return msgspec.json.decode(body, type=answer)
        except msgspec.DecodeError as error:
            raise self._unreachable("its answer cannot be read") from error

    async def send(self, verb: str, path: str, **content: Any) -> bytes | None:
        """The body of the server's answer; None where it does not know the thing (404)."""
        try:
            response = await self._http.request(verb, path, **content)
        except httpx.HTTPError as error:
            raise self._unreachable(type(error).__name__) from error
        if response.is_success:
            return response.content
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        refusal = self._refusals.get(response.status_code)
        if refusal is None:
            raise self._unreachable(f"status {response.status_code}")
        try:
            raise refusal(response.content)
        except msgspec.DecodeError as error:
            raise self._unreachable("its answer cannot be read") from error

    async def aclose(self) -> None:
        """Ends the connections."""
        await self._http.aclose()
