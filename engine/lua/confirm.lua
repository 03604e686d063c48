-- Confirm: sell a live reservation; an expired one too, if asked to and its stock can be had again.
--
-- Numbers: reacquire_if_expired
-- Strings: none
-- Outcomes: NOT_FOUND | ALREADY_RELEASED | APPLIED | ALREADY_EXPIRED | OUT_OF_STOCK |
--   LIMIT_EXCEEDED
-- Memory: gives

local function reacquire(id, expires)
  local count = lay_out(body_of(id))
  if are_short(count) then
    return OUT_OF_STOCK, EXPIRED, expires
  elseif pass_limit(count) then
    return LIMIT_EXCEEDED, EXPIRED, expires
  end
  take(count, UNITS_CONFIRMED)
  local member = 'r' .. id
  if retention_after[member] == nil then
    retention_before[member] = call('ZSCORE', KEYS[7], member)
  end
  retention_after[member] = false
  move_record(CONFIRM, id, CONFIRMED)
  return APPLIED, CONFIRMED, expires
end

judge[CONFIRM] = function(id)
  local reacquire_if_expired = numbers[number_next] == 1
  number_next = number_next + 1
  if not records[id] then
    return NOT_FOUND, 0, 0
  end
  local state, expires = state_of(id)
  if state == RELEASED then
    return ALREADY_RELEASED, state, expires
  elseif state == EXPIRED then
    if reacquire_if_expired then
      return reacquire(id, expires)
    end
    return ALREADY_EXPIRED, state, expires
  elseif state ~= RESERVED then
    return -APPLIED, state, expires
  end

  local body = body_of(id)
  for at = BODY_LINES, #body, 2 do
    local field, quantity = body[at], body[at + 1]
    local level = levels[field]
    level[UNITS_RESERVED] = level[UNITS_RESERVED] - quantity
    level[UNITS_CONFIRMED] = level[UNITS_CONFIRMED] + quantity
    touch_level(field, level)
  end
  deadline_after[id] = false
  move_record(CONFIRM, id, CONFIRMED)
  return APPLIED, CONFIRMED, expires
end
