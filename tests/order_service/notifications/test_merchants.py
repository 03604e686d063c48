"""How merchants are written to, and what messages promise, as the settings say."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from order_service.config import Config
from order_service.notifications.merchants import Merchant, merchants_from
from order_service.notifications.texts import Language
from order_service.outside import Outside
from serving.settings import ConfigError


def as_json(*merchants: dict[str, Any]) -> bytes:
    return msgspec.json.encode(merchants)


def outside_of(**settings: Any) -> Outside:
    return Outside(Config(**settings), lambda: 0)


def test_a_file_names_merchants_of_every_shop() -> None:
    found = merchants_from(
        as_json(
            {"merchant_id": "m-1", "name": "Tea Ltd", "email": "t@example.com", "language": "en"},
            {"merchant_id": "m-1", "tenant": "other"},
        )
    )
    assert found == {
        ("default", "m-1"): Merchant(
            "m-1", "default", "Tea Ltd", "t@example.com", Language.ENGLISH
        ),
        ("other", "m-1"): Merchant("m-1", "other", "", "", Language.CHINESE),
    }


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (b"", "truncated"),
        (b"{}", "Expected `array`"),
        (as_json({"name": "M"}), r"missing required field `merchant_id` - at `\$\[0\]`"),
        (as_json({"merchant_id": "m", "mail": "x"}), "unknown field `mail`"),
        (as_json({"merchant_id": "m", "language": "fr"}), r"Invalid enum value 'fr'.*language`"),
        (as_json({"merchant_id": "m 1"}), r"\[0\].merchant_id: must be 1 to 64"),
        (as_json({"merchant_id": "m", "tenant": ""}), r"\[0\].tenant: must be"),
        (as_json({"merchant_id": "m", "name": "a\0"}), r"\[0\].name: must be"),
        (as_json({"merchant_id": "m", "email": "nobody"}), r"\[0\].email: must be an address"),
        (as_json(*[{"merchant_id": "m"}] * 2), r"\[1\]: merchant m of default is named twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, file: bytes, problem: str
) -> None:
    path = tmp_path / "merchants.json"
    path.write_bytes(file)
    with pytest.raises(ConfigError, match=f"HOLDFAST_MERCHANTS: .*{problem}"):
        outside_of(merchants=str(path))


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"HOLDFAST_MERCHANTS: .*No such file.*gone\.json"):
        outside_of(merchants=str(tmp_path / "gone.json"))


async def test_messages_give_the_shops_time_of_day_and_its_promise() -> None:
    outside = outside_of(time_zone="Asia/Shanghai", ships_within_ms=3_600_000)
    assert outside.composing.ships_within_ms == 3_600_000
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert noon.astimezone(outside.composing.zone).hour == 20
    await outside.aclose()


@pytest.mark.parametrize("name", ["Nowhere/Atlantis", "Europe", "../etc/passwd"])
def test_a_time_zone_that_nobody_knows_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match=f"HOLDFAST_TIME_ZONE: .*such as .*; got '{name}'"):
        outside_of(time_zone=name)
