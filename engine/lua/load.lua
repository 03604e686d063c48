-- Loads the rows that a batch touches in bulk, and keeps track of their changes.

-- The most work of a call, in lines of the records that its commands touch; a record longer than
-- its lines, by the movements in it, counts as so many bytes a line. The script holds up all buyers
-- of all tenants, so the bound is on what is in the store, not on what the commands say. A batch
-- that has more work is cut; the caller sends the rest again.
local WORK_MAX, BYTES_PER_LINE = 1000, 100
-- Records are read so many at a time, so that no more is read than may be touched.
local RECORDS_CHUNK = 100

-- Loads records that are not loaded yet; a record that this batch has changed stays. Returns how
-- many of the names were looked up: all, unless their records have more than `bytes_max`.
local function load_records(names, bytes_max)
  local bytes = 0
  for first = 1, #names, RECORDS_CHUNK do
    local last = math.min(first + RECORDS_CHUNK - 1, #names)
    local found = call('HMGET', KEYS[2], unpack(names, first, last))
    for i = first, last do
      local record = found[i - first + 1]
      if record then
        bytes = bytes + #record
        if records[names[i]] == nil then
          records[names[i]], records_before[names[i]] = record, record
        end
      end
    end
    if bytes_max and bytes > bytes_max then
      return last
    end
  end
  return #names
end

local function load_levels(fields)
  for first = 1, #fields, CHUNK do
    local last = math.min(first + CHUNK - 1, #fields)
    local found = call('HMGET', KEYS[1], unpack(fields, first, last))
    for i = first, last do
      local level = found[i - first + 1]
      levels[fields[i]] = level and decode(level)
      levels_before[fields[i]] = level
    end
  end
end

local function load_buyers(names)
  for first = 1, #names, CHUNK do
    local last = math.min(first + CHUNK - 1, #names)
    local found = call('HMGET', KEYS[4], unpack(names, first, last))
    for i = first, last do
      local units = found[i - first + 1]
      if units then
        buyers_before[names[i]] = units
        buyers[names[i]] = tonumber(units) or exchanged.counted(names[i], units)
      else
        buyers[names[i]] = 0
      end
    end
  end
end

local now_packed = struct_pack('>I6', now)

local function body_of(id)
  local body = bodies[id]
  if not body then
    local record = records[id]
    local length = struct_unpack('>I2', record, HEADER_BYTES + 1)
    body = decode(record:sub(BODY_FIRST, BODY_FIRST + length - 1))
    bodies[id] = body
  end
  return body
end

local function count_lines(body)
  return (#body - BODY_LINES + 1) / 2
end

local function sku_of(field)
  return (field:match('^[^%z]*'))
end

local function buyer_field(buyer_id, field)
  return buyer_id .. '\0' .. sku_of(field)
end

-- Whether a record's buyer may get or give up units in this batch. The buyer of a live reservation
-- cannot, unless some command gives units back, so a batch of Confirms loads no buyers.
local function buyer_may_move(id)
  if wanted[RELEASE] or wanted[CANCEL] or wanted[RETURN] then
    return true
  end
  local state, _, expires = struct_unpack(HEADER, records[id])
  return state ~= RESERVED or expires <= now
end

-- Loads the levels and buyers of some records' lines that are not loaded yet.
local function load_lines(ids)
  local fields, wanted_fields = {}, {}
  local names, wanted_names = {}, {}
  for i = 1, #ids do
    local body = body_of(ids[i])
    local with_buyer = body[BODY_BUYER] ~= '' and buyer_may_move(ids[i])
    for line = BODY_LINES, #body, 2 do
      local field = body[line]
      if not levels[field] and not wanted_fields[field] then
        wanted_fields[field] = true
        fields[#fields + 1] = field
      end
      if with_buyer then
        local name = buyer_field(body[BODY_BUYER], field)
        if buyers[name] == nil and not wanted_names[name] then
          wanted_names[name] = true
          names[#names + 1] = name
        end
      end
    end
  end
  load_levels(fields)
  load_buyers(names)
  for i = 1, #fields do
    if not levels[fields[i]] then
      error({err = 'CORRUPT a reservation has units of a stock level that is not there'})
    end
  end
end

-- Units that can be reserved now; below 0 if less is on hand than the safety stock.
local function available(level)
  return level[ON_HAND] - level[UNITS_RESERVED] - level[UNITS_CONFIRMED] - level[SAFETY_STOCK]
end

-- Marks a level as changed by this command. Call it once per command and level.
local function touch_level(field, level)
  level[VERSION] = level[VERSION] + 1
  changed_levels[field] = level
end

local function add_buyer_units(name, units)
  buyers[name] = buyers[name] + units
end

local function give_back_buyer_units(body, field, units)
  if body[BODY_BUYER] ~= '' and units > 0 then
    add_buyer_units(buyer_field(body[BODY_BUYER], field), -units)
  end
end

-- The progress of a record, and `fingerprints` by key. Kept, because a batch may have many
-- movements of one reservation.
local function progress_of(id, line_count)
  local progress = progresses[id]
  if not progress then
    local record = records[id]
    local first = BODY_FIRST + struct_unpack('>I2', record, HEADER_BYTES + 1)
    if first <= #record then
      progress = decode(record:sub(first))
    else
      progress = {{}, {}}
      for i = 1, 3 * line_count do
        progress[1][i] = 0
      end
    end
    local movements, fingerprints = progress[2], {}
    for i = 1, #movements, 2 do
      fingerprints[movements[i]] = movements[i + 1]
    end
    progress.fingerprints = fingerprints
    progresses[id] = progress
  end
  return progress
end

-- Notes that a progress has changed, and takes the stored one off the record: the new one is put to
-- it when all commands are judged.
local function change_progress(id, progress)
  if not progress.has_changed then
    progress.has_changed = true
    local body_end = BODY_FIRST - 1 + struct_unpack('>I2', records[id], HEADER_BYTES + 1)
    records[id] = records[id]:sub(1, body_end)
  end
end

-- Replaces a record, and journals what is new: `news`, or all of the record.
local function put_record(kind, id, record, news)
  records[id] = record
  journal_count = journal_count + 1
  journal_kinds[journal_count] = kind
  journal_subjects[2 * journal_count - 1] = id
  journal_subjects[2 * journal_count] = news or record
  only_whole_records = only_whole_records and not news
end

-- Gives a record a header, and journals that, and the movement if it is one.
local function put_header(kind, id, header, movement)
  put_record(kind, id, header .. records[id]:sub(HEADER_BYTES + 1), header .. (movement or ''))
end

-- Moves a record to a state.
local function move_record(kind, id, state, movement)
  local header = string.char(state) .. records[id]:sub(2, HEADER_NOW) .. now_packed
  put_header(kind, id, header, movement)
end

local function keep_until_purged(id, state)
  retention_after['r' .. id] = now + retention_ms[state == FULFILLED and 2 or 1]
end
