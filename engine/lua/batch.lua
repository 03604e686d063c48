-- The life of a batch: load, judge, store.

local function load_batch()
  load_records(ids)
  load_levels(field_at)
  load_buyers(buyer_at)
  local there = {}
  for id in pairs(records) do
    there[#there + 1] = id
  end
  load_lines(there)
end

local function run_batch()
  load_batch()
  local outcomes, states, expirations = {}, {}, {}
  local has_id = HAS_ID
  local id_count = 0
  for i = 1, #kinds do
    local kind, id = kinds[i], nil
    if has_id[kind] then
      id_count = id_count + 1
      id = ids[id_count]
    end
    local extra = #extras
    outcomes[i], states[i], expirations[i] = judge[kind](id)
    if #shortages > 0 then
      extras[#extras + 1] = {0, shortages}
      shortages = {}
    end
    if #extras > extra then
      extras[#extras][1] = i
    end
  end
  if journal_count > 0 or next(entries_after) ~= nil or next(retention_after) ~= nil then
    store()
  end
  return {'OK', encode({now, sequence, epoch, outcomes, states, expirations, extras})}
end

if meta[1] and meta[1] ~= SCHEMA then
  return {'SCHEMA', meta[1]}
end
if epoch_expected ~= '' and (epoch ~= epoch_expected or sequence < sequence_min) then
  return {'WENT_BACK', encode({epoch, sequence})}
end
return run_batch()
