"""The model test can fail: it finds each bug that is put into the engine here, one at a time.

That it finds nothing in the engine as it is, test_engine_matches_oracle.py shows.
"""

from importlib.resources import files

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from engine.model import Line
from engine.records import stock_field
from engine.scripts import batch_script, part_text
from tests.model.machine import machine_of
from tests.partition import Partition

STORIES = settings(
    max_examples=250,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

BUGS = {
    "one unit more than available can be reserved": (
        "if units > left then",
        "if units > left + 1 then",
    ),
    "the last available unit cannot be reserved": (
        "return level[ON_HAND] - level[UNITS_RESERVED]",
        "return level[ON_HAND] - 1 - level[UNITS_RESERVED]",
    ),
    "safety stock is sold": (
        "level[UNITS_CONFIRMED] - level[SAFETY_STOCK]",
        "level[UNITS_CONFIRMED]",
    ),
    "a Reserve does not look whether its id is known": (
        "if records[id] then\n    if must_wait(id)",
        "if false then\n    if must_wait(id)",
    ),
    "a known id is replayed whatever its content": (
        "elseif record:sub(HEADER_BYTES + 1, body_end) == body then",
        "else",
    ),
    "a replay answers the first state": (
        "return -APPLIED, state, expires\n  end\n  return ID_REUSED",
        "return -APPLIED, RESERVED, expires\n  end\n  return ID_REUSED",
    ),
    "lines of one SKU are not summed for the limit": (
        "asked[buyer] = (asked[buyer] or 0) + line_units[i]",
        "asked[buyer] = line_units[i]",
    ),
    "no limit per buyer": (
        " or limited and past_limit(count)",
        "",
    ),
    "expiry keeps the units": (
        "level[UNITS_RESERVED] - quantity\n    touch_level",
        "level[UNITS_RESERVED] - (kind == EXPIRE and 0 or quantity)\n    touch_level",
    ),
    "expiry and release keep the buyer's units": (
        "give_back_buyer_units(body, field, quantity)",
        "",
    ),
    "expiry comes a millisecond late": (
        "if state == RESERVED and expires <= now then",
        "if state == RESERVED and expires < now then",
    ),
    "time runs back": (
        "now = math.max(now, tonumber(meta[4] or 0))",
        "",
    ),
    "a Release gives back confirmed units": (
        "local RELEASE_REFUSAL = {\n  [CONFIRMED] = ALREADY_CONFIRMED,",
        "local RELEASE_REFUSAL = {",
    ),
    "an expired reservation is sold without looking at the stock": (
        "short_of_stock(count) or past_limit(count)",
        "past_limit(count)",
    ),
    "a reacquired reservation is purged": (
        "retention_after[member] = false",
        "",
    ),
    "a shipment is repeated": (
        "local known = known_fingerprint(movements, key)",
        "local known = nil",
    ),
    "a movement of a line that the reservation does not have": (
        "if total == 0 or (wanted and next(wanted)) then",
        "if total == 0 then",
    ),
    "damaged units are sold again": (
        "[DAMAGED] = rule_to(UNITS_DAMAGED)",
        "[DAMAGED] = rule_to(ON_HAND)",
    ),
    "a fulfilled reservation takes its buyer's units to the grave": (
        "if state == FULFILLED then\n    local counts",
        "if false then\n    local counts",
    ),
    "an adjustment is repeated": (
        "local known = known_adjustment(adjustment_id)",
        "local known = nil",
    ),
}

# These show where a batch does not expire all that is due.
BUGS_OF_A_BOUNDED_BATCH = {
    "who may be short for what is due is refused": (
        "or level[DUE_FROM_MS] > now or all_due_expired()",
        "or level[DUE_FROM_MS] > now or all_due_expired() or true",
    ),
    "what is due counts for the limit": (
        "elseif not all_due_expired() then",
        "elseif all_due_expired() == nil then",
    ),
    "a Reserve overtakes one that waits": (
        "if someone_waits and must_wait(id, count) then",
        "if false then",
    ),
    "a Release overtakes a Reserve that waits": (
        "    return NOT_JUDGED, 0, 0\n  elseif not records[id] then\n    keep",
        "  end\n  if not records[id] then\n    keep",
    ),
}
BUGS_OF_DEADLINES = {
    "nobody is reminded of a deadline brought forward": (
        "    remind(id, count_lines(body_of(id)), expires_at_ms)\n",
        "",
    ),
    "a level does not know of a deadline brought forward": (
        "    tell_levels(id, expires_at_ms)\n",
        "",
    ),
    "a level knows only the last deadline": (
        "if expires and (expires < level[DUE_FROM_MS] or level[UNITS_RESERVED] == 0) then",
        "if expires then",
    ),
}
ALL_BUGS = BUGS | BUGS_OF_A_BOUNDED_BATCH | BUGS_OF_DEADLINES


def unsummed(lines: list[Line]) -> list[tuple[str, int]]:
    """What `sum_lines` must not be: every line for itself."""
    return sorted((stock_field(line.sku, line.location), line.quantity) for line in lines)


def script_with(bug: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The batch script with a bug; there must be one place for it in the Lua files."""
    right, wrong = ALL_BUGS[bug]
    sources = [path.read_text("utf-8") for path in (files("engine") / "lua").iterdir()]
    assert sum(source.count(right) for source in sources) == 1, right
    monkeypatch.setattr(
        "engine.scripts.part_text", lambda part: part_text(part).replace(right, wrong)
    )
    return batch_script.__wrapped__()


@pytest.mark.parametrize("bug", BUGS | BUGS_OF_DEADLINES)
def test_a_bug_in_the_script_is_caught(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    partition = Partition(store, script=script_with(bug, monkeypatch))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine_of(partition), settings=STORIES)


@pytest.mark.parametrize("bug", BUGS_OF_A_BOUNDED_BATCH)
def test_a_bug_in_what_waits_is_caught(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    partition = Partition(store, script=script_with(bug, monkeypatch), due_limit=1)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine_of(partition), settings=STORIES)


def test_a_missing_line_sum_is_caught(store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    # Lines are summed before they reach the script, so this bug goes where the sum is made.
    monkeypatch.setattr("engine.columns.sum_lines", unsummed)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine_of(Partition(store)), settings=STORIES)
