-- Cancel: return confirmed, unshipped units to sale.
--
-- Numbers: line_count, then per line: quantity
-- Strings: key, fingerprint, then per line: field
-- Outcomes: NOT_FOUND | ALREADY_RELEASED | ALREADY_EXPIRED | NOT_CONFIRMED | APPLIED | ID_REUSED |
--   ALREADY_CANCELLED | QUANTITY_EXCEEDED | INVALID
-- Memory: gives

local rule = {
  count = LINE_CANCELLED,
  left = left_to_ship,
  gives_back_buyer_units = true,
  move = function(level, units)
    level[UNITS_CONFIRMED] = level[UNITS_CONFIRMED] - units
  end,
}

judge[CANCEL] = function(id)
  return judge_movement(id, CANCEL, rule)
end
