"""The synchronous client is what its generator makes of the asyncio client."""

from tools.make_sync_client import SOURCE, TWIN, sync_twin


def test_the_synchronous_client_is_current() -> None:
    assert TWIN.read_text() == sync_twin(SOURCE.read_text()), (
        "holdfast/client.py has changed; run `.venv/bin/python -m tools.make_sync_client`"
    )
