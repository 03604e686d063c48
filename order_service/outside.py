"""The outside world as the settings name it: providers, carriers, channels and subscribers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from order_service.config import Config, listed
from order_service.fulfilment.carrier_rules import CarrierRule, rules_from
from order_service.fulfilment.carriers import easypost
from order_service.fulfilment.carriers import sandbox as sandbox_carrier
from order_service.fulfilment.carriers.port import Carrier
from order_service.notifications.announcing import Announcer
from order_service.notifications.cloud_events import JsonLines
from order_service.notifications.compose import Composing
from order_service.notifications.merchants import Merchants, merchants_from
from order_service.notifications.port import Channel, Subscriber
from order_service.notifications.smtp import Smtp, SmtpServer
from order_service.notifications.webhook import Receiver, WebhookSender
from order_service.payment.providers.port import Provider
from order_service.payment.providers.sandbox import SandboxProvider
from serving.http_client import HttpClient
from serving.private_files import private_file
from serving.settings import ConfigError, name_of

T = TypeVar("T")

WEBHOOK_SILENCE_S_MAX = 10.0
FILE, MAIL = "file", "mail"


class Outside:
    """Everything outside that this process speaks to, and how to end it."""

    def __init__(self, config: Config, clock_ms: Callable[[], int]) -> None:
        self.providers: Mapping[str, Provider] = _providers(config)
        self.carriers: Mapping[str, Carrier] = _carriers(config)
        self.carrier_rules = _carrier_rules(config, self.carriers)
        self.merchants: Merchants = (
            _read("merchants", config.merchants, merchants_from) if config.merchants else {}
        )
        self.composing = Composing(config.ships_within_ms, _time_zone(config))
        self._payment_notice_ms = config.payment_notice_ms
        self._http = HttpClient(silence_s_max=WEBHOOK_SILENCE_S_MAX)
        self.channels: dict[str, Channel] = {}
        self.subscribers: dict[str, Subscriber] = {}
        self._set_up_notifications(config, clock_ms)

    @property
    def announcer(self) -> Announcer:
        """Announces to buyers and merchants over every channel, and to all subscribers."""
        channels = tuple(self.channels)
        return Announcer(channels, channels, tuple(self.subscribers), self._payment_notice_ms)

    async def aclose(self) -> None:
        """Ends all connections."""
        sides: list[Provider | Carrier] = [*self.providers.values(), *self.carriers.values()]
        for side in sides:
            await side.aclose()
        await self._http.aclose()

    def _set_up_notifications(self, config: Config, clock_ms: Callable[[], int]) -> None:
        if config.notify_file:
            private_file(Path(config.notify_file))
            lines = JsonLines(Path(config.notify_file))
            self.channels[FILE] = self.subscribers[FILE] = lines
        if config.notify_smtp_url:
            self.channels[MAIL] = Smtp(_mail_server(config))
        self.subscribers |= self._webhooks(config, "notify_webhooks", clock_ms)
        self.channels |= self._webhooks(config, "notify_message_webhooks", clock_ms)

    def _webhooks(
        self, config: Config, field: str, clock_ms: Callable[[], int]
    ) -> dict[str, WebhookSender]:
        """The receivers of a setting, by their names. Raises ConfigError."""
        senders: dict[str, WebhookSender] = {}
        for number, receiver in enumerate(listed(getattr(config, field)), 1):
            url, _, secret = receiver.partition(" ")
            if not url.startswith(("http://", "https://")) or not secret:
                raise ConfigError(
                    f"{name_of(field)}: each must be a URL and a secret, with a space "
                    f"between them; receiver {number} is not"
                )
            known = Receiver(url, tuple(secret.split()))
            try:
                senders[known.name] = WebhookSender(self._http, known, clock_ms)
            except ValueError:
                raise ConfigError(
                    f"{name_of(field)}: a secret of receiver {number} is not base64"
                ) from None
        return senders


def _providers(config: Config) -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    if config.sandbox_url:
        url = f"{config.sandbox_url.rstrip('/')}/provider"
        secrets = listed(config.sandbox_secrets)
        providers["sandbox"] = SandboxProvider(url, config.sandbox_api_key, secrets)
    if config.stripe_api_key:
        # Imported only here: it is an extra, which not everybody has installed.
        from order_service.payment.providers.stripe import StripeProvider

        secrets = listed(config.stripe_secrets)
        providers["stripe"] = StripeProvider(config.stripe_api_key, secrets, config.stripe_url)
    return providers


def _carriers(config: Config) -> dict[str, Carrier]:
    carriers: dict[str, Carrier] = {}
    if config.sandbox_url:
        url = f"{config.sandbox_url.rstrip('/')}/carrier"
        secrets = listed(config.sandbox_secrets)
        carriers[sandbox_carrier.NAME] = sandbox_carrier.SandboxCarrier(
            url, config.sandbox_api_key, secrets
        )
    if config.easypost_api_key:
        carriers[easypost.NAME] = easypost.EasyPostCarrier(
            config.easypost_api_key,
            listed(config.easypost_secrets),
            _origins(config),
            config.easypost_url,
        )
    return carriers


def _origins(config: Config) -> dict[str, str]:
    """EasyPost's address of each warehouse."""
    origins: dict[str, str] = {}
    for origin in listed(config.easypost_origins):
        location, _, address_id = origin.rpartition(" ")
        if not location:
            raise ConfigError(
                f"{name_of('easypost_origins')}: each must be a location and the id of an address, "
                f"with a space between them; {origin!r} is not"
            )
        origins[location] = address_id
    return origins


def _carrier_rules(config: Config, carriers: Iterable[str]) -> Sequence[CarrierRule]:
    if not config.carrier_rules:
        return tuple(CarrierRule(name) for name in carriers)
    return _read("carrier_rules", config.carrier_rules, rules_from)


def _time_zone(config: Config) -> ZoneInfo:
    try:
        return ZoneInfo(config.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"{name_of('time_zone')}: must be a time zone that this machine knows, such as "
            f"Asia/Shanghai; got {config.time_zone!r}"
        ) from error


def _read(field: str, path: str, parse: Callable[[bytes], T]) -> T:
    """The content of the file that a setting names, parsed."""
    try:
        return parse(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name_of(field)}: {error}") from error


def _mail_server(config: Config) -> SmtpServer:
    url = urlsplit(config.notify_smtp_url)
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise ConfigError(
            f"{name_of('notify_smtp_url')}: must be smtp://HOST:PORT or smtps://HOST:PORT"
        )
    tls = url.scheme == "smtps"
    return SmtpServer(
        host=url.hostname,
        port=url.port or (465 if tls else 587),
        sender=config.notify_from,
        username=unquote(url.username or ""),
        password=unquote(url.password or ""),
        tls=tls,
    )
