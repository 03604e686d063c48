-- What every command stands on: the arguments of the batch, the state it touches, loaded in bulk,
-- and the marks of what has changed. Nothing is written here; store.lua does that, at the end.
--
-- KEYS[1] stock         hash    SKU and location -> packed level
-- KEYS[2] reservations  hash    reservation id -> record
-- KEYS[3] deadlines     zset    reservation id, scored by expires_at_ms; RESERVED ones only
-- KEYS[4] buyers        hash    buyer and SKU -> units
-- KEYS[5] journal       stream  one entry a batch, id <sequence>-n
-- KEYS[6] meta          hash    schema, epoch, sequence, now
-- KEYS[7] retention     zset    "r" + reservation id or "a" + adjustment id, scored by when to purge
-- KEYS[8] adjustments   hash    adjustment id -> fingerprint
-- KEYS[9] locations     hash    SKU -> packed list of its locations other than `default`
--
-- ARGV[1] head     packed  see engine/columns.py, Head
-- ARGV[2] kinds    packed  the kind of each command
-- ARGV[3] numbers  packed  the numbers of all commands, one after the other, as each header says
-- ARGV[4..]        the ids of the reservation commands; the stock fields and buyer fields that
--                  Reserve names by position; then the strings of all commands, as each header says

local call = redis.call
local decode, encode = cmsgpack.unpack, cmsgpack.pack
local struct_pack, struct_unpack = struct.pack, struct.unpack

local head = decode(ARGV[1])
local now, epoch_expected, sequence_min, epoch_new = head[1], head[2], head[3], head[4]
local due_limit, retention_ms = head[5], head[6]
local id_count, field_count, buyer_count = head[7], head[8], head[9]

local kinds, numbers = decode(ARGV[2]), decode(ARGV[3])
local number_next = 1
local id_first = 4
local field_first = id_first + id_count
local buyer_first = field_first + field_count
local string_next = buyer_first + buyer_count

-- Redis caps what one call can unpack from a table onto the Lua stack at 8,000.
local CHUNK = 4000

-- Time is read once, and never runs back behind what a batch that wrote has seen.
local meta = call('HMGET', KEYS[6], 'schema', 'epoch', 'sequence', 'now')
local epoch, sequence = meta[2] or '', tonumber(meta[3] or 0)
if now == 0 then
  local time = call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
now = math.max(now, tonumber(meta[4] or 0))

-- The state that this batch touches. `..._before` is as loaded, to take back a store that fails.
local records, records_before = {}, {}      -- reservation id -> record or false
local field_at, buyer_at = {}, {[0] = false}      -- by position, as Reserve names them
local levels, levels_before = {}, {}        -- stock field -> level or false
local buyers, buyers_before = {}, {}        -- buyer field -> units
local bodies = {}                           -- reservation id -> unpacked body

-- A level is {on_hand, reserved, confirmed, damaged, safety_stock, limit_per_buyer, version}.
local ON_HAND, UNITS_RESERVED, UNITS_CONFIRMED, UNITS_DAMAGED = 1, 2, 3, 4
local SAFETY_STOCK, LIMIT_PER_BUYER, VERSION = 5, 6, 7

-- What has changed, for store.lua. The last two say what is to be there; false: nothing.
local changed_records, changed_levels, changed_buyers = {}, {}, {}
local deadline_after, retention_after, retention_before = {}, {}, {}
local journal_kinds, journal_subjects = {}, {}

-- The rule of each command, by kind: judge[kind](id) returns outcome, state, expires_at_ms. A
-- negative outcome is one that was applied before.
local judge = {}
local shortages = {}      -- the short lines of the command being judged
local extras = {}         -- {index, value}: what a few answers say beyond the three columns

-- Thrown to give the whole batch back unjudged.
local AGAIN = {}

local function in_chunks(list, run)
  for first = 1, #list, CHUNK do
    run(first, math.min(first + CHUNK - 1, #list))
  end
end

local function load_hash(key, names, found)
  in_chunks(names, function(first, last)
    local values = call('HMGET', key, unpack(names, first, last))
    for i = first, last do
      found(names[i], values[i - first + 1])
    end
  end)
end

local function load_records(ids)
  load_hash(KEYS[2], ids, function(id, record)
    records[id], records_before[id] = record, record
  end)
end

local function load_levels(fields)
  load_hash(KEYS[1], fields, function(field, level)
    levels[field], levels_before[field] = level and decode(level), level
  end)
end

local function load_buyers(names)
  load_hash(KEYS[4], names, function(name, units)
    buyers[name], buyers_before[name] = tonumber(units or 0), units
  end)
end

-- A record is state, created_at_ms, expires_at_ms, updated_at_ms and the length of the body; the
-- body, packed by the caller and never changed, so that it tells a replay from a reused id; and once
-- confirmed units have moved, the progress: {counts, movements}.
local HEADER = '>BI6I6I6'
local HEADER_BYTES, BODY_FIRST = 19, 22

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

-- A body is {ttl_ms, buyer_id, field, quantity, field, quantity, ...}; a tombstone's is {}.
local BODY_TTL_MS, BODY_BUYER, BODY_LINES = 1, 2, 3

local function buyer_field(buyer_id, field)
  return buyer_id .. '\0' .. (field:match('^[^%z]*'))
end

-- Loads what the lines of some records stand for, and is not there yet.
local function load_lines(ids)
  local fields, names, wanted = {}, {}, {}
  for i = 1, #ids do
    local body = body_of(ids[i])
    local buyer_id = body[BODY_BUYER]
    for at = BODY_LINES, #body, 2 do
      local field = body[at]
      if levels[field] == nil and not wanted[field] then
        wanted[field] = true
        fields[#fields + 1] = field
      end
      if buyer_id ~= '' then
        local name = buyer_field(buyer_id, field)
        if buyers[name] == nil and not wanted[name] then
          wanted[name] = true
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

local function available(level)
  local units = level[ON_HAND] - level[UNITS_RESERVED] - level[UNITS_CONFIRMED] - level[SAFETY_STOCK]
  return units > 0 and units or 0
end

-- Marks a level as changed by this command. Call it once per command and level.
local function touch_level(field, level)
  level[VERSION] = level[VERSION] + 1
  changed_levels[field] = level
end

local function add_buyer_units(name, units)
  buyers[name] = buyers[name] + units
  changed_buyers[name] = true
end

local function give_back_buyer_units(body, field, units)
  if body[BODY_BUYER] ~= '' and units > 0 then
    add_buyer_units(buyer_field(body[BODY_BUYER], field), -units)
  end
end

-- Puts a record in place of the one there was; the journal gets it as it is now.
local function put_record(kind, id, record)
  records[id] = record
  changed_records[id] = record
  local n = #journal_kinds + 1
  journal_kinds[n] = kind
  journal_subjects[2 * n - 1], journal_subjects[2 * n] = id, record
end

-- Moves a record to a state; its body and progress stay, unless a new progress is given.
local function move_record(kind, id, state, progress)
  local record = records[id]
  local _, created, expires = struct_unpack(HEADER, record)
  local rest = record:sub(HEADER_BYTES + 1)
  if progress then
    rest = rest:sub(1, 2 + struct_unpack('>I2', rest)) .. encode(progress)
  end
  put_record(kind, id, struct_pack(HEADER, state, created, expires, now) .. rest)
end

local function keep_until_purged(id, state)
  retention_after['r' .. id] = now + retention_ms[state == FULFILLED and 2 or 1]
end
