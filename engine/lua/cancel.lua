-- Cancel: take back the sale of confirmed, unshipped units. They are on sale again (resellable), or
-- leave on hand as damaged or lost.
--
-- Numbers: disposition, line_count, then per line: quantity
-- Strings: key, fingerprint, then per line: field
-- Outcomes: NOT_FOUND | ALREADY_RELEASED | ALREADY_EXPIRED | NOT_CONFIRMED | APPLIED | ID_REUSED |
--   ALREADY_CANCELLED | QUANTITY_EXCEEDED | INVALID
-- Memory: gives

-- A rule by which each unit adds so much to on hand and to damaged.
local function rule_with(on_hand, damaged)
  return {
    count = LINE_CANCELLED,
    left = left_to_ship,
    gives_back_buyer_units = true,
    move = function(level, units)
      level[UNITS_CONFIRMED] = level[UNITS_CONFIRMED] - units
      level[ON_HAND] = level[ON_HAND] + on_hand * units
      level[UNITS_DAMAGED] = level[UNITS_DAMAGED] + damaged * units
    end,
  }
end

local RULES = {
  [RESELLABLE] = rule_with(0, 0),
  [DAMAGED] = rule_with(-1, 1),
  [LOST] = rule_with(-1, 0),
}

judge[CANCEL] = function(id)
  local disposition = numbers[number_next]
  number_next = number_next + 1
  return judge_movement(id, CANCEL, RULES[disposition])
end
