-- Exchanged units: their buyer still has them, but another reservation was made in exchange for
-- them, and counts for the limit in their place.
--
-- Until they are back or count again they stand in the third part of the progress of the
-- reservation that they are of, the oldest first: {id of the one made in exchange, line, units,
-- ...}. That one names it in its body. The journal has of a change the header of the record after
-- it, then {id of the one made in exchange, field, units, ...}; negative units count again.
--
-- When one that is RESERVED lapses, its units may count again, and somebody else must not have been
-- let past the limit before that is seen. So the units of a buyer are `<units> <id> <id> ...` while
-- there are such ids. few.lua leaves these buyers to the rules.

local marks = {}      -- buyer field -> the set of ids beside its units

-- What a body says of an exchange: {ttl_ms, id of the other, field, units, ...}; false if nothing.
local function exchange_of(body)
  local first = body[BODY_TTL_MS]
  return type(first) == 'table' and first
end

-- Loads a reservation that no command names, with its lines; returns its record.
local function load_other(id)
  if records[id] == nil then
    load_records({id})
  end
  if records[id] then
    load_lines({id})
  end
  return records[id]
end

local function other_of(id)
  local exchange = exchange_of(body_of(id))
  return exchange and load_other(exchange[EXCHANGED_ID]) and exchange[EXCHANGED_ID]
end

local function field_of(body, line)
  return body[BODY_LINES + 2 * line - 2]
end

-- The exchanged units of a line.
local function open_units(id, line)
  local exchanges, units = progress_of(id, count_lines(body_of(id)))[3], 0
  for i = 1, exchanges and #exchanges or 0, 3 do
    units = units + (exchanges[i + 1] == line and exchanges[i + 2] or 0)
  end
  return units
end

-- Adds the units of each line to what counts for the buyer, or takes them off.
local function count(id, units, sign)
  local body = body_of(id)
  for line = 1, body[BODY_BUYER] ~= '' and #units or 0 do
    if units[line] > 0 then
      add_buyer_units(buyer_field(body[BODY_BUYER], field_of(body, line)), sign * units[line])
    end
  end
end

-- The units in a buyer's row with ids.
local function counted(name, packed)
  marks[name] = {}
  for id in packed:gmatch(' (%S+)') do
    marks[name][id] = true
  end
  return tonumber(packed:match('^%d+'))
end

