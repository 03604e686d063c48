-- Confirm: sell a live reservation; an expired one too, if asked to and its stock can be had again.
--
-- Numbers: reacquire_if_expired
-- Strings: none
-- Outcomes: NOT_FOUND | ALREADY_RELEASED | APPLIED | ALREADY_EXPIRED | OUT_OF_STOCK |
--   LIMIT_EXCEEDED
-- Memory: gives

local function reacquire(id, expires)
  local count = lay_out(body_of(id))
  find_limits({unpack(line_field, 1, count)})
  local units, other
  if exchanged then
    units, other = exchanged.take_again(id)
  end
  local refusal = short_of_stock(count) or past_limit(count)
  if refusal and units then
    exchanged.count(other, units, 1)
  end
  if refusal == NOT_JUDGED then
    return wait(id, count)
  elseif refusal then
    return refusal, EXPIRED, expires
  end
  take(count, UNITS_CONFIRMED)
  local member = 'r' .. id
  if retention_after[member] == nil then
    retention_before[member] = call('ZSCORE', KEYS[7], member)
  end
  retention_after[member] = false
  move_record(CONFIRM, id, CONFIRMED)
  if units then
    exchanged.note(id, other, units)
  end
  return APPLIED, CONFIRMED, expires
end

judge[CONFIRM] = function(id)
  local reacquire_if_expired = numbers[number_next] == 1
  number_next = number_next + 1
  if must_wait(id) then
    return NOT_JUDGED, 0, 0
  elseif not records[id] then
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
  for i = BODY_LINES, #body, 2 do
    local field, quantity = body[i], body[i + 1]
    local level = levels[field]
    level[UNITS_RESERVED] = level[UNITS_RESERVED] - quantity
    level[UNITS_CONFIRMED] = level[UNITS_CONFIRMED] + quantity
    touch_level(field, level)
  end
  move_record(CONFIRM, id, CONFIRMED)
  if exchanged then
    exchanged.mark(id)
  end
  return APPLIED, CONFIRMED, expires
end
