-- Return: bring shipped units back, to on hand (resellable), to damaged, or to nowhere (lost). The
-- level at `location` takes them; "" means that of each line. Units that are exchanged for
-- `for_exchange` come back before others; "" means the last.
--
-- Numbers: disposition, line_count, then per line: quantity
-- Strings: location, for_exchange, key, fingerprint, then per line: field
-- Outcomes: NOT_FOUND | ALREADY_RELEASED | ALREADY_EXPIRED | NOT_CONFIRMED | APPLIED | ID_REUSED |
--   ALREADY_CANCELLED | QUANTITY_EXCEEDED | INVALID | UNKNOWN_SKU
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

-- The fields of the levels at a location, for the lines that have units to take there.
local function fields_at(location, body, units)
  local fields, missing = {}, {}
  for line = 1, #units do
    if units[line] > 0 then
      local sku = sku_of(body[BODY_LINES + 2 * line - 2])
      local field = location == DEFAULT_LOCATION and sku or sku .. '\0' .. location
      fields[line] = field
      if levels[field] == nil then
        missing[#missing + 1] = field
      end
    end
  end
  load_levels(missing)
  for _, field in pairs(fields) do
    if not levels[field] then
      return nil, UNKNOWN_SKU
    end
  end
  return fields
end

judge[RETURN] = function(id)
  local disposition, location = numbers[number_next], strings[string_next]
  local for_exchange = strings[string_next + 1]
  number_next, string_next = number_next + 1, string_next + 2
  return judge_movement(id, RETURN, RULES[disposition], location ~= '' and function(body, units)
    return fields_at(location, body, units)
  end, for_exchange)
end
