-- The shared part of Ship, Cancel and Return: they move units of a confirmed reservation, each
-- under an id of its own, by which it is replayed.
--
-- The journal has of a movement the header of the record after it, then {key, field, units, field,
-- units, ...} of the levels that it changed: not the lines' own, where units come back to another
-- location.

local MOVEMENT_REFUSAL = {
  [RELEASED] = ALREADY_RELEASED,
  [EXPIRED] = ALREADY_EXPIRED,
  [RESERVED] = NOT_CONFIRMED,
}

-- The units to move of each line, or nil if they are more than is left, or none at all.
local function units_to_move(body, counts, wanted, left_of)
  local units, total = {}, 0
  for line = 1, count_lines(body) do
    local left = left_of(body[BODY_LINES + 2 * line - 1], counts, 3 * (line - 1))
    local field = body[BODY_LINES + 2 * line - 2]
    units[line] = wanted and (wanted[field] or 0) or left
    if units[line] > left then
      return nil
    end
    total = total + units[line]
    if wanted then
      wanted[field] = nil
    end
  end
  if total == 0 or (wanted and next(wanted)) then
    return nil      -- nothing is left, or a line that the reservation does not have
  end
  return units
end

local function state_after(state, body, counts)
  local shipped = 0
  for line = 1, #counts / 3 do
    local offset = 3 * (line - 1)
    local quantity = body[BODY_LINES + 2 * line - 1]
    if counts[offset + LINE_SHIPPED] + counts[offset + LINE_CANCELLED] < quantity then
      return state
    end
    shipped = shipped + counts[offset + LINE_SHIPPED]
  end
  return shipped > 0 and FULFILLED or CANCELLED
end

-- Moves the units of each line: at its own level, or at the one whose field is in `elsewhere`.
-- Returns of it what the journal has.
local function move_lines(id, rule, key, units, elsewhere, for_exchange)
  local body = body_of(id)
  local progress = progress_of(id, #units)
  local counts, moved, touched = progress[1], {key}, nil
  for line = 1, #units do
    if units[line] > 0 then
      local field = body[BODY_LINES + 2 * line - 2]
      local to = elsewhere and elsewhere[line] or field
      moved[#moved + 1] = to
      moved[#moved + 1] = units[line]
      local uncounted = 0
      if progress[3] and rule.count == LINE_RETURNED then
        uncounted = exchanged.take_back(id, line, units[line], for_exchange)
      end
      local i = 3 * (line - 1) + rule.count
      counts[i] = counts[i] + units[line]
      rule.move(levels[to], units[line])
      if to ~= touched then      -- lines of one SKU come one after the other
        touch_level(to, levels[to])
        touched = to
      end
      if rule.gives_back_buyer_units then
        give_back_buyer_units(body, field, units[line] - uncounted)
      end
    end
  end
  return moved
end

-- Judges one movement. `rule` has the count that it raises, the function of the units left of a
-- line, and the function that moves units of a level. That is the line's own, unless `find_fields`
-- finds the field of another for each line; it may return a refusal instead. Of units that come
-- back those come first that are exchanged for `for_exchange`.
local function judge_movement(id, kind, rule, find_fields, for_exchange)
  local line_count = numbers[number_next]
  local key, fingerprint = strings[string_next], strings[string_next + 1]
  local wanted = line_count > 0 and {} or nil
  for i = 1, line_count do
    wanted[strings[string_next + 1 + i]] = numbers[number_next + i]
  end
  number_next = number_next + 1 + line_count
  string_next = string_next + 2 + line_count

  if must_wait(id) then
    return NOT_JUDGED, 0, 0
  elseif not records[id] then
    return NOT_FOUND, 0, 0
  end
  local state, expires = state_of(id)
  if MOVEMENT_REFUSAL[state] then
    return MOVEMENT_REFUSAL[state], state, expires
  end
  local body = body_of(id)
  local progress = progress_of(id, count_lines(body))
  local counts, movements = progress[1], progress[2]
  local known = progress.fingerprints[key]
  if known then
    return known == fingerprint and -APPLIED or ID_REUSED, state, expires
  elseif state == CANCELLED then
    return ALREADY_CANCELLED, state, expires
  end
  if progress[3] and kind == RETURN then
    exchanged.settle(progress)
  end
  local units = units_to_move(body, counts, wanted, rule.left)
  if not units then
    return QUANTITY_EXCEEDED, state, expires
  elseif #movements >= 2 * MOVEMENTS_MAX then
    return INVALID, state, expires
  end
  local elsewhere, refusal
  if find_fields then
    elsewhere, refusal = find_fields(body, units)
  end
  if refusal then
    return refusal, state, expires
  end

  local moved = move_lines(id, rule, key, units, elsewhere, for_exchange)
  movements[#movements + 1] = key
  movements[#movements + 1] = fingerprint
  progress.fingerprints[key] = fingerprint
  change_progress(id, progress)
  local after = state_after(state, body, counts)
  if after ~= state then
    keep_until_purged(id, after)
  end
  move_record(kind, id, after, encode(moved))
  if exchanged and kind == CANCEL then
    exchanged.undo_cancelled(id, units)
  end
  return APPLIED, after, expires
end

local function left_to_ship(quantity, counts, offset)
  return quantity - counts[offset + LINE_SHIPPED] - counts[offset + LINE_CANCELLED]
end
