-- Stores what a batch has changed, in a few bulk writes, all or nothing.
--
-- Lua in Redis isolates but does not roll back. The commands below cannot fail on a store that only
-- Holdfast writes to; should one fail all the same (a key of the wrong type, a command denied),
-- everything written so far is put back as it was loaded, and the error goes to the caller.

local function put_hash(key, args)
  in_chunks(args, function(first, last)
    call('HSET', key, unpack(args, first, last))
  end)
end

local function remove(command, key, names)
  in_chunks(names, function(first, last)
    call(command, key, unpack(names, first, last))
  end)
end

-- Splits `after`, a map of name -> value or false, into pairs to put and names to remove.
local function split(after, score_first)
  local put, gone = {}, {}
  for name, value in pairs(after) do
    if value == false then
      gone[#gone + 1] = name
    elseif score_first then
      put[#put + 1] = value
      put[#put + 1] = name
    else
      put[#put + 1] = name
      put[#put + 1] = value
    end
  end
  return put, gone
end

local function write_hash(key, after)
  local put, gone = split(after, false)
  put_hash(key, put)
  remove('HDEL', key, gone)
end

local function write_zset(key, after)
  local put, gone = split(after, true)
  in_chunks(put, function(first, last)
    call('ZADD', key, unpack(put, first, last))
  end)
  remove('ZREM', key, gone)
end

local function records_after()
  local after = {}
  for id in pairs(changed_records) do
    after[id] = records[id]
  end
  return after
end

local function levels_after()
  local after = {}
  for field, level in pairs(changed_levels) do
    after[field] = encode(level)
  end
  return after
end

local function buyers_after()
  local after = {}
  for name in pairs(changed_buyers) do
    after[name] = buyers[name] > 0 and buyers[name]
  end
  return after
end

local function packed_locations()
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

-- `before` of the names in `after`; what was not there is to be gone.
local function restored(after, before)
  local names = {}
  for name in pairs(after) do
    names[name] = before[name] or false
  end
  return names
end

local function journal_entry(stock)
  local put = split(stock, false)
  return encode({now, journal_kinds, journal_subjects, put})
end

local function journal_write(sequence_after, stock)
  local entry
  return {
    function()
      entry = call('XADD', KEYS[5], sequence_after .. '-*', 'batch', journal_entry(stock))
    end,
    function()
      if entry then
        call('XDEL', KEYS[5], entry)
      end
    end,
  }
end

-- The writes in order, each with the way back. The journal comes last: what it says has happened.
local function planned_writes(sequence_after)
  local stock, reservations = levels_after(), records_after()
  local about = {schema = SCHEMA, epoch = epoch == '' and epoch_new or epoch,
    sequence = sequence_after, now = now}
  local about_before = {schema = meta[1], epoch = meta[2], sequence = meta[3], now = meta[4]}
  local counted, located = buyers_after(), packed_locations()
  local plan = {}
  local function hash(key, after, before)
    if next(after) ~= nil then
      plan[#plan + 1] = {
        function() write_hash(key, after) end,
        function() write_hash(key, restored(after, before)) end,
      }
    end
  end
  local function zset(key, after, before)
    if next(after) ~= nil then
      plan[#plan + 1] = {
        function() write_zset(key, after) end,
        function() write_zset(key, restored(after, before())) end,
      }
    end
  end
  hash(KEYS[6], about, about_before)
  hash(KEYS[1], stock, levels_before)
  hash(KEYS[2], reservations, records_before)
  hash(KEYS[4], counted, buyers_before)
  hash(KEYS[8], adjustments_after, adjustments_before)
  hash(KEYS[9], located, locations_before)
  zset(KEYS[3], deadline_after, deadlines_before)
  zset(KEYS[7], retention_after, function() return retention_before end)
  if #journal_kinds > 0 then
    plan[#plan + 1] = journal_write(sequence_after, stock)
  end
  return plan
end

local function store(sequence_after)
  local plan = planned_writes(sequence_after)
  for i = 1, #plan do
    local done, problem = pcall(plan[i][1])
    if not done then
      for j = i, 1, -1 do
        plan[j][2]()
      end
      error(problem)
    end
  end
end
