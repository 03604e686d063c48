-- Cancel: take back the sale of confirmed, unshipped units. They are on sale again (resellable), or
-- leave on hand as damaged or lost.
--
-- Numbers: disposition, line_count, then per line: quantity
-- Strings: key, fingerprint, then per line: field
-- Outcomes: NOT_FOUND | ALREADY_RELEASED | ALREADY_EXPIRED | NOT_CONFIRMED | APPLIED | ID_REUSED |
--   ALREADY_CANCELLED | QUANTITY_EXCEEDED | INVALID
-- Memory: gives

local function rule_of(move)
  return {
    count = LINE_CANCELLED,
    left = left_to_ship,
    gives_back_buyer_units = true,
    move = move,
  }
end

local function to_sale(level, units)
  level[UNITS_CONFIRMED] = level[UNITS_CONFIRMED] - units
end

local function lost(level, units)
  level[UNITS_CONFIRMED] = level[UNITS_CONFIRMED] - units
  level[ON_HAND] = level[ON_HAND] - units
end

local function damaged(level, units)
  lost(level, units)
  level[UNITS_DAMAGED] = level[UNITS_DAMAGED] + units
end

local RULES = {
  [RESELLABLE] = rule_of(to_sale),
  [DAMAGED] = rule_of(damaged),
  [LOST] = rule_of(lost),
}

judge[CANCEL] = function(id)
  local disposition = numbers[number_next]
  number_next = number_next + 1
  return judge_movement(id, CANCEL, RULES[disposition])
end
