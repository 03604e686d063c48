-- Taking stock for lines, as Reserve and a Confirm that re-acquires do it.
--
-- The lines of the command being judged lie in three lists that are used again for each command:
-- nothing is built per command that is not kept.

local line_field, line_units, line_buyer = {}, {}, {}      -- buyer field, or false for nobody

-- Lays out the lines of a stored body; returns how many there are.
local function lay_out(body)
  local count = 0
  for at = BODY_LINES, #body, 2 do
    count = count + 1
    line_field[count], line_units[count] = body[at], body[at + 1]
    line_buyer[count] = body[BODY_BUYER] ~= '' and buyer_field(body[BODY_BUYER], body[at])
  end
  return count
end

-- Collects the short lines.
local function are_short(count)
  for i = 1, count do
    local left = available(levels[line_field[i]])
    if line_units[i] > left then
      demand_all_expired()
      shortages[#shortages + 1] = {line_field[i], line_units[i], left}
    end
  end
  return #shortages > 0
end

-- Whether the lines would take the buyer past a limit. It is of the SKU, over all its locations, so
-- lines that share a buyer field are summed.
local function sums_pass_limit(count)
  local asked = {}
  for i = 1, count do
    local buyer = line_buyer[i]
    asked[buyer] = (asked[buyer] or 0) + line_units[i]
  end
  for i = 1, count do
    local limit, buyer = levels[line_field[i]][LIMIT_PER_BUYER], line_buyer[i]
    if limit > 0 and (not buyer or buyers[buyer] + asked[buyer] > limit) then
      return true
    end
  end
  return false
end

local function pass_limit(count)
  local passes
  if count == 1 then      -- the usual case, without a table to sum in
    local limit, buyer = levels[line_field[1]][LIMIT_PER_BUYER], line_buyer[1]
    passes = limit > 0 and (not buyer or buyers[buyer] + line_units[1] > limit)
  else
    passes = sums_pass_limit(count)
  end
  if passes then
    demand_all_expired()
  end
  return passes
end

-- Adds the lines to one count of their levels, and to what the buyer has.
local function take(count, level_count)
  for i = 1, count do
    local field, units, buyer = line_field[i], line_units[i], line_buyer[i]
    local level = levels[field]
    level[level_count] = level[level_count] + units
    touch_level(field, level)
    if buyer then
      add_buyer_units(buyer, units)
    end
  end
end
