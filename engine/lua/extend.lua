-- Extend: move the deadline of a live reservation, at most 7 days ahead of now.
--
-- Numbers: expires_at_ms
-- Strings: none
-- Outcomes: NOT_FOUND | ALREADY_RELEASED | ALREADY_EXPIRED | ALREADY_CONFIRMED |
--   ALREADY_CANCELLED | APPLIED | INVALID
-- Memory: gives

local EXTEND_REFUSAL = {
  [RELEASED] = ALREADY_RELEASED,
  [EXPIRED] = ALREADY_EXPIRED,
  [CONFIRMED] = ALREADY_CONFIRMED,
  [FULFILLED] = ALREADY_CONFIRMED,
  [CANCELLED] = ALREADY_CANCELLED,
}

-- No unit of a level may be due before its `due_from_ms`, so an earlier deadline lowers it.
local function lower_bounds(id, expires_at_ms)
  for i = 1, lay_out(body_of(id)) do
    local level = line_level[i]
    if expires_at_ms < level[DUE_FROM_MS] then
      level[DUE_FROM_MS] = expires_at_ms
      bounded_levels[line_field[i]] = level
    end
  end
end

judge[EXTEND] = function(id)
  local expires_at_ms = numbers[number_next]
  number_next = number_next + 1
  if must_wait(id) then
    return NOT_JUDGED, 0, 0
  elseif not records[id] then
    return NOT_FOUND, 0, 0
  end
  local state, expires = state_of(id)
  if EXTEND_REFUSAL[state] then
    return EXTEND_REFUSAL[state], state, expires
  elseif expires_at_ms == expires then
    return -APPLIED, state, expires
  elseif expires_at_ms <= now or expires_at_ms > now + TTL_MS_MAX then
    return INVALID, state, expires
  end

  local _, created = struct_unpack(HEADER, records[id])
  if expires_at_ms < expires then
    remind(id, count_lines(body_of(id)), expires_at_ms)
    lower_bounds(id, expires_at_ms)
  end
  put_header(EXTEND, id, struct_pack(HEADER, RESERVED, created, expires_at_ms, now))
  return APPLIED, RESERVED, expires_at_ms
end
