-- Reserve: hold every line of a request until a deadline, or hold none of them.
--
-- The caller has summed the lines of one SKU and location and packed the record's body. `level` and
-- `buyer` are positions in the batch's stock fields and buyer fields; buyer 0 is nobody.
--
-- Numbers: ttl_ms, line_count, then per line: level, quantity, buyer
-- Strings: body
-- Outcomes: ALREADY_RELEASED | APPLIED | ID_REUSED | UNKNOWN_SKU | OUT_OF_STOCK | LIMIT_EXCEEDED
-- Memory: takes

-- An entry of deadlines names reservations of at most this many lines, or one that has more: the
-- work of expiring them is bounded.
local ENTRY_LINES_MAX = 100

-- By ttl_ms: most of a batch shares one.
local headers, entries = {}, {}

local function prepare(ttl_ms)
  headers[ttl_ms] = headers[ttl_ms] or struct_pack(HEADER, RESERVED, now, now + ttl_ms, now)
  entries[ttl_ms] = {0}
  new_entries[#new_entries + 1] = {now + ttl_ms, entries[ttl_ms]}
end

-- Judges a Reserve of a known id: a replay, an id used for something else, or one released before.
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

-- Judges a Reserve. `take_off`, of one in exchange, takes units of the other reservation off the
-- buyer's count; it returns them by line, or a refusal.
local function reserve(id, take_off)
  local ttl_ms, count = numbers[number_next], numbers[number_next + 1]
  local position = number_next + 2      -- of a line's numbers
  local body = strings[string_next]
  number_next, string_next = position + 3 * count, string_next + 1
  if records[id] then
    if must_wait(id) then
      return NOT_JUDGED, 0, 0
    end
    return judge_known(id, body)
  end

  local known, limited = true, false
  for i = 1, count do
    local field = field_at[numbers[position]]
    local level = levels[field]
    known = known and level
    if wanted[SET_STOCK] then
      find_limits({field})      -- it may have changed in this batch
    end
    limited = limited or level and limit_at[field] > 0
    line_field[i], line_level[i], line_units[i] = field, level, numbers[position + 1]
    line_buyer[i] = buyer_at[numbers[position + 2]]
    position = position + 3
  end
  local all, entry_lines, content, other, units, refusal = count, count
  if take_off then
    content = decode(body:sub(3))
    all, other = exchanged.lay_out(content, count)
    entry_lines = count + EXCHANGE_LINES
  end
  if someone_waits and must_wait(id, all, other) then
    return NOT_JUDGED, 0, 0
  elseif not known then
    return UNKNOWN_SKU, 0, 0
  elseif take_off then
    units, refusal = take_off(content)
  end
  refusal = refusal or short_of_stock(count) or limited and past_limit(count)
  if refusal and units then
    exchanged.count(other, units, 1)
  end
  if refusal == NOT_JUDGED then
    return wait(id, all, other)
  elseif refusal then
    return refusal, 0, 0
  end

  local entry = entries[ttl_ms]
  if not entry or entry[1] + entry_lines > ENTRY_LINES_MAX then
    prepare(ttl_ms)
    entry = entries[ttl_ms]
  end
  entry[1] = entry[1] + entry_lines
  entry[#entry + 1] = id
  take(count, UNITS_RESERVED, now + ttl_ms)
  put_record(RESERVE, id, headers[ttl_ms] .. body)
  if units then
    exchanged.note(id, other, units)
  end
  return APPLIED, RESERVED, now + ttl_ms
end

judge[RESERVE] = reserve
