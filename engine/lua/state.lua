-- The state of a batch: its arguments, the rows that it touches, and its changes. There is no rule
-- here, and no call but the two that every batch makes; store.lua writes, at the end.
--
-- The parts after this one are joined inside one function. In Lua 5.1 a function made inside
-- another takes over the variables around it as they are; at the top of the script each of them
-- would be searched for anew, which was a third of the time of a batch of one.
--
-- KEYS[1] stock         hash    SKU and location -> packed level
-- KEYS[2] reservations  hash    reservation id -> record
-- KEYS[3] deadlines     zset    {lines, id, id, ...}, packed, scored by when to look at these ids
-- KEYS[4] buyers        hash    buyer and SKU -> units
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

-- The rows that this batch touches; `..._before` is as loaded. A missing row is nil, or false once
-- it has been removed.
local records, records_before = {}, {}      -- reservation id -> record
local levels, levels_before = {}, {}        -- stock field -> level; false: no such level
local buyers, buyers_before = {}, {}        -- buyer field -> units
local bodies = {}                           -- reservation id -> unpacked body
local progresses = {}                       -- reservation id -> its progress, see movement.lua

-- A level is {on_hand, reserved, confirmed, damaged, safety_stock, limit_per_buyer, version,
-- due_from_ms}. No reserved unit is due before due_from_ms; if none is reserved, it means nothing.
local ON_HAND, UNITS_RESERVED, UNITS_CONFIRMED, UNITS_DAMAGED = 1, 2, 3, 4
local SAFETY_STOCK, LIMIT_PER_BUYER, VERSION, DUE_FROM_MS = 5, 6, 7, 8

-- The changes, for store.lua: the new value by name; false: the name is removed.
local changed_levels, bounded_levels = {}, {}      -- stock field -> level; the latter: due_from_ms
local new_entries = {}                             -- {expires_at_ms, entry} of new reservations
local entries_after, entries_before, own_entries = {}, {}, {}      -- of deadlines
local retention_after, retention_before = {}, {}
local adjustments_after, adjustments_before = {}, {}
local locations_after, locations_before = {}, {}
local limits_after, limits_before = {}, {}
local journal_count, journal_kinds, journal_subjects = 0, {}, {}
local only_whole_records = true      -- in the journal; then its subjects are what to write

-- The rule of each command, by kind: judge[kind](id) returns outcome, state, expires_at_ms. A
-- negative outcome is one that was applied before.
local judge = {}
local shortages = {}      -- the short lines of the command being judged
local extras = {}         -- {index, value}: the parts of a few answers beyond the three columns
