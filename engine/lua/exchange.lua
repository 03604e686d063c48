-- Exchange: a Reserve in exchange for units that the buyer has of another reservation. They stop
-- counting for the limit in the same step, so that the limit judges what the buyer has after it.
--
-- Numbers: ttl_ms, line_count, then per line: level, quantity, buyer
-- Strings: body
-- Outcomes: ALREADY_RELEASED | APPLIED | ID_REUSED | UNKNOWN_SKU | NOT_FOUND | NOT_CONFIRMED |
--   QUANTITY_EXCEEDED | INVALID | OUT_OF_STOCK | LIMIT_EXCEEDED
-- Memory: takes

-- Takes the units of the other reservation off its buyer's count; returns them by line, or a
-- refusal. A reservation of another buyer is not told from none.
local function units_of_other(body)
  local other = body[BODY_TTL_MS][EXCHANGED_ID]
  local record = exchanged.load(other)
  local other_body = record and body_of(other)
  if not record or other_body[BODY_BUYER] ~= body[BODY_BUYER] then
    return nil, NOT_FOUND
  end
  local state = record:byte(1)
  if state == RESERVED or state == RELEASED or state == EXPIRED then
    return nil, NOT_CONFIRMED
  end
  local progress = progress_of(other, count_lines(other_body))
  exchanged.settle(progress)
  local units = exchanged.find(other, body[BODY_TTL_MS])
  if not units then
    return nil, QUANTITY_EXCEEDED
  elseif progress[3] and #progress[3] >= 3 * MOVEMENTS_MAX then
    return nil, INVALID
  end
  exchanged.count(other, units, -1)
  return units
end

judge[EXCHANGE] = function(id)
  return reserve(id, units_of_other)
end
