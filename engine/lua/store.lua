-- Stores what a batch has changed, in a few bulk writes, all or nothing.
--
-- Lua in Redis isolates but does not roll back. The commands below cannot fail on a store that only
-- Holdfast writes to; should one fail all the same (a key of the wrong type, a command denied),
-- everything written so far is put back as it was loaded, and the error goes to the caller.

-- The packed levels, by field and, for the journal, one after the other.
local function levels_after()
  local after, listed = {}, {}
  for field, level in pairs(changed_levels) do
    local packed = encode(level)
    after[field] = packed
    listed[#listed + 1] = field
    listed[#listed + 1] = packed
  end
  return after, listed
end

local function buyers_after()
  local after = {}
  for name in pairs(changed_buyers) do
    after[name] = buyers[name] > 0 and buyers[name]
  end
  return after
end

local function locations_packed()
  local after = {}
  for sku, list in pairs(locations_after) do
    after[sku] = encode(list)
  end
  return after
end

local function deadlines_before()
  local before = {}
  for id in pairs(deadline_after) do
    local record = records_before[id]
    local state, _, expires = 0, 0, 0
    if record then
      state, _, expires = struct_unpack(HEADER, record)
    end
    before[id] = state == RESERVED and expires
  end
  return before
end

-- Makes a hash or sorted set hold what `after` says: a value or score for each name, false for none.
local function write(key, is_zset, after)
  local put, gone = {}, {}
  for name, value in pairs(after) do
    if value == false then
      gone[#gone + 1] = name
    elseif is_zset then
      put[#put + 1] = value
      put[#put + 1] = name
    else
      put[#put + 1] = name
      put[#put + 1] = value
    end
  end
  for first = 1, #put, CHUNK do
    call(is_zset and 'ZADD' or 'HSET', key, unpack(put, first, math.min(first + CHUNK - 1, #put)))
  end
  for first = 1, #gone, CHUNK do
    call(is_zset and 'ZREM' or 'HDEL', key, unpack(gone, first, math.min(first + CHUNK - 1, #gone)))
  end
end

-- Puts back what was there under the names of `after`; what was not there is to be gone.
local function write_back(key, is_zset, after, before)
  local restored = {}
  for name in pairs(after) do
    restored[name] = before[name] or false
  end
  write(key, is_zset, restored)
end

local function unwrite_journal(sequence_after)
  for _, entry in ipairs(call('XRANGE', KEYS[5], sequence_after .. '-0', '+')) do
    call('XDEL', KEYS[5], entry[1])
  end
end

local function store(sequence_after)
  local stock, stock_listed = levels_after()
  local about = {schema = SCHEMA, epoch = epoch == '' and epoch_new or epoch,
    sequence = sequence_after, now = now}
  local about_before = {schema = meta[1], epoch = meta[2], sequence = meta[3], now = meta[4]}
  -- Key, whether it is a sorted set, what is to be there, what was there.
  local plan = {
    {KEYS[6], false, about, about_before},
    {KEYS[1], false, stock, levels_before},
    {KEYS[2], false, changed_records, records_before},
    {KEYS[4], false, buyers_after(), buyers_before},
    {KEYS[8], false, adjustments_after, adjustments_before},
    {KEYS[9], false, locations_packed(), locations_before},
    {KEYS[3], true, deadline_after, deadlines_before},
    {KEYS[7], true, retention_after, retention_before},
  }
  local at = 0
  local done, problem = pcall(function()
    for i = 1, #plan do
      at = i
      if next(plan[i][3]) ~= nil then
        write(plan[i][1], plan[i][2], plan[i][3])
      end
    end
    -- The journal comes last: what it says has happened.
    if #journal_kinds > 0 then
      call('XADD', KEYS[5], sequence_after .. '-*', 'batch',
        encode({now, journal_kinds, journal_subjects, stock_listed}))
    end
  end)
  if not done then
    -- A key that refused to be written refuses again; the others must be put back all the same.
    for i = at, 1, -1 do
      local before = plan[i][4]
      pcall(write_back, plan[i][1], plan[i][2], plan[i][3],
        before == deadlines_before and deadlines_before() or before)
    end
    pcall(unwrite_journal, sequence_after)
    error(problem)
  end
end
