-- The limit per buyer. It is of a SKU, over all its locations: the strictest that any of its levels
-- has, also of levels that nobody asks for. Else a buyer would pass it at another location.
--
-- `limits` remembers the strictest of each SKU that has more than its default location, so that
-- nobody has to look at hundreds of levels. SetStock keeps it true. It is found anew where it is
-- missing, as in a store of 0.4.0.

local limit_at = {}        -- stock field -> the limit of its SKU, once it has been found
local several_at = {}      -- stock field -> the packed other locations of its SKU; nothing if none

-- Loads the levels of a SKU at all its locations that are not loaded yet; returns their fields, and
-- how many were loaded.
local function load_locations(sku, packed)
  local fields, missing = {sku}, {}
  for _, location in ipairs(decode(packed)) do
    fields[#fields + 1] = sku .. '\0' .. location
  end
  for i = 1, #fields do
    if levels[fields[i]] == nil then
      missing[#missing + 1] = fields[i]
    end
  end
  load_levels(missing)
  return fields, #missing
end

-- The strictest limit of all levels of a SKU; 0 if there is none.
local function strictest_of(sku, packed)
  local fields, strictest = load_locations(sku, packed), 0
  for i = 1, #fields do
    local level = levels[fields[i]]
    local limit = level and level[LIMIT_PER_BUYER] or 0
    if limit > 0 and (strictest == 0 or limit < strictest) then
      strictest = limit
    end
  end
  return strictest
end

-- The limit of a SKU that has other locations; found anew where it is not remembered.
local function limit_of(sku, packed)
  local limit = limits_after[sku] or limits_before[sku]
  if not limit then
    limit = tonumber(call('HGET', KEYS[10], sku) or nil)
    limits_before[sku] = limit or false
  end
  if not limit then
    limit = strictest_of(sku, packed)
    limits_after[sku] = limit
  end
  return limit
end

-- Finds the limits at levels that are loaded, for who wants to take of them.
local function find_limits(fields)
  local skus = {}
  for i = 1, #fields do
    skus[i] = sku_of(fields[i])
  end
  for first = 1, #skus, CHUNK do
    local last = math.min(first + CHUNK - 1, #skus)
    local located = call('HMGET', KEYS[9], unpack(skus, first, last))
    for i = first, last do
      local field, sku = fields[i], skus[i]
      local level, packed = levels[field], locations_after[sku] or located[i - first + 1]
      several_at[field] = packed
      limit_at[field] = level and (packed and limit_of(sku, packed) or level[LIMIT_PER_BUYER])
    end
  end
end

-- Keeps the limit of a SKU true after a level's own has changed from `before`; 0 for a new level.
local function change_limit(field, before)
  local sku, limit = sku_of(field), levels[field][LIMIT_PER_BUYER]
  local packed = locations_after[sku] or call('HGET', KEYS[9], sku)
  if packed then
    local known = limit_of(sku, packed)
    if before > 0 and before == known then
      known = strictest_of(sku, packed)      -- it may have become looser
    elseif limit > 0 and (known == 0 or limit < known) then
      known = limit
    end
    limits_after[sku] = known
  end
end
