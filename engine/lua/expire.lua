-- Expire: give the units of reservations past their deadline back to sale.
--
-- A reservation past its deadline is EXPIRED for every caller. Its units are given back by the
-- sweeper, or before that by the first batch that would refuse somebody for lack of them.
--
-- An entry of `deadlines` is a reminder: it names reservations to look at when its score is due,
-- and the number of their lines. The record has the last word, so Confirm and Release leave the
-- entries alone. A Reserve is named together with others of its batch. An extended reservation gets
-- an entry of its own when the shared one is due, or at once if its deadline comes nearer; it has
-- one such entry, however often it is extended.
--
-- Numbers: none
-- Strings: none
-- Outcomes: APPLIED
-- Memory: gives

-- The number of due entries in the first read; each further read takes twice as many.
local ENTRIES_FIRST = 8
-- The time after which an unreadable due record is looked at again; the audit names it.
local UNREADABLE_MS = 60000

local expired = 0      -- reservations, by this batch
local all_expired      -- whether all due reservations have expired; nil: not tried yet

-- Gives a live reservation's units back, for Expire and Release.
local function end_reservation(kind, id, state)
  local body = body_of(id)
  for i = BODY_LINES, #body, 2 do
    local field, quantity = body[i], body[i + 1]
    local level = levels[field]
    level[UNITS_RESERVED] = level[UNITS_RESERVED] - quantity
    touch_level(field, level)
    give_back_buyer_units(body, field, quantity)
  end
  keep_until_purged(id, state)
  move_record(kind, id, state)
  if exchanged then
    exchanged.undo(id)
  end
end

-- The state of a record now. A reservation past its deadline is expired first.
local function state_of(id)
  local state, _, expires = struct_unpack(HEADER, records[id])
  if state == RESERVED and expires <= now then
    end_reservation(EXPIRE, id, EXPIRED)
    expired = expired + 1
    state = EXPIRED
  end
  return state, expires
end

local function remind(id, lines, at_ms)
  local entry = encode({lines, id})
  own_entries[#own_entries + 1] = entry
  entries_after[entry] = at_ms
end

-- Adds the ids that an entry names, none if it is not ours; returns their lines, at least 1.
local function add_named(ids, entry)
  local readable, named = pcall(decode, entry)
  if not readable or type(named) ~= 'table' or type(named[1]) ~= 'number' then
    return 1
  end
  for i = 2, #named do
    if type(named[i]) == 'string' then
      ids[#ids + 1] = named[i]
    end
  end
  return math.max(1, named[1])
end

-- Expires due reservations, up to `due_limit` lines and one more entry; returns whether those were
-- all. Its functions are made when it runs: most batches do not run it.
local function expire_due()
  -- Takes out due entries until `due_limit` is reached; returns their ids, and whether that is all.
  local function take_due()
    local due, lines, read, wanted = {}, 0, 0, ENTRIES_FIRST
    while true do
      local found = call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'WITHSCORES', 'LIMIT', read, wanted)
      for i = 1, #found, 2 do
        if lines >= due_limit then
          return due, false
        end
        lines = lines + add_named(due, found[i])
        entries_before[found[i]], entries_after[found[i]] = found[i + 1], false
      end
      if #found < 2 * wanted then
        return due, true
      end
      read, wanted = read + wanted, 2 * wanted
    end
  end

  local function read_record(id)
    next(body_of(id))      -- raises unless the record has a body and it is a table
  end

  -- The due ids that have a record. One that cannot be read must not stop a sale.
  local function load_due(due)
    load_records(due)
    local there = {}
    for i = 1, #due do
      local id = due[i]
      if records[id] and pcall(read_record, id) then
        there[#there + 1] = id
      elseif records[id] then
        remind(id, 1, now + UNREADABLE_MS)
        records[id], records_before[id] = nil, nil
      end
    end
    load_lines(there)
    return there
  end

  local due, all = take_due()
  due = load_due(due)
  for i = 1, #due do
    local state, expires = state_of(due[i])
    if state == RESERVED then
      remind(due[i], count_lines(body_of(due[i])), expires)
    end
  end
  return all
end

-- Expires due reservations once a batch; returns whether all are expired.
local function all_due_expired()
  if all_expired == nil then
    all_expired = expire_due()
  end
  return all_expired
end

judge[EXPIRE] = function()
  local all = all_due_expired()
  extras[#extras + 1] = {0, expired, not all}
  return APPLIED, 0, 0
end
