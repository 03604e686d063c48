-- A few Reserves and nothing else, as the callers of a sale send them: judged here as reserve.lua
-- would, but before any rule is made. To make the rules was a third of a batch of one; so there are
-- few functions here, and few tables.
--
-- Where an id is known, a level is not there, or a refusal is not certain because a unit may be
-- due, nothing has been changed yet, and the rules judge all.

-- Reads the rows that the Reserves touch, by position; nil if an id is known or comes twice, or a
-- level or a limit is not there, or ids stand beside a buyer's units. Limits are those of
-- limits.lua.
local function read_rows()
  local seen, known = {}, call('HMGET', KEYS[2], unpack(ids))
  for i = 1, #ids do
    if known[i] or seen[ids[i]] then
      return nil
    end
    seen[ids[i]] = true
  end
  local levels_read, levels = call('HMGET', KEYS[1], unpack(field_at)), {}
  local limits, skus, units, units_read = {}, {}, {}, {}
  for i = 1, #field_at do
    if not levels_read[i] then
      return nil
    end
    levels[i] = decode(levels_read[i])
    skus[i], limits[i] = field_at[i]:match('^[^%z]*'), levels[i][LIMIT_PER_BUYER]
  end
  local located = call('HMGET', KEYS[9], unpack(skus))
  for i = 1, #skus do
    if located[i] then
      limits[i] = tonumber(call('HGET', KEYS[10], skus[i]) or nil)
      if not limits[i] then
        return nil
      end
    end
  end
  if #buyer_at > 0 then
    units_read = call('HMGET', KEYS[4], unpack(buyer_at))
    for i = 1, #buyer_at do
      units[i] = tonumber(units_read[i] or 0)
      if not units[i] then
        return nil      -- see exchanged.lua
      end
    end
  end
  return {
    levels = levels, levels_read = levels_read, changed = {}, limits = limits, located = located,
    units = units, units_read = units_read,
  }
end

