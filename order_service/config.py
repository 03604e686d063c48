"""The order service's settings: one table, read from the environment in one place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta

from serving.settings import (
    Address,
    AddressOrNone,
    ConfigError,
    Ms,
    ServerSettings,
    check_port,
    name_of,
    settings_from,
)

DATABASE_FILE: Final = "orders.db"
Percent = Annotated[int, Meta(ge=0, le=100)]
NO_DEFAULT: Final = "none"
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


class Config(ServerSettings, frozen=True, forbid_unknown_fields=True):
    """The settings of the order service."""

    orders_listen: Address = "127.0.0.1:7610"
    """Address and port of the gRPC API; port 0 picks one."""
    callbacks_listen: Address = "127.0.0.1:7611"
    """Address and port for the callbacks of payment providers and carriers."""
    callbacks_tls_certificate: str = ""
    """A PEM file with the certificate for callbacks; unset: plain HTTP, for a proxy that speaks
    HTTPS."""
    callbacks_tls_key: str = ""
    """The private key of that certificate."""
    orders_metrics_listen: AddressOrNone = ""
    """Address and port of the Prometheus metrics; unset: none."""
    target: str = "127.0.0.1:7600"
    """The engine's server."""
    database_url: str = ""
    """The database, such as postgresql://user@host/orders; unset: a SQLite file in data_dir."""
    data_dir: str = ""
    """Where the SQLite file is kept, if database_url is unset."""
    sandbox_url: str = ""
    """The built-in sandbox of provider and carrier; unset: not offered."""
    sandbox_api_key: str = ""
    """The key for the sandbox."""
    sandbox_secrets: str = ""
    """The secrets that the sandbox signs its callbacks with: whsec_..., the newest first, former
    ones after a comma."""
    stripe_api_key: str = ""
    """The secret key of a Stripe account; unset: not offered."""
    stripe_url: str = ""
    """Stripe's API, if it is not Stripe's own; for tests."""
    stripe_secrets: str = ""
    """The secrets that Stripe signs its callbacks with, the newest first, by commas."""
    easypost_api_key: str = ""
    """The key of an EasyPost account; unset: not offered."""
    easypost_url: str = ""
    """EasyPost's API, if it is not EasyPost's own; for tests."""
    easypost_secrets: str = ""
    """The secrets that EasyPost signs its callbacks with, the newest first, by commas."""
    easypost_origins: str = ""
    """EasyPost's addresses of our warehouses: location and adr_... by a space, several by
    commas."""
    carrier_rules: str = ""
    """A JSON file with the rules by which carriers are chosen; unset: each may carry every
    parcel."""
    notify_file: str = ""
    """A file that notifications are written to, a JSON line each."""
    notify_smtp_url: str = ""
    """A mail server for them, such as smtp://user:password@mail.example:587."""
    notify_from: str = ""
    """The sender of that mail."""
    notify_webhooks: str = ""
    """Receivers of events: URL and secret by a space, several by commas."""
    notify_message_webhooks: str = ""
    """Receivers of messages to buyers and merchants, such as a gateway for texts: URL and secret by
    a space, several by commas. Messages are personal."""
    merchants: str = ""
    """A JSON file with names, e-mail addresses and languages of merchants; unset: only their ids
    are known."""
    time_zone: str = "UTC"
    """The time zone of the times in messages, such as Asia/Shanghai."""
    default_country: Annotated[str, Meta(pattern=f"^([A-Z]{{2}}|{NO_DEFAULT})$")] = "CN"
    """The country of an order's delivery that names none; none: each order has to name it."""
    waiting_ms: Ms = 7 * _DAY_MS
    """An order that waits for stock is closed after so long."""
    waiting_units_max: Annotated[int, Meta(ge=1, le=1_000_000)] = 100
    """The most units of an article that one order may wait for."""
    waiting_pay_within_ms: Annotated[int, Meta(ge=1, le=6 * _DAY_MS)] = 12 * _HOUR_MS
    """An order that has waited can be paid at least so long after its stock came."""
    review_off_percent_max: Annotated[int, Meta(ge=0, le=100)] = 50
    """An order whose discount and coupon take off more of the goods' price waits for a person; 100:
    none does."""
    review_freight_percent_max: Annotated[int, Meta(ge=0, le=1_000_000)] = 1_000
    """An order whose freight, or tax, is more of the goods' price waits for a person."""
    review_words: str = ""
    """Words by which a remark is read by a person before its order goes on, by commas; unset: those
    of order_service/fulfilment/remarks.py."""
    payment_notice_ms: Annotated[int, Meta(ge=0, le=6 * _DAY_MS)] = 5 * 60_000
    """The buyer of an unpaid order is reminded so long before it is closed, unless its method gives
    no more time than that; 0: never."""
    ships_within_ms: Ms = 48 * _HOUR_MS
    """Messages promise that an effective order is shipped so soon."""
    review_within_ms: Ms = 72 * _HOUR_MS
    """An order that waits for a person, after its review or on hold, is overdue after so long. It
    goes on waiting: no timer lets go or cancels what a person has stopped."""
    pick_within_ms: Ms = 24 * _HOUR_MS
    """A parcel that is not picked after so long is overdue."""
    goodwill_percent_max: Percent = 30
    """The part of an order's total that can go back as presents, for no goods."""
    complete_after_ms: Ms = 7 * 24 * _HOUR_MS
    """An order completes so long after its last parcel was signed for."""
    returns_within_ms: Ms = 30 * _DAY_MS
    """Goods may come back so long after an order's last parcel has left: the longest window of the
    shops' policies, with the ways there and back. The engine has to keep reservations as long."""
    return_days: Annotated[int, Meta(ge=0, le=365)] = 7
    """A merchant earns its part of an order only so many days after the day of its receipt, in
    which the buyer may return it without a reason."""

    @property
    def orders_database_url(self) -> str:
        """The database that is used."""
        return self.database_url or f"sqlite:///{Path(self.data_dir).absolute() / DATABASE_FILE}"


def from_environment(environment: Mapping[str, str]) -> Config:
    """The settings that the environment gives; an empty value is unset. Raises ConfigError."""
    config = settings_from(environment, Config)
    if not config.database_url and not config.data_dir:
        raise ConfigError(
            f"{name_of('database_url')}: no database was named; set it to the URL of a PostgreSQL, "
            f"or set {name_of('data_dir')} to keep a SQLite file there"
        )
    for field in ("orders_listen", "callbacks_listen", "orders_metrics_listen"):
        check_port(field, getattr(config, field))
    for name, needs in (
        ("HTTPS", ("callbacks_tls_certificate", "callbacks_tls_key")),
        ("sandbox", ("sandbox_url", "sandbox_api_key", "sandbox_secrets")),
        ("stripe", ("stripe_api_key", "stripe_secrets")),
        ("easypost", ("easypost_api_key", "easypost_secrets", "easypost_origins")),
        ("mail", ("notify_smtp_url", "notify_from")),
    ):
        missing = [field for field in needs if not getattr(config, field)]
        if missing and len(missing) < len(needs):
            raise ConfigError(f"{name_of(missing[0])}: it is needed for {name}, and is unset")
    return config


def listed(values: str) -> list[str]:
    """The values of a setting that may have several."""
    return [value.strip() for value in values.split(",") if value.strip()]
