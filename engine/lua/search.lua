-- Looking for what is due of the batch's own SKUs, among all that is due: the backlog of another
-- SKU holds up nobody.
--
-- About SEARCH_MAX reservations are looked at, from the time before which none of these SKUs has a
-- due unit. Then that time is later, and the next call goes on from there; it is kept in the
-- levels, so whoever asks next need not look at the same ones again.

local SEARCH_MAX, ENTRIES_FIRST_READ, NAMES_MAX = 4000, 200, 8
-- There is no going on within an instant, so more are looked at where so many are due at one.
local AT_ONE_INSTANT_MAX = 40000
local searched = false       -- whether this batch has searched
local searching = false      -- whether that found something out, and there is more to look at

-- The batch's own levels that may have due units, their SKUs, and the time from which they may.
-- Levels of others are loaded only when all that is due is expired, and then there is no search.
local function uncertain_levels()
  local fields, skus, from = {}, {}, now
  for field, level in pairs(levels) do
    if level and level[UNITS_RESERVED] > 0 and level[DUE_FROM_MS] <= now then
      fields[#fields + 1], skus[sku_of(field)] = field, true
      from = math.min(from, level[DUE_FROM_MS])
    end
  end
  return fields, skus, from
end

-- The ids that are named from a time on, and the time before which none is left out: `from` itself
-- if there are too many at one instant.
local function named_from(from)
  local ids, read, wanted_entries, first = {}, 0, ENTRIES_FIRST_READ, nil
  while true do
    local found = call('ZRANGEBYSCORE', KEYS[3], from, now, 'WITHSCORES',
      'LIMIT', read, wanted_entries)
    for i = 1, #found, 2 do
      local score = tonumber(found[i + 1])
      first = first or score
      if #ids >= SEARCH_MAX and score > first then
        return ids, score
      elseif #ids >= AT_ONE_INSTANT_MAX then
        return ids, from
      end
      add_named(ids, found[i])
    end
    if #found < 2 * wanted_entries then
      return ids, now + 1
    end
    read, wanted_entries = read + wanted_entries, 2 * wanted_entries
  end
end

-- Finds live reservations of some SKUs that are named from a time on; returns them, and the time
-- before which none is left out.
local function find_due(skus, from)
  -- The live ones among the ids whose record has the name of one of the SKUs somewhere. To unpack
  -- each record would take far longer than to look for a few names in its bytes.
  local function candidates(ids)
    local found, names, find = {}, {}, string.find
    for sku in pairs(skus) do
      names[#names + 1] = sku
    end
    for first = 1, #ids, CHUNK do
      local last = math.min(first + CHUNK - 1, #ids)
      local some = call('HMGET', KEYS[2], unpack(ids, first, last))
      for i = 1, #some do
        local record, is_one = some[i], #names > NAMES_MAX
        for name = 1, record and not is_one and #names or 0 do
          is_one = is_one or find(record, names[name], BODY_FIRST, true)
        end
        if record and is_one and record:byte(1) == RESERVED then
          found[#found + 1] = ids[first + i - 1]
        end
      end
    end
    return found
  end

  local function is_due(id)
    local readable, body = pcall(body_of, id)
    readable = readable and records[id]:byte(1) == RESERVED
    for line = BODY_LINES, readable and #body or 0, 2 do
      if skus[sku_of(body[line])] then
        return true
      end
    end
    return false
  end

  local ids, until_ms = named_from(from)
  local due, lines = {}, 0
  ids = candidates(ids)
  load_records(ids)
  for i = 1, #ids do
    local id = ids[i]
    if is_due(id) then
      lines = lines + count_lines(body_of(id))
      if #due > 0 and lines > due_limit then
        return due, from      -- these SKUs have a backlog of their own
      end
      due[#due + 1] = id
    end
  end
  return due, until_ms
end

local function search()
  searched = true
  local fields, skus, from = uncertain_levels()
  local due, until_ms = find_due(skus, from)
  load_lines(due)
  for i = 1, #due do
    local state, expires = state_of(due[i])
    if state == RESERVED then
      remind(due[i], count_lines(body_of(due[i])), expires)
    end
  end
  for i = 1, until_ms > from and #fields or 0 do
    local level = levels[fields[i]]
    level[DUE_FROM_MS] = math.max(level[DUE_FROM_MS], until_ms)
    bounded_levels[fields[i]] = level
  end
  searching = until_ms > from and until_ms <= now
end

-- Whether no reserved unit of a level is due, or none any more; false if that is not known yet.
local function no_unit_is_due(level)
  if level[UNITS_RESERVED] == 0 or level[DUE_FROM_MS] > now then
    return true
  elseif all_expired == nil and not searched
    and call('ZCOUNT', KEYS[3], '-inf', now) > due_limit then
    search()      -- more is due than this call may expire
  end
  return not searched and all_due_expired()
    or level[UNITS_RESERVED] == 0 or level[DUE_FROM_MS] > now
end

-- So many levels of other locations are loaded in a call, or those of one SKU: see WORK_MAX.
local LOCATIONS_MAX = 1000
local locations_loaded = 0

-- Whether no reserved unit of the SKU of a loaded level is due at any of its locations, or none any
-- more; false if that is not known yet.
local function no_unit_of_sku_is_due(field)
  if not several_at[field] then
    return no_unit_is_due(levels[field])
  elseif locations_loaded > LOCATIONS_MAX then
    return false
  end
  local fields, count = load_locations(sku_of(field), several_at[field])
  locations_loaded = locations_loaded + count
  for i = 1, #fields do
    local level = levels[fields[i]]
    if level and not no_unit_is_due(level) then
      return false
    end
  end
  return true
end
