"""Asks servers of providers and carriers over HTTP, in JSON."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from serving.http_client import HttpClient, Unanswered

T = TypeVar("T")


class JsonClient:
    """One server, asked by a client of its own, which ends with this one.

    Every request raises `unreachable` where the server did not answer, or not sensibly: whether it
    did what was asked is not known. For a status in `refusals` it raises what that makes of the
    answer's body: the server has judged, and will not.
    """

    def __init__(
        self,
        http: HttpClient,
        unreachable: type[Exception],
        refusals: Mapping[int, Callable[[bytes], Exception]],
    ) -> None:
        self._http = http
        self._unreachable = unreachable
        self._refusals = refusals

    async def ask(self, answer: type[T], verb: str, path: str, **content: Any) -> T:
        """The server's answer, read as a type."""
        found = await self.find(answer, verb, path, **content)
        if found is None:
            raise self._unreachable(f"status {HTTPStatus.NOT_FOUND}")
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
            answer = await self._http.send(verb, path, **content)
        except Unanswered as error:
            raise self._unreachable(str(error)) from error
        if answer.is_success:
            return answer.body
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        refusal = self._refusals.get(answer.status)
        if refusal is None:
            raise self._unreachable(f"status {answer.status}")
        try:
            raise refusal(answer.body)
        except msgspec.DecodeError as error:
            raise self._unreachable("its answer cannot be read") from error

    async def aclose(self) -> None:
        """Ends the connections."""
        await self._http.aclose()
