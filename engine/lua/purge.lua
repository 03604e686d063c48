-- Purge: remove finished reservations, tombstones and adjustment ids whose retention is over.
--
-- Numbers: limit
-- Strings: none
-- Outcomes: APPLIED
-- Memory: gives

-- The units of a fulfilled reservation still count for its buyer; once the record is gone nothing
-- would ever give them back, so they go with it.
local function forget(id)
  local body = body_of(id)
  local state = struct_unpack(HEADER, records[id])
  if state == FULFILLED then
    local counts = progress_of(id, count_lines(body))[1]
    for line = 1, #counts / 3 do
      local offset = 3 * (line - 1)
      give_back_buyer_units(body, body[BODY_LINES + 2 * line - 2],
        counts[offset + LINE_SHIPPED] - counts[offset + LINE_RETURNED])
    end
  end
  put_record(PURGE, id, false)
  only_records_change = false
  bodies[id] = nil
end

local function forget_members(members)
  local missing, there = {}, {}
  for i = 1, #members, 2 do
    local member, id = members[i], members[i]:sub(2)
    if member:sub(1, 1) == 'a' then
      adjustments_before[id] = call('HGET', KEYS[8], id)
      adjustments_after[id] = false
    elseif not records[id] then
      missing[#missing + 1] = id
    end
    retention_before[member], retention_after[member] = members[i + 1], false
  end
  load_records(missing)
  for i = 1, #members, 2 do
    local id = members[i]:sub(2)
    if members[i]:sub(1, 1) == 'r' and records[id] then
      there[#there + 1] = id
    end
  end
  load_lines(there)
  for i = 1, #there do
    forget(there[i])
  end
end

judge[PURGE] = function()
  local limit = numbers[number_next]
  number_next = number_next + 1
  if someone_waits then
    return NOT_JUDGED, 0, 0
  end
  local due = call('ZRANGEBYSCORE', KEYS[7], '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
  local members = {}
  for i = 1, #due, 2 do
    if retention_after[due[i]] == nil then      -- else this batch has moved it already
      members[#members + 1] = due[i]
      members[#members + 1] = due[i + 1]
    end
  end
  forget_members(members)
  extras[#extras + 1] = {0, #members / 2, #due == 2 * limit}
  return APPLIED, 0, 0
end
