-- The life of a batch: load, judge, store.

-- Loads what the commands touch; returns how many of them are judged: all, or as many as have no
-- more work than a call may do, and always one.
local function load_batch()
  local looked_up = load_records(ids, WORK_MAX * BYTES_PER_LINE)
  load_levels(field_at)
  load_buyers(buyer_at)
  if wanted[RESERVE] or wanted[EXCHANGE] then
    find_limits(field_at)
  end
  if next(records) == nil and not wanted[EXCHANGE] then
    return #kinds      -- nothing but new reservations and stock
  end
  local has_id = HAS_ID
  local there, seen, work, id_count, judged = {}, {}, 0, 0, #kinds
  for i = 1, #kinds do
    if has_id[kinds[i]] then
      local id = ids[id_count + 1]
      local record = records[id]
      if record then
        local lines = (#body_of(id) - BODY_LINES + 1) / 2
        work = work + (seen[id] and lines or math.max(lines, #record / BYTES_PER_LINE))
      end
      if has_exchanges
        and (kinds[i] == EXCHANGE or record and exchanged.of(body_of(id))) then
        work = work + EXCHANGE_LINES
      end
      if id_count > 0 and (work > WORK_MAX or id_count >= looked_up) then
        judged = i - 1
        break
      end
      id_count = id_count + 1
      if record and not seen[id] then
        there[#there + 1], seen[id] = id, true
      end
    end
  end
  load_lines(there)
  return judged
end

local function run_batch()
  local judged = load_batch()
  local outcomes, states, expirations = {}, {}, {}
  local has_id = HAS_ID
  local id_count = 0
  for i = 1, judged do
    local kind, id = kinds[i], nil
    if has_id[kind] then
      id_count = id_count + 1
      id = ids[id_count]
    end
    local extra = #extras
    outcomes[i], states[i], expirations[i] = judge[kind](id)
    if #shortages > 0 then
      extras[#extras + 1] = {0, shortages}
      shortages = {}
    end
    if #extras > extra then
      extras[#extras][1] = i
    end
  end
  if journal_count > 0 or next(entries_after) ~= nil or next(retention_after) ~= nil
    or next(bounded_levels) ~= nil then
    store()
  end
  return {'OK', encode({
    now, sequence, epoch, outcomes, states, expirations, extras, clock, searching,
  })}
end

if write_failed then
  put_back_all()
  error(write_failed)
end
return run_batch()
