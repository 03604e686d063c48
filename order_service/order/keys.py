"""The key of an order in its source, and in the channel of it that made the key (O17).

Marketplaces number their orders each for themselves. A key with its channel is kept as one text,
such as `91@mall-1`, so that what is unique is unique in its channel.
"""

from typing import Final

CHANNEL_SIGN: Final = "@"
"""Is in no key and in no channel."""
OrderKey = tuple[str, str, str]
"""The tenant, the source, and the key as it is kept."""


def kept_key(order_key: str, channel: str) -> str:
    """The key as it is kept."""
    return f"{order_key}{CHANNEL_SIGN}{channel}" if channel else order_key


def key_and_channel(kept: str) -> tuple[str, str]:
    """The key and the channel of what is kept; the channel is "" where there is none."""
    order_key, _, channel = kept.partition(CHANNEL_SIGN)
    return order_key, channel
