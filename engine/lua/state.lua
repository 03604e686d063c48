-- The state of a batch that is judged by the rules: the rows that it touches, and its changes.
-- There is no rule here, and no call; store.lua writes, at the end.
--
-- The parts after this one are joined inside one function. In Lua 5.1 a function made inside
-- another takes over the variables around it as they are; at the top of the script each of them
-- would be searched for anew, which was a third of the time of a batch of one.

-- The rows that this batch touches; `..._before` is as loaded. A missing row is nil, or false once
-- it has been removed.
local records, records_before = {}, {}      -- reservation id -> record
local levels, levels_before = {}, {}        -- stock field -> level; false: no such level
local buyers, buyers_before = {}, {}        -- buyer field -> units
local bodies = {}                           -- reservation id -> unpacked body
local progresses = {}                       -- reservation id -> its progress

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

local exchanged      -- the functions of exchanged.lua, where there may be exchanged units
local has_exchanged = false      -- whether this batch has exchanged any

-- The rule of each command, by kind: judge[kind](id) returns outcome, state, expires_at_ms. A
-- negative outcome is one that was applied before.
local judge = {}
local shortages = {}      -- the short lines of the command being judged
local extras = {}         -- {index, value}: the parts of a few answers beyond the three columns
