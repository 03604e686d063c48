"""The demands on a store before stock is entrusted to it; a refusal names the mend.

inspect_store() reads the facts, judge() says which of them are too weak for the level that is to
be kept. A fact that the store does not report counts as too weak, not as good.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Self

import msgspec
from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, ResponseError

from engine.causes import is_denied

# Redis 7.0 brought the script flags (`#!lua flags=...`) that refuse a batch whole when memory is
# full. Valkey forked from Redis 7.2; 8.0 is the first release that is its own.
VERSIONS_MIN = {"valkey": (8, 0), "redis": (7, 0)}

VERSIONS_WANTED = " or ".join(
    f"{product.capitalize()} {major}.{minor}+" for product, (major, minor) in VERSIONS_MIN.items()
)


class StoreVersion(NamedTuple):
    """A product (`valkey`, `redis`) and its version numbers, most significant first."""

    product: str
    numbers: tuple[int, ...]

    @classmethod
    def parse(cls, product: str, text: str) -> Self:
        """The version that `text` begins with: `9.1.2` and `7.0.0-rc1` are (9, 1, 2) and (7, 0, 0).

        Raises ValueError if it does not begin with a number.
        """
        numbers = re.match(r"\d+(?:\.\d+)*", text)
        if numbers is None:
            raise ValueError(f"{text!r} is not a version")
        return cls(product.lower(), tuple(int(number) for number in numbers[0].split(".")))

    @property
    def is_supported(self) -> bool:
        """Whether Holdfast works with it."""
        return self.product in VERSIONS_MIN and self.numbers >= VERSIONS_MIN[self.product]

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.numbers))}"


class Durability(StrEnum):
    """The changes on disk when an answer leaves: the level a store has, or must keep."""

    ALWAYS = "always"
    """The answer's changes."""
    EVERYSEC = "everysec"
    """The changes up to a second or two ago."""
    NONE = "none"
    """As much as the operating system has written."""


class StoreFacts(msgspec.Struct, frozen=True):
    """The facts that a store reports, in its own words; None for one that it does not report."""

    version: StoreVersion | None = None
    mode: str | None = None
    """standalone, cluster or sentinel."""
    role: str | None = None
    primary: str | None = None
    """host:port of the store that a replica follows."""
    appendonly: str | None = None
    appendfsync: str | None = None
    aof_last_write_status: str | None = None
    maxmemory_policy: str | None = None
    maxmemory_bytes: int | None = None
    """0 means no limit."""


class Weakness(NamedTuple):
    """A setting that is too weak: what was found, why it matters, and the command that mends it."""

    setting: str
    value: str
    why: str
    mend: str

    def __str__(self) -> str:
        return f"{self.setting} is {self.value}: {self.why}. Mend it with: {self.mend}"


class _Check(NamedTuple):
    setting: str
    found: Callable[[StoreFacts], object]
    accepts: Callable[[Any, Durability], bool]
    why: str
    mend: str
    """`{keep}` is the level to keep, `{facts}` what was found."""


_WRITES_NOTHING = "#!lua flags=allow-oom\nreturn 1"
UNKNOWN = "unknown"
# An unknown setting has to be readable before it can be mended.
UNKNOWN_MEND = "ACL SETUSER <the user in HOLDFAST_REDIS_URL> +info +config|get"

APPENDFSYNC_ACCEPTED: dict[Durability, set[str | None]] = {
    Durability.ALWAYS: {"always"},
    Durability.EVERYSEC: {"always", "everysec"},
    Durability.NONE: {"always", "everysec", "no", None},
}

# Comes before the others: whatever else such a process lacks, it is no store for us.
MODE_CHECK = _Check(
    setting="mode",
    found=lambda facts: facts.mode,
    accepts=lambda mode, keep: mode not in ("cluster", "sentinel"),
    why="a node of a cluster has only some of the keys, and a Sentinel none",
    mend="set HOLDFAST_REDIS_URL to a primary that is not part of a cluster. Of a Sentinel: "
    "SENTINEL MASTERS names it",
)

