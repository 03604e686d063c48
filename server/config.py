"""The server's settings: one table, read from the environment in one place."""

import sys
from collections.abc import Mapping
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
    settings_from,
)


class Config(ServerSettings, frozen=True, forbid_unknown_fields=True):
    """The settings of a server."""

    listen: Annotated[
        Address, Meta(description="Address and port to listen on; port 0 picks one.")
    ] = "127.0.0.1:7600"
    workers: Annotated[
        int,
        Meta(
            ge=1,
            le=256,
            description="How many processes serve the port; more than 1 need Linux, and a "
            "supervisor runs them.",
        ),
    ] = 1
    metrics_listen: Annotated[
        AddressOrNone,
        Meta(
            description="Address and port of the Prometheus metrics, such as 127.0.0.1:9464; "
            "unset: none.",
        ),
    ] = ""
    redis_url: Annotated[
        str,
        Meta(description="The store, such as redis://10.0.0.5:6379/0; unset: a store of its own."),
    ] = ""
    data_dir: Annotated[
        str, Meta(description="Where the store of its own keeps its data, if redis_url is unset.")
    ] = ""
    durability: Annotated[
        Durability,
        Meta(description="The level the store must keep: always, everysec or none."),
    ] = Durability.ALWAYS
    retention_ended_ms: Annotated[
        Ms, Meta(description="How long released, expired and cancelled reservations are kept.")
    ] = 86_400_000
    retention_fulfilled_ms: Annotated[
        Ms, Meta(description="How long fulfilled reservations are kept, so that Return works.")
    ] = 30 * 86_400_000
    retention_adjustments_ms: Annotated[
        Ms, Meta(description="How long adjustment ids are kept, so that AdjustStock is replayed.")
    ] = 86_400_000
    sweep_expire_ms: Annotated[
        Ms, Meta(description="The pause between two sweeps of what is past its deadline.")
    ] = 200
    sweep_purge_ms: Annotated[
        Ms, Meta(description="The pause between two sweeps of what is past its retention.")
    ] = 5_000
    journal_changes_max: Annotated[
        int, Meta(ge=1_000, description="About how many changes the journal keeps.")
    ] = 100_000
    sold_out_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=KEEP_MS_MAX,
            description="How long a SKU just found sold out is refused from memory; 0: never.",
        ),
    ] = KEEP_MS_MAX

    @property
    def host_and_port(self) -> tuple[str, int]:
        """`listen` in its two parts."""
        return host_and_port(self.listen)

    def engine_settings(self) -> EngineSettings:
        """The settings that are the engine's."""
        return EngineSettings(
            Retention(
                self.retention_ended_ms, self.retention_fulfilled_ms, self.retention_adjustments_ms
            ),
            SweepPace(self.sweep_expire_ms, self.sweep_purge_ms, self.journal_changes_max),
            sold_out_ms=self.sold_out_ms,
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
    if config.workers > 1 and sys.platform != "linux":
        raise ConfigError(
            "HOLDFAST_WORKERS: more than one worker needs Linux, whose kernel spreads the "
            f"connections to a port over those who listen on it; got {config.workers}"
        )
    return config
