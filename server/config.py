"""The server's settings: one table, read from the environment in one place."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from engine.engine import EngineSettings
from engine.partition import Retention
from engine.sold_out import KEEP_MS_MAX
from engine.store.durability import Durability
from engine.sweeper import SweepPace
from serving.settings import (
    Address,
    AddressOrNone,
    ConfigError,
    Ms,
    ServerSettings,
    check_port,
    host_and_port,
    name_of,
    settings_from,
)

_RETENTIONS = ("retention_ended_ms", "retention_fulfilled_ms", "retention_adjustments_ms")


class Config(ServerSettings, frozen=True, forbid_unknown_fields=True):
    """The settings of a server."""

    listen: Address = "127.0.0.1:7600"
    """Address and port to listen on; port 0 picks one."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """The number of processes that serve the port; more than 1 need Linux, and a supervisor runs
    them. Set it to the cores that are left when the store has one and whatever else runs there has
    its own: a worker without a core waits for one longer than it works, and so does the store. Each
    connection stays with one worker, so let each process of the shop keep several."""
    metrics_listen: AddressOrNone = ""
    """Address and port of the Prometheus metrics, such as 127.0.0.1:9464; unset: none."""
    redis_url: str = ""
    """The store, such as redis://10.0.0.5:6379/0; unset: a store of its own."""
    data_dir: str = ""
    """Where the store of its own keeps its data, if redis_url is unset."""
    seen_dir: str = ""
    """Where it is remembered how far the store was seen, so that one that went back is refused also
    after a restart; unset: `seen` in data_dir, or forgotten at the end if that is unset, too."""
    durability: Durability = Durability.ALWAYS
    """The level the store must keep: always, everysec or none."""
    retried_ms: Ms = 86_400_000
    """For so long a caller that lost an answer may send the same command again, such as an outbox
    that was down over night; no retention may be shorter."""
    retention_ended_ms: Ms = 86_400_000
    """The time for which released, expired and cancelled reservations are kept."""
    retention_fulfilled_ms: Ms = 30 * 86_400_000
    """The time for which fulfilled reservations are kept, so that Return works, and the ids of
    moves, which may stand for late returns."""
    retention_adjustments_ms: Ms = 86_400_000
    """The time for which adjustment ids are kept, so that AdjustStock is replayed."""
    sweep_expire_ms: Ms = 200
    """The pause between two sweeps of what is past its deadline."""
    sweep_purge_ms: Ms = 5_000
    """The pause between two sweeps of what is past its retention."""
    journal_changes_max: Annotated[int, Meta(ge=1_000)] = 100_000
    """About how many changes the journal keeps."""
    journal_bytes_max: Annotated[int, Meta(ge=1_000_000)] = 64_000_000
    """About how many bytes of the store's memory a shop's journal takes; the oldest changes go."""
    sold_out_ms: Annotated[int, Meta(ge=0, le=KEEP_MS_MAX)] = KEEP_MS_MAX
    """The time for which a SKU just found sold out is refused from memory; 0: never."""

    @property
    def host_and_port(self) -> tuple[str, int]:
        """`listen` in its two parts."""
        return host_and_port(self.listen)

    @property
    def seen_path(self) -> Path | None:
        """The directory that `seen_dir` means; None if there is none."""
        if self.seen_dir:
            return Path(self.seen_dir)
        return Path(self.data_dir, "seen") if self.data_dir else None

    def engine_settings(self) -> EngineSettings:
        """The settings that are the engine's."""
        return EngineSettings(
            Retention(
                self.retention_ended_ms, self.retention_fulfilled_ms, self.retention_adjustments_ms
            ),
            SweepPace(
                self.sweep_expire_ms,
                self.sweep_purge_ms,
                self.journal_changes_max,
                self.journal_bytes_max,
            ),
            sold_out_ms=self.sold_out_ms,
        )


def _check_retention(field: str, kept_ms: int, retried_ms: int) -> None:
    """Refuses to forget what callers may still send again: it would be executed anew."""
    if kept_ms < retried_ms:
        tied = name_of("retried_ms")
        raise ConfigError(
            f"{name_of(field)}: {kept_ms:,} ms is less than the {retried_ms:,} ms of {tied}, for "
            "which callers may send the same command again, and it would be executed anew; raise "
            f"it, or lower {tied} where no caller retries so long"
        )


def from_environment(environment: Mapping[str, str]) -> Config:
    """The settings that the environment gives; an empty value is unset. Raises ConfigError."""
    config = settings_from(environment, Config)
    if not config.redis_url and not config.data_dir:
        raise ConfigError(
            "HOLDFAST_REDIS_URL: no store was named; set it to the URL of a Redis or Valkey, or "
            "set HOLDFAST_DATA_DIR to keep a store of its own there"
        )
    for field in ("listen", "metrics_listen"):
        check_port(field, getattr(config, field))
    for field in _RETENTIONS:
        _check_retention(field, getattr(config, field), config.retried_ms)
    if config.workers > 1 and sys.platform != "linux":
        raise ConfigError(
            "HOLDFAST_WORKERS: more than one worker needs Linux, whose kernel spreads the "
            f"connections to a port over those who listen on it; got {config.workers}"
        )
    return config
