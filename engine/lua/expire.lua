-- Expire: give the units of reservations past their deadline back to sale.
--
-- Every batch expires what is due before it judges, up to a bound, so that an answer never depends
-- on when the sweeper last came by. The command itself only reports what its batch has expired.
--
-- Numbers: none
-- Strings: none
-- Outcomes: APPLIED
-- Memory: gives

local due_count, due_handled = 0, 0

-- Gives a live reservation's units back, for Expire and Release.
local function end_reservation(kind, id, state)
  local body = body_of(id)
  for at = BODY_LINES, #body, 2 do
    local field, quantity = body[at], body[at + 1]
    local level = levels[field]
    level[UNITS_RESERVED] = level[UNITS_RESERVED] - quantity
    touch_level(field, level)
    give_back_buyer_units(body, field, quantity)
  end
  deadline_after[id] = false
  keep_until_purged(id, state)
  move_record(kind, id, state)
end

-- The state of a record, now: past its deadline a reservation is EXPIRED for whoever asks.
local function state_of(id)
  local state, _, expires = struct_unpack(HEADER, records[id])
  if state == RESERVED and expires <= now then
    end_reservation(EXPIRE, id, EXPIRED)
    state = EXPIRED
  end
  return state, expires
end

-- Whether there may be more due reservations than this batch has expired.
local function more_due()
  return due_count == due_limit
end

-- To be called before anything is refused for want of units: what is due must be back on sale
-- first. If this batch could not expire all of it, the batch is given back unjudged.
local function demand_all_expired()
  if more_due() then
    error(AGAIN)
  end
end

-- Expires what `deadlines` names. The record has the last word: an entry that does not agree with
-- it is put right instead.
local function expire_due(ids)
  for i = 1, #ids do
    local id = ids[i]
    local state, expires = 0, 0
    if records[id] then
      state, expires = state_of(id)
    end
    deadline_after[id] = state == RESERVED and expires
  end
end

judge[EXPIRE] = function()
  extras[#extras + 1] = {0, due_handled, more_due()}
  return APPLIED, 0, 0
end
