-- Stores what a batch has changed, in a few bulk writes, all or nothing.
--
-- Lua in Redis isolates but does not roll back. The commands below cannot fail on a store that only
-- Holdfast writes to; should one fail all the same (a key of the wrong type, a command denied),
-- everything written so far is put back as it was loaded, and the error goes to the caller.

local function plan(key, is_zset, puts, gone, before)
  plans[#plans + 1] = {key, is_zset, puts, gone, before}
end

-- Plans the writes of a map: a new value or score by name, false for a name to remove.
local function plan_map(key, is_zset, after, before)
  if next(after) == nil then
    return
  end
  local puts, gone = {}, {}
  for name, value in pairs(after) do
    if value == false then
      gone[#gone + 1] = name
    else
      puts[#puts + 1] = is_zset and value or name
      puts[#puts + 1] = is_zset and name or value
    end
  end
  plan(key, is_zset, puts, gone, before)
end

-- Plans the levels; returns the changed ones, for the journal. Of bounded levels only `due_from_ms`
-- changed, which is not journalled.
local function plan_levels()
  local listed, bounded = {}, {}
  for field, level in pairs(changed_levels) do
    listed[#listed + 1] = field
    listed[#listed + 1] = encode(level)
  end
  for field, level in pairs(bounded_levels) do
    bounded[#bounded + 1] = field
    bounded[#bounded + 1] = encode(level)
  end
  plan(KEYS[1], false, listed, nil, levels_before)
  if #bounded > 0 then
    plan(KEYS[1], false, bounded, nil, levels_before)
  end
  return listed
end

-- Puts progress that this batch has changed to its record: once, however many movements there were.
local function complete_records()
  for id, progress in pairs(progresses) do
    if progress.has_changed and records[id] then
      records[id] = records[id] .. encode({progress[1], progress[2], progress[3]})
    end
  end
end

-- Plans the records. In a batch of new reservations the journal's subjects are just the arguments
-- of HSET.
local function plan_records()
  if only_whole_records then
    return plan(KEYS[2], false, journal_subjects, nil, records_before)
  end
  complete_records()
  local puts, gone, planned, count = {}, {}, {}, 0
  local writes_record, have_progress = WRITES_RECORD, next(progresses) ~= nil
  for i = 1, journal_count do
    local id = journal_subjects[2 * i - 1]
    if writes_record[journal_kinds[i]] and not planned[id] then
      if have_progress then      -- then records are long, and some may come more than once
        planned[id] = true
      end
      local record = records[id]
      if record then
        puts[count + 1], puts[count + 2] = id, record
        count = count + 2
      else
        gone[#gone + 1] = id
      end
    end
  end
  plan(KEYS[2], false, puts, gone, records_before)
end

local function plan_buyers()
  local puts, gone = {}, {}
  for name, units in pairs(buyers) do
    local before = buyers_before[name]
    local value = exchanged and exchanged.value(name, units) or units
    if value ~= (before and (tonumber(before) or before) or 0) then
      if units > 0 or value ~= units then
        puts[#puts + 1] = name
        puts[#puts + 1] = value
      else
        gone[#gone + 1] = name
      end
    end
  end
  plan(KEYS[4], false, puts, gone, buyers_before)
end

-- Plans the entries of deadlines. An entry of new reservations names no others, so if it is there
-- already, all its ids are of reservations that are gone. A reservation's own entry may be there.
local function plan_entries()
  for i = 1, #new_entries do
    local entry = encode(new_entries[i][2])
    entries_after[entry] = entries_after[entry] or new_entries[i][1]      -- an own entry stays
  end
  for first = 1, #own_entries, CHUNK do
    local last = math.min(first + CHUNK - 1, #own_entries)
    local found = call('ZMSCORE', KEYS[3], unpack(own_entries, first, last))
    for i = first, last do
      entries_before[own_entries[i]] = found[i - first + 1]
    end
  end
  plan_map(KEYS[3], true, entries_after, entries_before)
end

local function plan_about()
  sequence = sequence + journal_count
  local about = {'sequence', sequence, 'now', now}
  if epoch == '' then
    epoch = epoch_new
    about = {'sequence', sequence, 'now', now, 'schema', SCHEMA, 'epoch', epoch}
  elseif has_exchanged then
    about = {'sequence', sequence, 'now', now, 'schema', EXCHANGES_SCHEMA}
  end
  plan(KEYS[6], false, about, nil,
    {schema = meta[1], epoch = meta[2], sequence = meta[3], now = meta[4]})
end

local function write(key, is_zset, puts, gone)
  for first = 1, #puts, CHUNK do
    local last = math.min(first + CHUNK - 1, #puts)
    call(is_zset and 'ZADD' or 'HSET', key, unpack(puts, first, last))
  end
  for first = 1, gone and #gone or 0, CHUNK do
    call(is_zset and 'ZREM' or 'HDEL', key, unpack(gone, first, math.min(first + CHUNK - 1, #gone)))
  end
end

-- The journal comes last, so that every change in it has happened.
local function write_all(stock_listed)
  for i = 1, #plans do
    local key, is_zset, puts, gone = unpack(plans[i], 1, 4)
    write(key, is_zset, puts, gone)
  end
  if journal_count > 0 then
    call('XADD', KEYS[5], string.format('%.0f-*', sequence), 'batch',
      encode({now, journal_kinds, journal_subjects, stock_listed}))
  end
end

-- Puts the old value back under all names, and removes names that were not there. A key that
-- refused to be written refuses again: the others must be put back all the same.
local function put_back_all()
  local function write_back(key, is_zset, puts, gone, before)
    local names, restored, removed = gone and {unpack(gone)} or {}, {}, {}
    for i = is_zset and 2 or 1, #puts, 2 do
      names[#names + 1] = puts[i]
    end
    for i = 1, #names do
      local name = names[i]
      local value = before[name]
      if value then
        restored[#restored + 1] = is_zset and value or name
        restored[#restored + 1] = is_zset and name or value
      else
        removed[#removed + 1] = name
      end
    end
    write(key, is_zset, restored, removed)
  end
  for i = 1, #plans do
    pcall(write_back, unpack(plans[i], 1, 5))
  end
  local done, entries = pcall(call, 'XRANGE', KEYS[5], string.format('%.0f-0', sequence), '+')
  for i = 1, done and #entries or 0 do
    pcall(call, 'XDEL', KEYS[5], entries[i][1])
  end
end

local function store()
  -- An entry of deadlines that is put right is no change: nobody can see it.
  if journal_count > 0 or next(retention_after) ~= nil then
    plan_about()
  end
  local stock_listed = plan_levels()
  plan_records()
  plan_buyers()
  plan_map(KEYS[8], false, adjustments_after, adjustments_before)
  plan_map(KEYS[9], false, locations_after, locations_before)
  plan_map(KEYS[10], false, limits_after, limits_before)
  plan_entries()
  plan_map(KEYS[7], true, retention_after, retention_before)
  local done, problem = pcall(write_all, stock_listed)
  if not done then
    put_back_all()
    error(problem)
  end
end
