-- The life of a batch: load, judge, store.

local function read_record(id)
  next(body_of(id))      -- raises unless the record has a body and it is a table
end

-- A due record that cannot be read must not stop a sale: it stays as it is, and the audit names it.
local function only_readable(names)
  local readable = {}
  for i = 1, #names do
    local id = names[i]
    if not records[id] or pcall(read_record, id) then
      readable[#readable + 1] = id
    else
      records[id], records_before[id] = nil, nil
    end
  end
  return readable
end

local function load_batch()
  local due = call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, due_limit)
  due_count = #due
  load_records(due)
  due = only_readable(due)
  due_handled = #due
  load_records(ids)      -- after the due ones: a command that names an unreadable record fails
  load_levels(field_at)
  load_buyers(buyer_at)
  local there = {}
  for id in pairs(records) do
    there[#there + 1] = id
  end
  load_lines(there)
  return due
end

local function run_batch()
  expire_due(load_batch())

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
  if #journal_kinds > 0 or next(deadline_after) ~= nil or next(retention_after) ~= nil then
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
local done, answer = pcall(run_batch)
if done then
  return answer
elseif answer == AGAIN then
  return {'AGAIN', ''}
end
error(answer)
