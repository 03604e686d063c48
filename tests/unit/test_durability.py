"""The settings of a store that are too weak, row by row, without a store."""

import msgspec
import pytest

from engine.store.durability import (
    CHECKS,
    Durability,
    StoreFacts,
    StoreVersion,
    Weakness,
    describe,
    durability_of,
    facts_from,
    judge,
)

ALWAYS, EVERYSEC, NONE = Durability.ALWAYS, Durability.EVERYSEC, Durability.NONE

STRONG = StoreFacts(
    version=StoreVersion("valkey", (9, 1, 2)),
    role="master",
    appendonly="yes",
    appendfsync="always",
    aof_last_write_status="ok",
    maxmemory_policy="noeviction",
    maxmemory_bytes=0,
)

REDIS_6 = StoreVersion("redis", (6, 2, 14))
VALKEY_7 = StoreVersion("valkey", (7, 2, 5))
INSTALL = "install Valkey 8.0+ or Redis 7.0+"

# What differs from STRONG, the level to keep, and the setting, value and mend that are reported.
WEAK = [
    ({"version": REDIS_6}, NONE, "version", "redis 6.2.14", INSTALL),
    ({"version": VALKEY_7}, NONE, "version", "valkey 7.2.5", INSTALL),
    (
        {"role": "slave", "primary": "10.0.0.7:6379"},
        NONE,
        "role",
        "slave",
        "set HOLDFAST_REDIS_URL to its primary, 10.0.0.7:6379",
    ),
    (
        {"maxmemory_policy": "allkeys-lru"},
        NONE,
        "maxmemory-policy",
        "allkeys-lru",
        "CONFIG SET maxmemory-policy noeviction",
    ),
    ({"appendonly": "no"}, EVERYSEC, "appendonly", "no", "CONFIG SET appendonly yes"),
    (
        {"appendfsync": "everysec"},
        ALWAYS,
        "appendfsync",
        "everysec",
        "CONFIG SET appendfsync always",
    ),
    ({"appendfsync": "no"}, EVERYSEC, "appendfsync", "no", "CONFIG SET appendfsync everysec"),
    (
        {"aof_last_write_status": "err"},
        EVERYSEC,
        "aof_last_write_status",
        "err",
        "free space on the store's disk; it then goes on by itself",
    ),
]

GOOD_ENOUGH: list[tuple[dict[str, object], Durability]] = [
    ({}, ALWAYS),
    ({"version": StoreVersion("redis", (7, 0, 0))}, ALWAYS),
    ({"version": StoreVersion("valkey", (8, 0, 0))}, ALWAYS),
    ({"version": StoreVersion("redis", (10, 0))}, ALWAYS),
    ({"maxmemory_bytes": 1_000_000}, ALWAYS),
    ({}, EVERYSEC),
    ({"appendfsync": "everysec"}, EVERYSEC),
    ({"appendonly": "no", "appendfsync": "no", "aof_last_write_status": "err"}, NONE),
    ({"appendonly": None, "appendfsync": None, "aof_last_write_status": None}, NONE),
]


@pytest.mark.parametrize(("changes", "keep", "setting", "value", "mend"), WEAK)
def test_a_weak_setting_is_named_with_its_value_and_its_mend(
    changes: dict[str, object], keep: Durability, setting: str, value: str, mend: str
) -> None:
    found = judge(msgspec.structs.replace(STRONG, **changes), keep)
    assert [(weakness.setting, weakness.value, weakness.mend) for weakness in found] == [
        (setting, value, mend)
    ]


@pytest.mark.parametrize(("changes", "keep"), GOOD_ENOUGH)
def test_a_store_that_keeps_the_level_has_no_weakness(
    changes: dict[str, object], keep: Durability
) -> None:
    assert judge(msgspec.structs.replace(STRONG, **changes), keep) == []


def test_every_check_has_a_row_above_in_which_it_fails() -> None:
    assert {row[2] for row in WEAK} == {check.setting for check in CHECKS}


def test_what_the_store_does_not_tell_is_a_weakness_and_never_strength() -> None:
    found = judge(StoreFacts(), ALWAYS)
    assert [weakness.setting for weakness in found] == [check.setting for check in CHECKS]
    assert {weakness.value for weakness in found} == {"unknown"}
    assert all("+config|get" in weakness.mend for weakness in found)


@pytest.mark.parametrize(
    ("appendonly", "appendfsync", "level"),
    [
        ("yes", "always", ALWAYS),
        ("yes", "everysec", EVERYSEC),
        ("yes", "no", NONE),
        ("yes", None, NONE),
        ("no", "always", NONE),
        (None, "always", NONE),
    ],
)
def test_the_level_of_a_store_is_what_it_surely_has_on_disk(
    appendonly: str | None, appendfsync: str | None, level: Durability
) -> None:
    facts = StoreFacts(appendonly=appendonly, appendfsync=appendfsync)
    assert durability_of(facts) is level


def test_a_weakness_reads_as_one_sentence_with_the_thing_the_value_and_what_to_do() -> None:
    weakness = Weakness(
        "appendonly", "no", "a restart loses reservations", "CONFIG SET appendonly yes"
    )
    assert str(weakness) == (
        "appendonly is no: a restart loses reservations. Mend it with: CONFIG SET appendonly yes"
    )


@pytest.mark.parametrize(
    ("info", "described"),
    [
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, "valkey 9.1.2"),
        ({"redis_version": "7.0.15"}, "redis 7.0.15"),
        ({"redis_version": "8.0.0-rc1"}, "redis 8.0.0"),
        ({}, "a store of unknown version"),
    ],
)
def test_a_valkey_is_not_taken_for_the_redis_it_is_compatible_with(
    info: dict[str, object], described: str
) -> None:
    assert describe(facts_from(info, None)) == described