CHECKS = (
    _Check(
        setting="version",
        found=lambda facts: facts.version,
        accepts=lambda version, keep: version is not None and version.is_supported,
        why="the rules need script flags that it does not have",
        mend=f"install {VERSIONS_WANTED}",
    ),
    _Check(
        setting="role",
        found=lambda facts: facts.role,
        accepts=lambda role, keep: role == "master",
        why="a replica refuses writes, and what it knows may be out of date",
        mend="set HOLDFAST_REDIS_URL to its primary, {facts.primary}",
    ),
    _Check(
        setting="maxmemory-policy",
        found=lambda facts: facts.maxmemory_policy,
        accepts=lambda policy, keep: policy == "noeviction",
        why="a full store would throw stock and reservations away instead of refusing",
        mend="CONFIG SET maxmemory-policy noeviction",
    ),
    _Check(
        setting="appendonly",
        found=lambda facts: facts.appendonly,
        accepts=lambda appendonly, keep: appendonly == "yes" or keep is Durability.NONE,
        why="a store that ends would lose every reservation since its last snapshot",
        mend="CONFIG SET appendonly yes",
    ),
    _Check(
        setting="appendfsync",
        found=lambda facts: facts.appendfsync,
        accepts=lambda appendfsync, keep: appendfsync in APPENDFSYNC_ACCEPTED[keep],
        why="answers would leave before they are on disk, and a crash would take them back",
        mend="CONFIG SET appendfsync {keep}",
    ),
    _Check(
        setting="aof_last_write_status",
        found=lambda facts: facts.aof_last_write_status,
        accepts=lambda status, keep: status == "ok" or keep is Durability.NONE,
        why="the store could not write its append only file",
        mend="free space on the store's disk; it then goes on by itself",
    ),
)


def judge(facts: StoreFacts, keep: Durability) -> list[Weakness]:
    """The settings too weak for `keep`, in the order of CHECKS; empty if the store is safe."""
    if not MODE_CHECK.accepts(facts.mode, keep):
        return [_weakness(MODE_CHECK, facts, keep)]
    return [
        _weakness(check, facts, keep)
        for check in CHECKS
        if not check.accepts(check.found(facts), keep)
    ]


def durability_of(facts: StoreFacts) -> Durability:
    """The level that the store has; NONE where it does not say."""
    if facts.appendonly == "yes" and facts.appendfsync in ("always", "everysec"):
        return Durability(facts.appendfsync)
    return Durability.NONE


def describe(facts: StoreFacts) -> str:
    """The store in two words, such as `valkey 9.1.2`."""
    return str(facts.version or "a store of unknown version")


async def inspect_store(client: Redis) -> StoreFacts:
    """Ask a store for the facts: one INFO, and one CONFIG GET for what INFO does not tell.

    A user without the right to either, or a managed store without CONFIG, leaves facts unknown.
    Raises redis.exceptions.ConnectionError or TimeoutError if the store does not answer,
    ResponseError if it refuses to for now, and BusyLoadingError while it reads its data: until then
    its AOF is off, whatever is set.
    """
    info = await _info(client)
    if info.get("loading"):
        raise BusyLoadingError("the store is reading its data", status_code="LOADING")
    return facts_from(info, await _appendfsync(client))


async def try_to_write(client: Redis) -> None:
    """Raises what the store would answer to a write now, such as NOREPLICAS; nothing is written.

    A store decides whether a script that may write can run before it runs. A full store is no
    refusal here: what gives stock back is still taken.
    """
    await client.eval(_WRITES_NOTHING, 0)


def facts_from(info: Mapping[str, Any], appendfsync: str | None) -> StoreFacts:
    """The facts in the fields of INFO, and the setting that is in none of them."""
    return StoreFacts(
        version=_version(info),
        mode=_mode(info),
        role=info.get("role"),
        primary=f"{info['master_host']}:{info['master_port']}" if "master_host" in info else None,
        appendonly={0: "no", 1: "yes"}.get(info.get("aof_enabled", -1)),
        appendfsync=appendfsync,
        aof_last_write_status=info.get("aof_last_write_status"),
        maxmemory_policy=info.get("maxmemory_policy"),
        maxmemory_bytes=info.get("maxmemory"),
    )


def _weakness(check: _Check, facts: StoreFacts, keep: Durability) -> Weakness:
    value = check.found(facts)
    if value is None:
        return Weakness(check.setting, UNKNOWN, check.why, UNKNOWN_MEND)
    return Weakness(check.setting, str(value), check.why, check.mend.format(keep=keep, facts=facts))


def _version(info: Mapping[str, Any]) -> StoreVersion | None:
    # Valkey also reports, as redis_version, the Redis that it is compatible with.
    for product in ("valkey", "redis"):
        if f"{product}_version" in info:
            return StoreVersion.parse(product, str(info[f"{product}_version"]))
    return None


def _mode(info: Mapping[str, Any]) -> str | None:
    if info.get("cluster_enabled"):
        return "cluster"
    mode: str | None = info.get("server_mode", info.get("redis_mode"))
    return mode


async def _info(client: Redis) -> dict[str, Any]:
    try:
        return await client.info()
    except ResponseError as error:
        if is_denied(error):
            return {}
        raise


async def _appendfsync(client: Redis) -> str | None:
    try:
        settings = await client.config_get("appendfsync")
    except ResponseError as error:
        if is_denied(error):
            return None
        raise
    return settings.get("appendfsync")
