-- SetStock: create a stock level or change its settings, once per setting id if there is one.
--
-- A setting of -1 stays as it is, and is 0 in a new level. `expected_version` -1 means always, 0
-- only if the level does not exist. `setting_id` is "" where the setting has none; else it begins
-- with a sign that no adjustment id has, for the ids of both are kept together.
--
-- Numbers: on_hand, safety_stock, limit_per_buyer, expected_version
-- Strings: field, setting_id, fingerprint
-- Stock outcomes: STOCK_ADJUSTMENT_ID_REUSED | STOCK_VERSION_MISMATCH |
--   STOCK_ON_HAND_BELOW_COMMITTED | STOCK_APPLIED
-- Memory: takes

-- An id is there for whoever has lost an answer, and a large import makes one for each of its rows.
local SETTING_RETENTION_MS = 60 * 60 * 1000

-- GetStock finds the levels of a SKU by its list of locations; `default` needs no entry.
local function list_location(field)
  local sku, location = field:match('^([^%z]*)%z(.+)$')
  if not sku then
    return
  end
  if not locations_after[sku] then
    locations_before[sku] = call('HGET', KEYS[9], sku)
  end
  local packed = locations_after[sku] or locations_before[sku]
  local list = packed and decode(packed) or {}
  list[#list + 1] = location
  locations_after[sku] = encode(list)
end

local function committed(level)
  return level[UNITS_RESERVED] + level[UNITS_CONFIRMED]
end

local function answer_level(outcome, level)
  extras[#extras + 1] = {0, level and {unpack(level)}}
  return outcome, 0, 0
end

-- The journal has the request of a stock change, and the level after it.
local function journal_stock(kind, field, asked)
  journal_count = journal_count + 1
  journal_kinds[journal_count] = kind
  journal_subjects[2 * journal_count - 1] = field
  journal_subjects[2 * journal_count] = asked
  only_whole_records = false
end

-- What an id of a setting or an adjustment was used for; nothing if it was not used.
local function known_adjustment(adjustment_id)
  if adjustments_after[adjustment_id] == nil then
    return call('HGET', KEYS[8], adjustment_id)
  end
  return adjustments_after[adjustment_id]
end

local function remember_setting(setting_id, fingerprint)
  if setting_id ~= '' then
    adjustments_after[setting_id] = fingerprint
    retention_after['a' .. setting_id] = now + math.min(SETTING_RETENTION_MS, retention_ms[3])
  end
end

local function wanted_or_as_it_is(wanted, level, count)
  if wanted >= 0 then
    return wanted
  end
  return level and level[count] or 0
end

judge[SET_STOCK] = function()
  local on_hand, safety_stock = numbers[number_next], numbers[number_next + 1]
  local limit, expected = numbers[number_next + 2], numbers[number_next + 3]
  local field = strings[string_next]
  local setting_id, fingerprint = strings[string_next + 1], strings[string_next + 2]
  number_next, string_next = number_next + 4, string_next + 3

  local level = levels[field]
  line_field[1] = field
  if must_wait(field, 1) then
    return NOT_JUDGED, 0, 0
  end
  local known = setting_id ~= '' and known_adjustment(setting_id)
  if known then
    local same = known == fingerprint
    return answer_level(same and -STOCK_APPLIED or STOCK_ADJUSTMENT_ID_REUSED, level)
  end
  on_hand = wanted_or_as_it_is(on_hand, level, ON_HAND)
  safety_stock = wanted_or_as_it_is(safety_stock, level, SAFETY_STOCK)
  limit = wanted_or_as_it_is(limit, level, LIMIT_PER_BUYER)
  if level and (expected >= 0 or on_hand < committed(level)) and not no_unit_is_due(level) then
    return wait(field, 1)
  end
  local version = level and level[VERSION] or 0
  if expected >= 0 and expected ~= version then
    return answer_level(STOCK_VERSION_MISMATCH, level)
  elseif level and on_hand < committed(level) then
    return answer_level(STOCK_ON_HAND_BELOW_COMMITTED, level)
  elseif level and level[ON_HAND] == on_hand and level[SAFETY_STOCK] == safety_stock
    and level[LIMIT_PER_BUYER] == limit then
    remember_setting(setting_id, fingerprint)
    return answer_level(-STOCK_APPLIED, level)
  end

  local is_new = not level
  if is_new then
    level = {0, 0, 0, 0, 0, 0, 0, 0}
    levels[field] = level
    list_location(field)
  end
  local limit_before = level[LIMIT_PER_BUYER]
  level[ON_HAND], level[SAFETY_STOCK], level[LIMIT_PER_BUYER] = on_hand, safety_stock, limit
  if is_new or limit ~= limit_before then
    change_limit(field, limit_before)
  end
  touch_level(field, level)
  remember_setting(setting_id, fingerprint)
  journal_stock(SET_STOCK, field, {on_hand, safety_stock, limit})
  return answer_level(STOCK_APPLIED, level)
end
