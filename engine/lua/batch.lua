-- The life of a batch: load, judge, store.

local function slice_of_arguments(first, count)
  local list = {}
  for i = 1, count do
    list[i] = ARGV[first + i - 1]
  end
  return list
end

local function load_batch()
  local ids = slice_of_arguments(id_first, id_count)
  local due = call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, due_limit)
  due_count = #due
  for i = 1, field_count do
    field_at[i] = ARGV[field_first + i - 1]
  end
  for i = 1, buyer_count do
    buyer_at[i] = ARGV[buyer_first + i - 1]
  end
  load_records(ids)
  load_records(due)
  load_levels(field_at)
  load_buyers(buyer_at)
  local there = {}
  for id, record in pairs(records) do
    there[#there + 1] = record and id or nil
  end
  load_lines(there)
  return ids, due
end

local function run_batch()
  local ids, due = load_batch()
  expire_due(due)

  local outcomes, states, expirations = {}, {}, {}
  local at = 0
  for i = 1, #kinds do
    local kind, id = kinds[i], nil
    if kind <= RETURN then
      at = at + 1
      id = ids[at]
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
  if #journal_kinds > 0 or next(deadline_after) ~= nil then
    sequence = sequence + #journal_kinds
    store(sequence)
    epoch = epoch == '' and epoch_new or epoch
  end
  return {'OK', encode({now, sequence, epoch, outcomes, states, expirations, extras})}
end

if meta[1] and meta[1] ~= SCHEMA then
  return {'SCHEMA', meta[1]}
end
if epoch_expected ~= '' and (epoch ~= epoch_expected or sequence < sequence_min) then
  return {'WENT_BACK', encode({epoch, sequence})}
end
local done, answer = pcall(run_batch)
if done then
  return answer
elseif answer == AGAIN then
  return {'AGAIN', ''}
end
error(answer)
