-- Reserve: hold every line of a request until a deadline, or hold none of them.
--
-- The caller has summed the lines of one SKU and location and packed the record's body. `level` and
-- `buyer` are positions in the batch's stock fields and buyer fields; buyer 0 is nobody.
--
-- Numbers: ttl_ms, line_count, then per line: level, quantity, buyer
-- Strings: body
-- Outcomes: ALREADY_RELEASED | APPLIED | ID_REUSED | UNKNOWN_SKU | OUT_OF_STOCK | LIMIT_EXCEEDED
-- Memory: takes

-- By ttl_ms: most of a batch shares one. A deadline is text, which saves a conversion each.
local headers, deadlines = {}, {}

local function prepare(ttl_ms)
  headers[ttl_ms] = struct_pack(HEADER, RESERVED, now, now + ttl_ms, now)
  deadlines[ttl_ms] = string.format('%.0f', now + ttl_ms)
end

-- The same id again: the first answer, an id used twice, or a release that came first.
local function judge_known(id, body)
  local state, expires = state_of(id)
  local record = records[id]
  local body_end = BODY_FIRST - 1 + struct_unpack('>I2', record, HEADER_BYTES + 1)
  if body_end == BODY_FIRST then
    return ALREADY_RELEASED, state, expires      -- a tombstone: its body is one byte
  elseif record:sub(HEADER_BYTES + 1, body_end) == body then
    return -APPLIED, state, expires
  end
  return ID_REUSED, state, expires
end

judge[RESERVE] = function(id)
  local ttl_ms, count = numbers[number_next], numbers[number_next + 1]
  local at = number_next + 2
  local body = strings[string_next]
  number_next, string_next = at + 3 * count, string_next + 1
  if records[id] then
    return judge_known(id, body)
  end

  local limited = false
  for i = 1, count do
    local field = field_at[numbers[at]]
    local level = levels[field]
    if not level then
      return UNKNOWN_SKU, 0, 0
    end
    limited = limited or level[LIMIT_PER_BUYER] > 0
    line_field[i], line_units[i] = field, numbers[at + 1]
    line_buyer[i] = buyer_at[numbers[at + 2]]
    at = at + 3
  end
  if are_short(count) then
    return OUT_OF_STOCK, 0, 0
  elseif limited and pass_limit(count) then
    return LIMIT_EXCEEDED, 0, 0
  end

  take(count, UNITS_RESERVED)
  if not headers[ttl_ms] then
    prepare(ttl_ms)
  end
  deadline_after[id] = deadlines[ttl_ms]
  put_record(RESERVE, id, headers[ttl_ms] .. body)
  return APPLIED, RESERVED, now + ttl_ms
end
