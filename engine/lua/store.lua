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

local function records_after()
  local after = {}
  for id, record in pairs(records) do
    if record ~= records_before[id] then
      after[id] = record
    end
  end
  for id in pairs(records_before) do
    if not records[id] then
      after[id] = false
    end
  end
  return after
end

local function buyers_after()
  local after = {}
  for name, units in pairs(buyers) do
    if units ~= tonumber(buyers_before[name] or 0) then
      after[name] = units > 0 and units
    end
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

-- Makes a hash or sorted set hold what `after` says: a value or score by name, false for none.
local function write(key, is_zset, after)
  if next(after) == nil then
    return
  end
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

local function write_all(about, stock, stock_listed, counted, located)
  write(KEYS[6], false, about)
  write(KEYS[1], false, stock)
  write(KEYS[2], false, records_after())
  write(KEYS[4], false, counted)
  write(KEYS[8], false, adjustments_after)
  write(KEYS[9], false, located)
  write(KEYS[3], true, deadline_after)
  write(KEYS[7], true, retention_after)
  -- The journal comes last: what it says has happened.
  if #journal_kinds > 0 then
    call('XADD', KEYS[5], string.format('%.0f-*', sequence), 'batch',
      encode({now, journal_kinds, journal_subjects, stock_listed}))
  end
end

local function unwrite_journal()
  for _, entry in ipairs(call('XRANGE', KEYS[5], string.format('%.0f-0', sequence), '+')) do
    call('XDEL', KEYS[5], entry[1])
  end
end

-- A key that refused to be written refuses again; the others must be put back all the same.
local function put_back_all(about, stock, counted, located)
  local about_before = {schema = meta[1], epoch = meta[2], sequence = meta[3], now = meta[4]}
  pcall(write_back, KEYS[6], false, about, about_before)
  pcall(write_back, KEYS[1], false, stock, levels_before)
  pcall(write_back, KEYS[2], false, records_after(), records_before)
  pcall(write_back, KEYS[4], false, counted, buyers_before)
  pcall(write_back, KEYS[8], false, adjustments_after, adjustments_before)
  pcall(write_back, KEYS[9], false, located, locations_before)
  pcall(write_back, KEYS[3], true, deadline_after, deadlines_before())
  pcall(write_back, KEYS[7], true, retention_after, retention_before)
  pcall(unwrite_journal)
end

local function store()
  sequence = sequence + #journal_kinds
  local about = {sequence = sequence, now = now}
  if epoch == '' then
    epoch = epoch_new
    about.schema, about.epoch = SCHEMA, epoch
  end
  local stock, stock_listed = levels_after()
  local counted, located = buyers_after(), locations_packed()
  local done, problem = pcall(write_all, about, stock, stock_listed, counted, located)
  if not done then
    put_back_all(about, stock, counted, located)
    error(problem)
  end
end
