-- MoveStock: move units of a SKU from one place to another, once per move id. A place is a level
-- and a bucket of it; outside of all levels its field is "".
--
-- `move_id` begins with a sign that no adjustment or setting has, for the ids of all are kept
-- together. It is kept as long as fulfilled reservations: a move may stand for a late Return.
--
-- Numbers: units, from_bucket, to_bucket
-- Strings: from_field, to_field, move_id, fingerprint, reason
-- Stock outcomes: STOCK_APPLIED | STOCK_ADJUSTMENT_ID_REUSED | STOCK_NOT_FOUND |
--   STOCK_NOT_ENOUGH_UNITS | STOCK_INVALID
-- Memory: takes

-- The count of a level that a bucket is.
local COUNTS = {
  [BUCKET_RESELLABLE] = ON_HAND,
  [BUCKET_DAMAGED] = UNITS_DAMAGED,
  [BUCKET_INCOMING] = UNITS_INCOMING,
}

-- Whether so many units may leave a bucket: never what is reserved, confirmed or safety stock.
local function may_leave(level, bucket, units)
  if bucket == BUCKET_RESELLABLE then
    return units <= available(level)
  end
  return bucket == BUCKET_OUTSIDE or units <= (level[COUNTS[bucket]] or 0)
end

-- Adds units to a bucket. A level has no count of incoming units while there are none, so that
-- servers which do not know it read all other levels.
local function add_units(level, bucket, units)
  local count = COUNTS[bucket]
  local after = (level[count] or 0) + units
  level[count] = (after > 0 or count ~= UNITS_INCOMING) and after or nil
end

local function answer_levels(outcome, from, to)
  extras[#extras + 1] = {0, from and {unpack(from)} or false, to and {unpack(to)} or false}
  return outcome, 0, 0
end

judge[MOVE_STOCK] = function()
  local units, from_bucket = numbers[number_next], numbers[number_next + 1]
  local to_bucket = numbers[number_next + 2]
  local from_field, to_field = strings[string_next], strings[string_next + 1]
  local move_id, fingerprint = strings[string_next + 2], strings[string_next + 3]
  local reason = strings[string_next + 4]
  number_next, string_next = number_next + 3, string_next + 5

  local from, to = levels[from_field], levels[to_field]      -- outside: nil
  local field = from_field ~= '' and from_field or to_field
  line_field[1] = field
  if must_wait(move_id, 1) then
    return NOT_JUDGED, 0, 0
  end
  local known = known_adjustment(move_id)
  if known then
    local same = known == fingerprint
    return answer_levels(same and -STOCK_APPLIED or STOCK_ADJUSTMENT_ID_REUSED, from, to)
  elseif from == false or to == false then
    return answer_levels(STOCK_NOT_FOUND, from, to)
  elseif from_bucket == BUCKET_RESELLABLE and units > available(from)
    and not no_unit_is_due(from) then
    return wait(move_id, 1)
  elseif not may_leave(from, from_bucket, units) then
    return answer_levels(STOCK_NOT_ENOUGH_UNITS, from, to)
  elseif to and (to[COUNTS[to_bucket]] or 0) + units > ON_HAND_MAX then
    return answer_levels(STOCK_INVALID, from, to)
  end

  if from then
    add_units(from, from_bucket, -units)
    touch_level(from_field, from)
  end
  if to then
    add_units(to, to_bucket, units)
  end
  if to and to ~= from then
    touch_level(to_field, to)
  end
  adjustments_after[move_id] = fingerprint
  retention_after['a' .. move_id] = now + retention_ms[2]
  journal_stock(MOVE_STOCK, field,
    {units, from_field, from_bucket, to_field, to_bucket, move_id:sub(2), reason})
  return answer_levels(STOCK_APPLIED, from, to)
end