-- A buyer's row: the units, and the ids beside them in order.
local function value(name, units)
  local ids = {}
  for id in pairs(marks[name] or {}) do
    ids[#ids + 1] = id
  end
  if #ids == 0 then
    return units
  end
  table.sort(ids)
  return string.format('%.0f ', units) .. table.concat(ids, ' ')
end

-- Puts an id beside the units of the buyer of another reservation where it holds some in exchange
-- and may lapse; takes it away elsewhere.
local function mark_at(id, other)
  local body = body_of(other)
  local exchanges = progress_of(other, count_lines(body))[3] or {}
  local is_live = records[id] and records[id]:byte(1) == RESERVED
  for line = 1, body[BODY_BUYER] ~= '' and count_lines(body) or 0 do
    local name = buyer_field(body[BODY_BUYER], field_of(body, line))
    marks[name] = marks[name] or {}
    marks[name][id] = nil
  end
  for i = 1, is_live and body[BODY_BUYER] ~= '' and #exchanges or 0, 3 do
    if exchanges[i] == id then
      marks[buyer_field(body[BODY_BUYER], field_of(body, exchanges[i + 1]))][id] = true
    end
  end
end

local function mark(id)
  local other = other_of(id)
  if other then
    mark_at(id, other)
  end
end

-- Expires those of some reservations that are due.
local function expire_due_of(ids)
  for i = 1, #ids do
    if load_other(ids[i]) then
      state_of(ids[i])
    end
  end
end

-- Has the units of a progress count again whose exchange has lapsed.
local function settle(progress)
  local ids = {}
  for i = 1, progress[3] and #progress[3] or 0, 3 do
    ids[#ids + 1] = progress[3][i]
  end
  expire_due_of(ids)
end

-- The same for the units of the buyers of lines that are laid out.
local function settle_buyers(line_count)
  local ids = {}
  for line = 1, line_count do
    for id in pairs(marks[line_buyer[line]] or {}) do
      ids[#ids + 1] = id
    end
  end
  expire_due_of(ids)
end

-- The units by line that an exchange asks for, or all if it names none; nil if there are not so
-- many. With `as_far_as_there` as many as there are.
local function find(id, exchange, as_far_as_there)
  local body, wanted = body_of(id), #exchange >= EXCHANGED_LINES and {} or nil
  local counts, units, total = progress_of(id, count_lines(body))[1], {}, 0
  for i = EXCHANGED_LINES, #exchange, 2 do
    wanted[exchange[i]] = exchange[i + 1]
  end
  for line = 1, count_lines(body) do
    local offset, field = 3 * (line - 1), field_of(body, line)
    local left = counts[offset + LINE_SHIPPED] - counts[offset + LINE_RETURNED]
      - open_units(id, line)
    units[line] = wanted and (wanted[field] or 0) or left
    if units[line] > left and not as_far_as_there then
      return nil
    end
    units[line] = math.min(units[line], left)
    total = total + units[line]
    if wanted then
      wanted[field] = nil
    end
  end
  local is_all = total > 0 and not (wanted and next(wanted))
  return (is_all or as_far_as_there) and units
end

-- Writes the change of a progress. No unit of a buyer moves without a level of its SKU, which the
-- audit relies on; a level that the command has touched itself is in `touched`.
local function put_exchanges(id, other, exchanges, moved, touched)
  local progress = progress_of(other, count_lines(body_of(other)))
  progress[3] = #exchanges > 0 and exchanges or nil
  for i = 1, #moved, 2 do
    if not touched[moved[i]] then
      touched[moved[i]] = true
      touch_level(moved[i], levels[moved[i]])
    end
  end
  has_exchanged = true
  change_progress(other, progress)
  move_record(EXCHANGE, other, records[other]:byte(1), encode({id, unpack(moved)}))
  mark_at(id, other)
end

-- The fields of a reservation, which a command that moves all of its units has touched.
local function all_fields(id)
  local body, fields = body_of(id), {}
  for i = BODY_LINES, #body, 2 do
    fields[body[i]] = true
  end
  return fields
end

-- Notes units, which have been taken off the buyer's count, as exchanged.
local function note(id, other, units)
  local body, moved = body_of(other), {}
  local exchanges = progress_of(other, count_lines(body))[3] or {}
  for line = 1, #units do
    if units[line] > 0 then
      local end_of = #exchanges
      exchanges[end_of + 1], exchanges[end_of + 2], exchanges[end_of + 3] = id, line, units[line]
      moved[#moved + 1], moved[#moved + 2] = field_of(body, line), units[line]
    end
  end
  put_exchanges(id, other, exchanges, moved, all_fields(id))
end

-- Takes the units of an exchange that has lapsed off the buyer's count once more, as far as they
-- are there; returns them by line, and whose they are.
local function take_again(id)
  local exchange, other = exchange_of(body_of(id)), other_of(id)
  if not other or body_of(other)[BODY_BUYER] ~= body_of(id)[BODY_BUYER] then
    return nil
  end
  settle(progress_of(other, count_lines(body_of(other))))
  local units, total = find(other, exchange, true), 0
  for line = 1, #units do
    total = total + units[line]
  end
  if total > 0 then
    count(other, units, -1)
    return units, other
  end
end

-- Has units count again that are exchanged for a reservation: of each SKU as many as were cancelled
-- of it, and so many more that no more stay exchanged than the reservation has left.
local function undo_for(id, cancelled, left, touched)
  local other = other_of(id)
  local exchanges = other and progress_of(other, count_lines(body_of(other)))[3]
  if not exchanges then
    return
  end
  local body, again, excess = body_of(other), {}, -left
  for i = 1, #exchanges, 3 do
    if exchanges[i] == id then
      local sku = sku_of(field_of(body, exchanges[i + 1]))
      again[i] = math.min(exchanges[i + 2], cancelled[sku] or 0)
      cancelled[sku] = (cancelled[sku] or 0) - again[i]
      excess = excess + exchanges[i + 2] - again[i]
    end
  end
  local kept, moved, units_again = {}, {}, {}
  for line = 1, count_lines(body) do
    units_again[line] = 0
  end
  for i = 1, #exchanges, 3 do
    local line, units = exchanges[i + 1], exchanges[i + 2]
    if again[i] then
      local more = math.max(0, math.min(units - again[i], excess))
      again[i], excess = again[i] + more, excess - more
      if again[i] > 0 then
        moved[#moved + 1], moved[#moved + 2] = field_of(body, line), -again[i]
      end
      units, units_again[line] = units - again[i], units_again[line] + again[i]
    end
    if units > 0 then
      kept[#kept + 1], kept[#kept + 2], kept[#kept + 3] = exchanges[i], line, units
    end
  end
  if #moved > 0 then
    count(other, units_again, 1)
    put_exchanges(id, other, kept, moved, touched)
  else
    mark_at(id, other)
  end
end

-- Undoes the exchange of a reservation that has ended without a sale.
local function undo(id)
  undo_for(id, {}, 0, all_fields(id))
end

-- Undoes as much of an exchange as was cancelled; `units` are those by line.
local function undo_cancelled(id, units)
  local body, cancelled, touched, left = body_of(id), {}, {}, 0
  local counts = progress_of(id, count_lines(body))[1]
  for line = 1, #units do
    local field = field_of(body, line)
    cancelled[sku_of(field)] = (cancelled[sku_of(field)] or 0) + units[line]
    touched[field] = units[line] > 0
    left = left + body[BODY_LINES + 2 * line - 1] - counts[3 * (line - 1) + LINE_CANCELLED]
  end
  undo_for(id, cancelled, left, touched)
end

-- Takes units of a line that come back off its exchanged ones: first those exchanged for the
-- reservation named, then, where no others are left, the oldest. Returns how many they were: the
-- buyer's count had been given them back.
local function take_back(id, line, units, for_exchange)
  local progress = progress_of(id, count_lines(body_of(id)))
  local counts, offset = progress[1], 3 * (line - 1)
  local with_buyer = counts[offset + LINE_SHIPPED] - counts[offset + LINE_RETURNED]
  local others, taken, ids = with_buyer - open_units(id, line), 0, {}
  local function take_of(is_wanted, most)
    local exchanges, kept = progress[3] or {}, {}
    for i = 1, #exchanges, 3 do
      local some = 0
      if exchanges[i + 1] == line and is_wanted(exchanges[i]) then
        some = math.max(0, math.min(exchanges[i + 2], most))
        ids[#ids + 1] = exchanges[i]
      end
      taken, most = taken + some, most - some
      if exchanges[i + 2] > some then
        kept[#kept + 1], kept[#kept + 2] = exchanges[i], exchanges[i + 1]
        kept[#kept + 1] = exchanges[i + 2] - some
      end
    end
    progress[3] = #kept > 0 and kept or nil
  end
  take_of(function(exchange_id) return exchange_id == for_exchange end, units)
  take_of(function() return true end, units - taken - others)
  for i = 1, #ids do
    mark_at(ids[i], id)
  end
  return taken
end

-- Adds the fields of an exchange's units to the lines that are laid out; returns how many there are
-- then, and the id of the other reservation.
local function lay_out_other(body, line_count)
  local exchange = exchange_of(body)
  if not exchange then
    return line_count, nil
  end
  local other, fields = exchange[EXCHANGED_ID], exchange
  if #exchange < EXCHANGED_LINES and load_other(other) then
    fields = body_of(other)
  end
  for i = 3, #fields, 2 do
    line_count = line_count + 1
    line_field[line_count] = fields[i]
  end
  return line_count, other
end

-- Takes the ids away that are beside the units of the buyer of a reservation that is purged.
local function forget_marks(id)
  local body, ids = body_of(id), {}
  local progress = progress_of(id, count_lines(body))
  for i = 1, progress[3] and #progress[3] or 0, 3 do
    ids[#ids + 1] = progress[3][i]
  end
  progress[3] = nil
  for i = 1, #ids do
    mark_at(ids[i], id)
  end
end

exchanged = {
  of = exchange_of, load = load_other, open_units = open_units, count = count, counted = counted,
  value = value, mark = mark, settle = settle, settle_buyers = settle_buyers, find = find,
  note = note, take_again = take_again, undo = undo, undo_cancelled = undo_cancelled,
  take_back = take_back, lay_out = lay_out_other, forget = forget_marks,
}
