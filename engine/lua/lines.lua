-- Taking stock for lines, as Reserve and a Confirm that re-acquires do it, and waiting for it.
--
-- The lines of the command being judged lie in lists that are used again for each command, so that
-- nothing is built only to be thrown away. The loops below call no functions: they run once a line,
-- and a call would cost as much as its work.

local line_field, line_level, line_units = {}, {}, {}
local line_buyer = {}      -- buyer field, or false for nobody

-- Lays out the lines of a stored body; returns how many there are.
local function lay_out(body)
  local count = 0
  for i = BODY_LINES, #body, 2 do
    count = count + 1
    local field = body[i]
    line_field[count], line_level[count], line_units[count] = field, levels[field], body[i + 1]
    line_buyer[count] = body[BODY_BUYER] ~= '' and buyer_field(body[BODY_BUYER], field)
  end
  return count
end

-- A command that cannot be refused before more due reservations have expired is answered
-- NOT_JUDGED, for the caller to send it again after a sweep. So is each later command of the batch
-- that has an id or a SKU in common with it: judged first, it might take units of the earlier one.
local NOT_JUDGED = 0
local waiting_ids, waiting_skus = {}, {}
local someone_waits = false

-- Leaves a command, with its lines laid out, to be sent again. One of a reservation that is made in
-- exchange has the id and lines of the other, too.
local function wait(id, count, other)
  if exchanged and not other and records[id] then
    count, other = exchanged.lay_out(body_of(id), count)
  end
  someone_waits = true
  waiting_ids[id] = true
  waiting_ids[other or id] = true
  for i = 1, count do
    waiting_skus[sku_of(line_field[i])] = true
  end
  shortages = {}
  return NOT_JUDGED, 0, 0
end

-- Whether a command has to wait because an earlier one does. Its `count` lines are laid out;
-- without a count, the lines of the reservation are laid out here, if it is there.
local function must_wait(id, count, other)
  if not someone_waits then
    return false
  end
  count = count or records[id] and lay_out(body_of(id)) or 0
  if exchanged and not other and records[id] then
    count, other = exchanged.lay_out(body_of(id), count)
  end
  local waits = waiting_ids[id] or waiting_ids[other or id]
  for i = 1, count do
    waits = waits or waiting_skus[sku_of(line_field[i])]
  end
  if waits then
    wait(id, count, other)
  end
  return waits
end

-- Collects the short lines; returns OUT_OF_STOCK if there are any, or NOT_JUDGED.
local function short_of_stock(count)
  local short = false
  for i = 1, count do
    local level, units = line_level[i], line_units[i]
    if units > available(level) then
      local certain, left = no_unit_is_due(level), available(level)
      if units > left and not certain then
        return NOT_JUDGED
      elseif units > left then
        short = OUT_OF_STOCK
        shortages[#shortages + 1] = {line_field[i], units, left > 0 and left or 0}
      end
    end
  end
  return short
end

-- Whether the lines would take the buyer past a limit. A limit counts a SKU over all its locations,
-- so lines that share a buyer field are summed. The limits have been found.
local function pass_limit(count)
  local asked = count > 1 and {}      -- one line needs no table to sum in
  for i = 1, asked and count or 0 do
    local buyer = line_buyer[i]
    asked[buyer] = (asked[buyer] or 0) + line_units[i]
  end
  for i = 1, count do
    local limit, buyer = limit_at[line_field[i]], line_buyer[i]
    local units = asked and asked[buyer] or line_units[i]
    if limit > 0 and (not buyer or buyers[buyer] + units > limit) then
      return true
    end
  end
  return false
end

-- Returns LIMIT_EXCEEDED, NOT_JUDGED or false. The buyer's units of a SKU may be due at a location
-- that is not asked for.
local function past_limit(count)
  if exchanged then
    exchanged.settle_buyers(count)
  end
  if not pass_limit(count) then
    return false
  end
  for i = 1, count do
    local field = line_field[i]
    if limit_at[field] > 0 and not no_unit_of_sku_is_due(field) then
      return NOT_JUDGED
    end
  end
  return pass_limit(count) and LIMIT_EXCEEDED
end

-- Adds the lines to one count of their levels, and to the buyer's units. `expires` is the deadline
-- of units that are reserved, nil for units that are sold.
local function take(count, level_count, expires)
  for i = 1, count do
    local level, units, buyer = line_level[i], line_units[i], line_buyer[i]
    if expires and (expires < level[DUE_FROM_MS] or level[UNITS_RESERVED] == 0) then
      level[DUE_FROM_MS] = expires
    end
    level[level_count] = level[level_count] + units
    level[VERSION] = level[VERSION] + 1
    changed_levels[line_field[i]] = level
    if buyer then
      buyers[buyer] = buyers[buyer] + units
    end
  end
end
