-- SetStock: create a stock level or overwrite its settings.
--
-- `expected_version` -1 means always, 0 only if the level does not exist.
--
-- Numbers: on_hand, safety_stock, limit_per_buyer, expected_version
-- Strings: field
-- Stock outcomes: STOCK_VERSION_MISMATCH | STOCK_ON_HAND_BELOW_COMMITTED | STOCK_APPLIED
-- Memory: takes

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
  only_records_change = false
end

judge[SET_STOCK] = function()
  local on_hand, safety_stock = numbers[number_next], numbers[number_next + 1]
  local limit, expected = numbers[number_next + 2], numbers[number_next + 3]
  local field = strings[string_next]
  number_next, string_next = number_next + 4, string_next + 1

  local level = levels[field]
  line_field[1] = field
  if must_wait(field, 1) then
    return NOT_JUDGED, 0, 0
  end
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
    return answer_level(-STOCK_APPLIED, level)
  end

  if not level then
    level = {0, 0, 0, 0, 0, 0, 0, 0}
    levels[field] = level
    list_location(field)
  end
  level[ON_HAND], level[SAFETY_STOCK], level[LIMIT_PER_BUYER] = on_hand, safety_stock, limit
  touch_level(field, level)
  journal_stock(SET_STOCK, field, {on_hand, safety_stock, limit})
  return answer_level(STOCK_APPLIED, level)
end
