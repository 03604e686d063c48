"""The synchronous client is what its generator makes of the asyncio client."""

from tools.make_sync_client import sync_twins


def test_the_synchronous_client_is_current() -> None:
    for twin, text in sync_twins().items():
        assert twin.read_text() == text, (
            f"what {twin.name} is made of has changed; run "
            "`.venv/bin/python -m tools.make_sync_client`"
        )
