-- Looking for what is due of the batch's own SKUs, among all that is due: the backlog of another
-- SKU holds up nobody.
--
-- About SEARCH_MAX reservations are looked at, from the time before which none of these SKUs has a
-- due unit. Then that time is later, and the next call goes on from there; it is kept in the
-- levels, so whoever asks next need not look at the same ones again.

local SEARCH_MAX, ENTRIES_FIRST_READ = 4000, 50
-- There is no going on within an instant, so more are looked at where so many are due at one.
local AT_ONE_INSTANT_MAX = 40000
-- Records are read so many at a time: who finds enough at once reads no more. So many SKUs are
-- looked for in a call, for each is looked for in every record.
local LOOK_CHUNK, SKUS_MAX = 200, 8
local searched = false       -- whether this batch has searched
local searching = false      -- whether that came nearer to an answer, so that it can go on at once

-- The batch's own levels that may have due units, of up to SKUS_MAX SKUs; their SKUs, the time from
-- which they may, and whether there are no more. Levels of others are loaded only when all that is
-- due is expired, and then there is no search.
local function uncertain_levels()
  local fields, skus, is_wanted, from, all = {}, {}, {}, now, true
  for field, level in pairs(levels) do
    if level and level[UNITS_RESERVED] > 0 and level[DUE_FROM_MS] <= now then
      local sku = sku_of(field)
      if not is_wanted[sku] and #skus < SKUS_MAX then
        is_wanted[sku], skus[#skus + 1] = true, sku
      end
      if is_wanted[sku] then
        fields[#fields + 1], from = field, math.min(from, level[DUE_FROM_MS])
      else
        all = false
      end
    end
  end
  return fields, skus, from, all
end

-- Makes the function that looks at some ids for live reservations of the SKUs; it returns whether
-- there are SKUs left to look for. Returned with it are the list of those that it finds, and by SKU
-- the time from which it leaves some out, for each has its share of what a call may expire.
local function searcher(skus)
  local due, spent, behind, share = {}, {}, {}, due_limit / #skus
  local left = {unpack(skus)}

  -- The SKUs that are looked for among those of a live reservation; none if it cannot be read.
  local function wanted_skus(id)
    local readable, body = pcall(body_of, id)
    local names, found = {}, {}
    for line = BODY_LINES, readable and records[id]:byte(1) == RESERVED and #body or 0, 2 do
      names[sku_of(body[line])] = true
    end
    for i = 1, #left do
      found[#found + 1] = names[left[i]] and left[i]
    end
    return found
  end

  local function leave_out(names, time)
    for i = 1, #names do
      behind[names[i]] = time
    end
    local still_left = {}
    for i = 1, #left do
      still_left[#still_left + 1] = not behind[left[i]] and left[i] or nil
    end
    left = still_left
  end

  local function add(id, time)
    local names, is_over = wanted_skus(id), false
    for i = 1, #names do
      is_over = is_over or (spent[names[i]] or 0) >= share
    end
    if is_over then
      return leave_out(names, time)
    end
    for i = 1, #names do
      spent[names[i]] = (spent[names[i]] or 0) + count_lines(body_of(id))
    end
    due[#due + 1] = #names > 0 and id or nil
  end

  -- `times` says when each id is named. To unpack each record would take far longer than to look
  -- for a few names in its bytes.
  local function look(ids, times)
    local find = string.find
    for first = 1, #ids, LOOK_CHUNK do
      local last = math.min(first + LOOK_CHUNK - 1, #ids)
      local some = call('HMGET', KEYS[2], unpack(ids, first, last))
      for i = 1, #some do
        local record, is_one = some[i], false
        for name = 1, record and record:byte(1) == RESERVED and #left or 0 do
          is_one = is_one or find(record, left[name], BODY_FIRST, true)
        end
        if is_one then
          local id = ids[first + i - 1]
          if records[id] == nil then
            records[id], records_before[id] = record, record
          end
          add(id, times[first + i - 1])
        end
      end
    end
    return #left > 0
  end

  return look, due, behind
end

-- Finds live reservations of some SKUs that are named from a time on. Returns them; the time before
-- which none is left out, and by SKU an earlier one, where one is.
local function find_due(skus, from)
  local look, due, behind = searcher(skus)
  local looked, ids, times, first, read, wanted_entries = 0, {}, {}, nil, 0, ENTRIES_FIRST_READ
  while true do
    local found = call('ZRANGEBYSCORE', KEYS[3], from, now, 'WITHSCORES',
      'LIMIT', read, wanted_entries)
    for i = 1, #found, 2 do
      local score, count = tonumber(found[i + 1]), looked + #ids
      first = first or score
      if count >= SEARCH_MAX and score > first or count >= AT_ONE_INSTANT_MAX then
        look(ids, times)
        return due, score > first and score or from, behind
      end
      add_named(ids, found[i])
      for id = #times + 1, #ids do
        times[id] = score
      end
      if #ids >= LOOK_CHUNK then
        looked = looked + #ids
        if not look(ids, times) then
          return due, from, behind
        end
        ids, times = {}, {}
      end
    end
    if #found < 2 * wanted_entries then
      look(ids, times)
      return due, now + 1, behind
    end
    read, wanted_entries = read + wanted_entries, 2 * wanted_entries
  end
end

local function search()
  searched = true
  local expired_before = expired
  local fields, skus, from, all = uncertain_levels()
  local due, until_ms, behind = find_due(skus, from)
  load_lines(due)
  for i = 1, #due do
    local state, expires = state_of(due[i])
    if state == RESERVED then
      remind(due[i], count_lines(body_of(due[i])), expires)
    end
  end
  searching = expired > expired_before
  for i = 1, #fields do
    local level, bound = levels[fields[i]], behind[sku_of(fields[i])] or until_ms
    if bound > level[DUE_FROM_MS] then
      level[DUE_FROM_MS] = bound
      bounded_levels[fields[i]] = level
      searching = searching or bound <= now or not all
    end
  end
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
