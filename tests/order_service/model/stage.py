"""The stage that the stories of a run share: an engine on a store of its own, and one HTTP server
in front of each story's sandboxes.
"""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from starlette.applications import Starlette

from tests.order_service.payment.http import served
from tests.serving import own_store, serve

AN_HOUR_MS = 3_600_000


@dataclass
class Stage:
    """Where stories are played, one at a time, all in one event loop."""

    loop: asyncio.AbstractEventLoop
    target: str
    """The engine."""
    store: "redis.Redis"
    """Where the engine keeps what it knows."""
    url: str = ""
    """The HTTP server."""
    app: Starlette | None = None
    """The application that the HTTP server serves now."""
    stories: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves what the story of now has put up."""
        assert self.app is not None
        await self.app(scope, receive, send)


@contextmanager
def stage_in(directory: Path) -> Iterator[Stage]:
    """A stage, with all it needs. The engine does nothing by itself, because its clock is the
    story's: what has expired or is old is swept by the story.
    """
    settings = {
        "HOLDFAST_DURABILITY": "none",
        "HOLDFAST_SWEEP_EXPIRE_MS": str(AN_HOUR_MS),
        "HOLDFAST_SWEEP_PURGE_MS": str(AN_HOUR_MS),
        "HOLDFAST_SOLD_OUT_MS": "0",
    }
    with (
        own_store(directory / "store", appendonly="no") as store,
        serve(directory / "engine", HOLDFAST_REDIS_URL=store.url, **settings) as engine,
        store.client() as client,
        asyncio.Runner() as runner,
        pytest.MonkeyPatch.context() as patched,
    ):
        # Each HTTP client reads all certificates of the world, and nobody here speaks TLS.
        context = ssl.create_default_context()
        patched.setattr(ssl, "create_default_context", lambda *_, **__: context)
        stage = Stage(runner.get_loop(), engine.target, client)
        serving = served(stage)  # type: ignore[arg-type]
        stage.url = runner.run(serving.__aenter__())
        try:
            yield stage
        finally:
            runner.run(serving.__aexit__(None, None, None))
