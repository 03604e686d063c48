"""The options of a rehearsal: one table, from which the command line and the web form are made."""

import dataclasses
import re
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

PAYMENT_SPREAD = (0.5, 1.5)
"""A payment takes this share of `--payment-s`: at least, and at most."""


class OptionError(ValueError):
    """An option that cannot be used; the message names it, its value and what it must be."""


def _option(default: float | str, least: float, most: float, meaning: str) -> Any:
    return dataclasses.field(
        default=default, metadata={"least": least, "most": most, "meaning": meaning}
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """The options of a sale: goods, people, gate. Bounds and meaning are beside each default."""

    skus: int = _option(10, 1, 1_000, "articles on sale; the first is the most wanted")
    stock: int = _option(100, 1, 1_000_000, "units of each article")
    limit_per_buyer: int = _option(
        2, 0, 1_000, "units of an article a buyer may have; 0 = no limit"
    )
    peak_users: int = _option(300, 1, 100_000, "users at T-0, buyers and browsers together")
    gather_s: float = _option(8.0, 1, 3_600, "seconds before T-0, in which people gather")
    burst_s: float = _option(30.0, 1, 86_400, "seconds from T-0 for which all of them stay")
    tail_s: float = _option(15.0, 1, 86_400, "seconds after that, with a fifth of them")
    think_s: float = _option(0.5, 0, 3_600, "seconds between two visits of a user, on average")
    payment_s: float = _option(1.0, 0, 3_600, "seconds a payment takes, on average")
    ttl_s: float = _option(6.0, 1, 3_600, "seconds a reservation lives without a payment")
    slo_p99_ms: float = _option(
        500.0, 0.01, 60_000, "gate: p99 of accepted Reserve calls, in milliseconds, at most"
    )
    tenant: str = _option("", 0, 64, "tenant to sell in; empty = a new one for each run")


def add_to(parser: ArgumentParser) -> None:
    """Gives a parser an option for each setting."""
    # Not in a group: Locust's web form has a field for what its own parser was given only.
    for setting in dataclasses.fields(Settings):
        default: Any = setting.default
        parser.add_argument(
            flag_of(setting.name),
            type=type(default),
            default=default,
            help=f"{setting.metadata['meaning']} (default: {default!r})",
        )


def flags_of(settings: Settings) -> list[str]:
    """The settings as words of a command line."""
    return [
        f"{flag_of(setting.name)}={getattr(settings, setting.name)}"
        for setting in dataclasses.fields(settings)
    ]


def flag_of(name: str) -> str:
    """How a setting is written on the command line."""
    return "--" + name.replace("_", "-")


def settings_from(values: Mapping[str, Any]) -> Settings:
    """The settings, from parsed options or from the fields of the web form.

    Raises OptionError for the first that cannot be used.
    """
    taken: dict[str, Any] = {}
    for setting in dataclasses.fields(Settings):
        kind: Any = type(setting.default)
        value = values.get(setting.name, setting.default)
        try:
            taken[setting.name] = kind(value)
        except ValueError:
            raise OptionError(_problem(setting, f"a {_KINDS[kind]}", value)) from None
        _check_bounds(setting, taken[setting.name])
    settings = Settings(**taken)
    _check_together(settings)
    return settings


_KINDS = {int: "whole number", float: "number"}


def _check_bounds(setting: "dataclasses.Field[Any]", value: Any) -> None:
    least, most = setting.metadata["least"], setting.metadata["most"]
    if isinstance(value, str):
        if not re.fullmatch(r"[A-Za-z0-9._:-]{0,64}", value):
            raise OptionError(_problem(setting, "up to 64 of A-Z a-z 0-9 . _ : -", value))
    elif not least <= value <= most:  # also what is not a number at all
        raise OptionError(_problem(setting, f"{least:,} to {most:,}", value))


def _check_together(settings: Settings) -> None:
    slowest_s = settings.payment_s * PAYMENT_SPREAD[1]
    if slowest_s >= settings.ttl_s:
        raise OptionError(
            f"--payment-s {settings.payment_s:g}: payments take up to {slowest_s:g} s, so --ttl-s "
            f"must be above that; got {settings.ttl_s:g}"
        )


def _problem(setting: "dataclasses.Field[Any]", must_be: str, value: object) -> str:
    return f"{flag_of(setting.name)} must be {must_be}; got {value}"


def checked_target(host: str) -> str:
    """`--host` as a target of the engine. Raises OptionError."""
    if not re.fullmatch(r"(dns:///)?[^/\s]+:\d{1,5}", host):
        raise OptionError(f"--host must be HOST:PORT of a Holdfast, without http://; got {host}")
    return host
