-- Ship: take confirmed units out of on hand.
--
-- Numbers: line_count, then per line: quantity
-- Strings: key, fingerprint, then per line: field
-- Outcomes: NOT_FOUND | ALREADY_RELEASED | ALREADY_EXPIRED | NOT_CONFIRMED | APPLIED | ID_REUSED |
--   ALREADY_CANCELLED | QUANTITY_EXCEEDED | INVALID
-- Memory: gives

local rule = {
  count = LINE_SHIPPED,
  left = left_to_ship,
  move = function(level, units)
    level[ON_HAND] = level[ON_HAND] - units
    level[UNITS_CONFIRMED] = level[UNITS_CONFIRMED] - units
  end,
}

judge[SHIP] = function(id)
  return judge_movement(id, SHIP, rule)
end
