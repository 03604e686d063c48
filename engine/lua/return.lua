-- Return: bring shipped units back, to on hand (resellable), to damaged, or to nowhere (lost).
--
-- Numbers: disposition, line_count, then per line: quantity
-- Strings: key, fingerprint, then per line: field
-- Outcomes: NOT_FOUND | ALREADY_RELEASED | ALREADY_EXPIRED | NOT_CONFIRMED | APPLIED | ID_REUSED |
--   ALREADY_CANCELLED | QUANTITY_EXCEEDED | INVALID
-- Memory: gives

local function left_to_return(_, counts, offset)
  return counts[offset + LINE_SHIPPED] - counts[offset + LINE_RETURNED]
end

local function rule_to(count_of_level)
  return {
    count = LINE_RETURNED,
    left = left_to_return,
    gives_back_buyer_units = true,
    move = function(level, units)
      if count_of_level then
        level[count_of_level] = level[count_of_level] + units
      end
    end,
  }
end

local RULES = {
  [RESELLABLE] = rule_to(ON_HAND),
  [DAMAGED] = rule_to(UNITS_DAMAGED),
  [LOST] = rule_to(nil),
}

judge[RETURN] = function(id)
  local disposition = numbers[number_next]
  number_next = number_next + 1
  return judge_movement(id, RETURN, RULES[disposition])
end
