-- Purge: remove finished reservations, tombstones and adjustment ids whose retention is over.
--
-- Numbers: limit
-- Strings: none
-- Outcomes: APPLIED
-- Memory: gives

-- A step of the sweep purges no more lines than this, or as many as it may purge members.
local PURGED_LINES = 300

-- The units of a fulfilled reservation still count for its buyer; once the record is gone nothing
-- would ever give them back, so they go with it.
local function forget(id)
  local body = body_of(id)
  local state = struct_unpack(HEADER, records[id])
  if exchanged then
    exchanged.settle(progress_of(id, count_lines(body)))
  end
  if state == FULFILLED then
    local counts = progress_of(id, count_lines(body))[1]
    for line = 1, #counts / 3 do
      local offset = 3 * (line - 1)
      give_back_buyer_units(body, body[BODY_LINES + 2 * line - 2],
        counts[offset + LINE_SHIPPED] - counts[offset + LINE_RETURNED]
          - (exchanged and exchanged.open_units(id, line) or 0))
    end
    if exchanged then
      exchanged.forget(id)
    end
  end
  put_record(PURGE, id, false)
  only_whole_records = false
  bodies[id], progresses[id] = nil, nil
end

-- The due members, and the ids of the reservations among them.
local function due_members(limit)
  local due = call('ZRANGEBYSCORE', KEYS[7], '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
  local members, ids = {}, {}
  for i = 1, #due, 2 do
    local member = due[i]
    if retention_after[member] == nil then      -- else this batch has moved it already
      members[#members + 1] = {member, due[i + 1]}
      if member:sub(1, 1) == 'r' then
        ids[#ids + 1] = member:sub(2)
      end
    end
  end
  return members, ids, #due == 2 * limit
end

-- Forgets members as far as their records were looked up, and up to so many lines; returns the ids
-- of their records, and how many they are.
local function forget_members(members, looked_up, lines_max)
  local there, lines = {}, 0
  for i = 1, #members do
    local member, score = unpack(members[i])
    local id = member:sub(2)
    if member:sub(1, 1) == 'a' then
      adjustments_before[id] = call('HGET', KEYS[8], id)
      adjustments_after[id] = false
    else
      lines = lines + (records[id] and count_lines(body_of(id)) or 0)
      if looked_up == 0 or (i > 1 and lines > lines_max) then
        return there, i - 1
      end
      looked_up = looked_up - 1
      there[#there + 1] = records[id] and id or nil
    end
    retention_before[member], retention_after[member] = score, false
  end
  return there, #members
end

judge[PURGE] = function()
  local limit = numbers[number_next]
  number_next = number_next + 1
  if someone_waits then
    return NOT_JUDGED, 0, 0
  end
  local members, due_ids, more = due_members(limit)
  local looked_up = load_records(due_ids, WORK_MAX * BYTES_PER_LINE)
  local there, count = forget_members(members, looked_up, math.max(limit, PURGED_LINES))
  load_lines(there)
  for i = 1, #there do
    forget(there[i])
  end
  extras[#extras + 1] = {0, count, more or count < #members}
  return APPLIED, 0, 0
end
