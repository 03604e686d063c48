-- The arguments of a batch, its time, and whether this is the store that the caller knows.
--
-- KEYS[1] stock         hash    SKU and location -> packed level
-- KEYS[2] reservations  hash    reservation id -> record
-- KEYS[3] deadlines     zset    {lines, id, id, ...}, packed, scored by when to look at these ids
-- KEYS[4] buyers        hash    buyer and SKU -> units, see exchanged.lua
-- KEYS[5] journal       stream  one entry a batch, id <sequence>-n
-- KEYS[6] meta          hash    schema, epoch, sequence, now
-- KEYS[7] retention     zset    "r" + reservation id or "a" + adjustment id, scored by when to go
-- KEYS[8] adjustments   hash    adjustment id -> fingerprint
-- KEYS[9] locations     hash    SKU -> packed list of its locations other than `default`
-- KEYS[10] limits       hash    SKU with such locations -> its strictest limit, see limits.lua
--
-- ARGV[1] head     packed  see engine/columns.py, Head
-- ARGV[2] kinds    packed  the kind of each command
-- ARGV[3] numbers  packed  the numbers of all commands, one after the other, as each header says
-- ARGV[4] strings  packed  likewise their strings; the ids of reservation commands are ARGV[5]
-- ARGV[5] ids      packed  the id of each command that has one
-- ARGV[6] fields   packed  the stock fields that commands name by position
-- ARGV[7] buyers   packed  the buyer fields that Reserve names by position; 0 is nobody

local call = redis.call
local decode, encode = cmsgpack.unpack, cmsgpack.pack
local struct_pack, struct_unpack = struct.pack, struct.unpack

local head = decode(ARGV[1])
local now, epoch_expected, sequence_min, epoch_new = head[1], head[2], head[3], head[4]
local due_limit, retention_ms = head[5], head[6]

local kinds, numbers, strings = decode(ARGV[2]), decode(ARGV[3]), decode(ARGV[4])
local ids, field_at, buyer_at = decode(ARGV[5]), decode(ARGV[6]), decode(ARGV[7])
local number_next, string_next = 1, 1
buyer_at[0] = false

local wanted = {}      -- the kinds of this batch: the rules of others are not even made
for i = 1, #kinds do
  wanted[kinds[i]] = true
end

-- Redis caps what one call can unpack from a table onto the Lua stack at 8,000.
local CHUNK = 4000

-- Time is read once: the store's clock, within what the caller knows of it, so that a step of the
-- clock neither expires all holds nor stops time. It is never before the time of an earlier batch
-- that wrote.
local meta = call('HMGET', KEYS[6], 'schema', 'epoch', 'sequence', 'now')
local epoch, sequence = meta[2] or '', tonumber(meta[3] or 0)
local clock = now
if now == 0 then
  local time = call('TIME')
  clock = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  now = head[8] > 0 and math.max(head[7], math.min(head[8], clock)) or clock
end
now = math.max(now, tonumber(meta[4] or 0))

-- Whether the batch is only Reserves, and few: so many lines have room in one entry of deadlines.
-- Then few.lua judges it, if it is plain.
local FEW_LINES_MAX = 100
local is_few = next(wanted) == RESERVE and next(wanted, RESERVE) == nil and epoch ~= ''
  and #kinds <= FEW_LINES_MAX and #numbers <= 2 * #kinds + 3 * FEW_LINES_MAX

-- The writes to make, in order: {key, whether it is a sorted set, puts, gone, before}. `puts` is
-- flat, as HSET and ZADD take it; `gone` has the names to remove; `before` the old value by name.
local plans = {}
local write_failed      -- the error of a write of few.lua, for batch.lua to put all back

-- A partition in which units were ever exchanged has a schema of its own: a server that knows of no
-- exchange would count them wrong, and must not serve it.
local has_exchanges = meta[1] == EXCHANGES_SCHEMA or wanted[EXCHANGE]
if meta[1] and meta[1] ~= SCHEMA and meta[1] ~= EXCHANGES_SCHEMA then
  return {'SCHEMA', meta[1]}
end
if epoch_expected ~= '' and (epoch ~= epoch_expected or sequence < sequence_min) then
  return {'WENT_BACK', encode({epoch, sequence})}
end