-- Judges a Reserve, whose lines have the numbers from `first` to `last`, and takes its units if it
-- is APPLIED. Returns the outcome and the short lines; nil if a refusal is not certain.
local function judge_lines(rows, first, last, expires)
  local levels, limits, units, outcome, short = rows.levels, rows.limits, rows.units, APPLIED, nil
  local is_certain = true
  for at = first, last, 3 do
    local position, wanted, buyer = numbers[at], numbers[at + 1], numbers[at + 2]
    local level, limit = levels[position], limits[position]
    local reserved = level[UNITS_RESERVED]
    local left = level[ON_HAND] - reserved - level[UNITS_CONFIRMED] - level[SAFETY_STOCK]
    local none_is_due = reserved == 0 or level[DUE_FROM_MS] > now
    if wanted > left then
      if not none_is_due then
        return nil
      end
      short = short or {}
      short[#short + 1] = {field_at[position], wanted, left > 0 and left or 0}
    end
    local bought = buyer > 0 and units[buyer] + wanted
    units[buyer] = bought
    if limit > 0 then
      outcome = bought and bought <= limit and outcome or LIMIT_EXCEEDED
      is_certain = is_certain and none_is_due and not rows.located[position]
    end
  end
  if short then
    outcome = OUT_OF_STOCK
  elseif outcome == LIMIT_EXCEEDED and not is_certain then
    return nil
  end
  for at = first, last, 3 do
    local position, wanted, buyer = numbers[at], numbers[at + 1], numbers[at + 2]
    if outcome == APPLIED then
      local level = levels[position]
      if level[UNITS_RESERVED] == 0 or expires < level[DUE_FROM_MS] then
        level[DUE_FROM_MS] = expires
      end
      level[UNITS_RESERVED] = level[UNITS_RESERVED] + wanted
      level[VERSION] = level[VERSION] + 1
      rows.changed[position] = true
    elseif buyer > 0 then
      units[buyer] = units[buyer] - wanted
    end
  end
  return outcome, short
end

local function write(levels, records, buyers, deadlines, journalled)
  call('HSET', KEYS[6], 'sequence', sequence, 'now', now)
  call('HSET', KEYS[1], unpack(levels))
  call('HSET', KEYS[2], unpack(records))
  if #buyers > 0 then
    call('HSET', KEYS[4], unpack(buyers))
  end
  call('ZADD', KEYS[3], unpack(deadlines))
  call('XADD', KEYS[5], string.format('%.0f-*', sequence), 'batch', encode(journalled))
end

-- Plans the writes that have failed in the middle, for batch.lua to have the old values put back.
local function plan_all(rows, levels, records, buyers, deadlines)
  local levels_before, units_before = {}, {}
  for i = 1, #field_at do
    levels_before[field_at[i]] = rows.levels_read[i]
  end
  for i = 1, #buyer_at do
    units_before[buyer_at[i]] = rows.units_read[i]
  end
  plans = {
    {KEYS[6], false, {'sequence', sequence, 'now', now}, nil, {sequence = meta[3], now = meta[4]}},
    {KEYS[1], false, levels, nil, levels_before},
    {KEYS[2], false, records, nil, {}},
    {KEYS[4], false, buyers, nil, units_before},
    {KEYS[3], true, deadlines, nil, {}},
  }
end

-- Stores what is new, `records` flat and `entries` by deadline; returns whether it did.
local function store_few(rows, records, entries)
  local levels, buyers, deadlines, journal_kinds = {}, {}, {}, {}
  for i = 1, #field_at do
    if rows.changed[i] then
      levels[#levels + 1] = field_at[i]
      levels[#levels + 1] = encode(rows.levels[i])
    end
  end
  for i = 1, #buyer_at do
    if rows.units[i] ~= tonumber(rows.units_read[i] or 0) then
      buyers[#buyers + 1] = buyer_at[i]
      buyers[#buyers + 1] = rows.units[i]
    end
  end
  for expires, entry in pairs(entries) do
    deadlines[#deadlines + 1] = expires
    deadlines[#deadlines + 1] = encode(entry)
  end
  for i = 1, #records / 2 do
    journal_kinds[i] = RESERVE
  end
  sequence = sequence + #journal_kinds
  local journalled = {now, journal_kinds, records, levels}
  local written, problem = pcall(write, levels, records, buyers, deadlines, journalled)
  if not written then
    write_failed = problem
    plan_all(rows, levels, records, buyers, deadlines)
  end
  return written
end

-- Judges the Reserves and returns the answer; nil if the rules have to, or if a write failed.
local function judge_few()
  local rows = read_rows()
  if not rows then
    return nil
  end
  local position, records, record_count, entries, extras = 1, {}, 0, {}, {}
  local outcomes, states, expirations = {}, {}, {}
  local header, entry, expires_before
  for i = 1, #ids do
    local expires, count = now + numbers[position], numbers[position + 1]
    local outcome, short = judge_lines(rows, position + 2, position + 1 + 3 * count, expires)
    position = position + 2 + 3 * count
    if outcome == APPLIED then
      if expires ~= expires_before then      -- most of a batch share one
        header = struct_pack(HEADER, RESERVED, now, expires, now)
        entry = entries[expires] or {0}
        entries[expires], expires_before = entry, expires
      end
      records[record_count + 1], records[record_count + 2] = ids[i], header .. strings[i]
      record_count = record_count + 2
      entry[1], entry[#entry + 1] = entry[1] + count, ids[i]
      outcomes[i], states[i], expirations[i] = APPLIED, RESERVED, expires
    elseif outcome then
      extras[#extras + 1] = short and {i, short}
      outcomes[i], states[i], expirations[i] = outcome, 0, 0
    else
      return nil
    end
  end
  if record_count > 0 and not store_few(rows, records, entries) then
    return nil
  end
  return {'OK', encode({
    now, sequence, epoch, outcomes, states, expirations, extras, clock, false,
  })}
end

local answer = judge_few()
if answer then
  return answer
end
