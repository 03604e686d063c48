"""Bugs that can be put into the engine, one at a time: the text that is right, and a wrong one.

`killing_stories.py` keeps for each a story that shows it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import pytest
import redis

from engine.model import Line
from engine.records import stock_field
from engine.scripts import batch_script, part_text
from tests.partition import DUE_LIMIT, Partition, rules_alone

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
        "- level[UNITS_CONFIRMED] - level[SAFETY_STOCK]\nend",
        "- level[UNITS_CONFIRMED]\nend",
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
    "the limit of another location is not seen": (
        "(packed and limit_of(sku, packed) or level[LIMIT_PER_BUYER])",
        "level[LIMIT_PER_BUYER]",
    ),
    "a limit that becomes looser stays as strict": (
        "if before > 0 and before == known then",
        "if false then",
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
        "local known = progress.fingerprints[key]",
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
    "units that come back to another location go to their own": (
        "local to = elsewhere and elsewhere[line] or field",
        "local to = field",
    ),
    "units come back to a location that has no level of their SKU": (
        "      return nil, UNKNOWN_SKU",
        "      return nil",
    ),
    "a level is changed once a line that comes back to it": (
        "if to ~= touched then",
        "if true then",
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

# These are in the part that moves units from one place to another.
BUGS_OF_MOVES = {
    "a move is repeated": ("local known = known_adjustment(move_id)", "local known = nil"),
    "a move takes what is reserved": (
        "    return units <= available(level)\n",
        "    return units <= level[ON_HAND]\n",
    ),
    "a move takes more than is damaged": (
        "return bucket == BUCKET_OUTSIDE or units <= (level[COUNTS[bucket]] or 0)",
        "return true",
    ),
    "a move takes nothing from where the units were": (
        "add_units(from, from_bucket, -units)",
        "",
    ),
    "a move puts units in a bucket of the same name where they were": (
        "add_units(to, to_bucket, units)",
        "add_units(from or to, to_bucket, units)",
    ),
    "a move within a level is two changes of it": (
        "if to and to ~= from then",
        "if to then",
    ),
    "units move to a location that has no level of their SKU": (
        "elseif from == false or to == false then",
        "elseif from == false then",
    ),
    "a move finds what is due reserved": (
        "and units > available(from)\n    and not no_unit_is_due(from) then",
        "and false then",
    ),
}

BUGS_OF_EXCHANGES = {
    "exchanged units go on counting": (
        "exchanged.count(other, units, -1)",
        "",
    ),
    "a unit is exchanged twice": (
        "      - open_units(id, line)\n",
        "",
    ),
    "a refused exchange takes the old units off all the same": (
        "limited and past_limit(count)\n  if refusal and units then",
        "limited and past_limit(count)\n  if false then",
    ),
    "units of another buyer are exchanged": (
        "if not record or other_body[BODY_BUYER] ~= body[BODY_BUYER] then",
        "if not record then",
    ),
    "the limit is given back for exchanged units that come back": (
        "units[line] - uncounted)",
        "units[line])",
    ),
    "units come back for another exchange than the one named": (
        "return exchange_id == for_exchange end",
        "return false end",
    ),
    "an exchange outlives the reservation that lapses": (
        "  if exchanged then\n    exchanged.undo(id)\n  end\n",
        "",
    ),
    "a cancellation does not undo an exchange": (
        "if exchanged and kind == CANCEL then",
        "if false then",
    ),
    "a part cancelled undoes all of an exchange": (
        "left = left + body[BODY_LINES + 2 * line - 1] - counts",
        "left = left + 0 * counts",
    ),
    "a lapsed reservation takes its stock again without its exchange": (
        "units, other = exchanged.take_again(id)",
        "",
    ),
    "a purge gives exchanged units back": (
        "- (exchanged and exchanged.open_units(id, line) or 0))",
        ")",
    ),
    "a lapsed exchange holds its units until the sweep": (
        "    exchanged.settle(progress)\n",
        "",
    ),
    "units of a lapsed exchange do not count until the sweep": (
        "    exchanged.settle_buyers(count)\n",
        "",
    ),
}

# These show where a batch does not expire all that is due.
BUGS_OF_A_BOUNDED_BATCH = {
    "who may be short for what is due is refused": (
        "if level[UNITS_RESERVED] == 0 or level[DUE_FROM_MS] > now then\n    return true",
        "if true then\n    return true",
    ),
    "what is due counts for the limit": (
        "if limit_at[field] > 0 and not no_unit_of_sku_is_due(field) then",
        "if false then",
    ),
    "a Reserve overtakes one that waits": (
        "if someone_waits and must_wait(id, all, other) then",
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
        "    lower_bounds(id, expires_at_ms)\n",
        "",
    ),
    "a level knows only the last deadline": (
        "if expires and (expires < level[DUE_FROM_MS] or level[UNITS_RESERVED] == 0) then",
        "if expires then",
    ),
}

# These are in the part that judges a few Reserves; all others are looked for without it.
BUGS_OF_A_FEW = {
    "a few: one unit more than available can be reserved": (
        "if wanted > left then",
        "if wanted > left + 1 then",
    ),
    "a few: safety stock is sold": (
        "level[UNITS_CONFIRMED] - level[SAFETY_STOCK]\n    local none",
        "level[UNITS_CONFIRMED]\n    local none",
    ),
    "a few: nobody looks whether an id is known": ("if known[i] or", "if"),
    "a few: nobody looks whether an id comes twice": ("or seen[ids[i]] then", "then"),
    "a few: no limit per buyer": (
        "outcome = bought and bought <= limit and outcome or LIMIT_EXCEEDED",
        "",
    ),
    "a few: who names no buyer has no limit": (
        "outcome = bought and bought <= limit and",
        "outcome = (not bought or bought <= limit) and",
    ),
    "a few: the limit of another location is not seen": ("if located[i] then", "if false then"),
    "a few: what is refused counts for the limit": ("units[buyer] = units[buyer] - wanted", ""),
    "a few: who may be short for what is due is refused": (
        "if not none_is_due then",
        "if false then",
    ),
    "a few: what is due counts for the limit": (
        "is_certain and none_is_due and not rows.located[position]",
        "is_certain",
    ),
    "a few: a level knows only the last deadline": (
        "if level[UNITS_RESERVED] == 0 or expires < level[DUE_FROM_MS] then",
        "if true then",
    ),
    "a few: only one is reminded of a deadline": (
        "entry[1], entry[#entry + 1] =",
        "entry[1], entry[2] =",
    ),
}


LINES_ARE_NOT_SUMMED = "lines of one SKU and location are not summed"
SCRIPT_BUGS = (
    BUGS
    | BUGS_OF_MOVES
    | BUGS_OF_EXCHANGES
    | BUGS_OF_A_BOUNDED_BATCH
    | BUGS_OF_DEADLINES
    | BUGS_OF_A_FEW
)
ALL_BUGS = (*SCRIPT_BUGS, LINES_ARE_NOT_SUMMED)


@contextmanager
def partition_with(bug: str, store: "redis.Redis") -> Iterator[Partition]:
    """A partition of an engine that has the bug while the context lasts."""
    with pytest.MonkeyPatch.context() as patched:
        if bug == LINES_ARE_NOT_SUMMED:
            # Lines are summed before they reach the script, so this bug goes where the sum is made.
            patched.setattr("engine.columns.sum_lines", _unsummed)
            yield Partition(store)
        else:
            yield Partition(store, script=_script_with(bug, patched), due_limit=due_limit_of(bug))


def due_limit_of(bug: str) -> int:
    """The most lines that a batch of the bug's partition expires."""
    return 1 if bug in BUGS_OF_A_BOUNDED_BATCH else DUE_LIMIT


def _script_with(bug: str, patched: pytest.MonkeyPatch) -> str:
    """The batch script with a bug; there must be one place for it in the Lua files."""
    right, wrong = SCRIPT_BUGS[bug]
    sources = [path.read_text("utf-8") for path in (files("engine") / "lua").iterdir()]
    assert sum(source.count(right) for source in sources) == 1, right
    patched.setattr("engine.scripts.part_text", lambda part: part_text(part).replace(right, wrong))
    text = batch_script.__wrapped__()
    return text if bug in BUGS_OF_A_FEW else rules_alone(text)


def _unsummed(lines: list[Line]) -> list[tuple[str, int]]:
    """Every line for itself, as `sum_lines` must not give them."""
    return sorted((stock_field(line.sku, line.location), line.quantity) for line in lines)
