-- Release: give a live reservation's units back to sale.
--
-- On an id never seen it leaves a tombstone, a record without lines, so that a Reserve which was
-- overtaken by its own Release takes nothing.
--
-- Numbers: none
-- Strings: none
-- Outcomes: APPLIED | ALREADY_CONFIRMED | ALREADY_CANCELLED | ALREADY_EXPIRED
-- Memory: gives

local RELEASE_REFUSAL = {
  [CONFIRMED] = ALREADY_CONFIRMED,
  [FULFILLED] = ALREADY_CONFIRMED,
  [CANCELLED] = ALREADY_CANCELLED,
  [EXPIRED] = ALREADY_EXPIRED,
}
local EMPTY_BODY = struct_pack('>I2', 1) .. encode({})

judge[RELEASE] = function(id)
  if must_wait(id) then
    return NOT_JUDGED, 0, 0
  elseif not records[id] then
    keep_until_purged(id, RELEASED)
    put_record(RELEASE, id, struct_pack(HEADER, RELEASED, now, 0, now) .. EMPTY_BODY)
    return APPLIED, RELEASED, 0
  end
  local state, expires = state_of(id)
  if state == RELEASED then
    return -APPLIED, state, expires
  elseif RELEASE_REFUSAL[state] then
    return RELEASE_REFUSAL[state], state, expires
  end
  end_reservation(RELEASE, id, RELEASED)
  return APPLIED, RELEASED, expires
end
