-- AdjustStock: add units to on hand or take them out, once per adjustment id.
--
-- Numbers: delta
-- Strings: field, adjustment_id, fingerprint, reason
-- Stock outcomes: STOCK_APPLIED | STOCK_ADJUSTMENT_ID_REUSED | STOCK_NOT_FOUND |
--   STOCK_ON_HAND_BELOW_COMMITTED | STOCK_INVALID
-- Memory: takes

judge[ADJUST_STOCK] = function()
  local delta = numbers[number_next]
  local field, adjustment_id = strings[string_next], strings[string_next + 1]
  local fingerprint, reason = strings[string_next + 2], strings[string_next + 3]
  number_next, string_next = number_next + 1, string_next + 4

  local level = levels[field]
  line_field[1] = field
  if must_wait(adjustment_id, 1) then
    return NOT_JUDGED, 0, 0
  end
  local known = known_adjustment(adjustment_id)
  if known then
    local same = known == fingerprint
    return answer_level(same and -STOCK_APPLIED or STOCK_ADJUSTMENT_ID_REUSED, level)
  elseif not level then
    return answer_level(STOCK_NOT_FOUND, level)
  end
  local on_hand = level[ON_HAND] + delta
  if on_hand < committed(level) and not no_unit_is_due(level) then
    return wait(adjustment_id, 1)
  elseif on_hand < committed(level) then
    return answer_level(STOCK_ON_HAND_BELOW_COMMITTED, level)
  elseif on_hand > ON_HAND_MAX then
    return answer_level(STOCK_INVALID, level)
  end

  level[ON_HAND] = on_hand
  touch_level(field, level)
  adjustments_after[adjustment_id] = fingerprint
  retention_after['a' .. adjustment_id] = now + retention_ms[3]
  journal_stock(ADJUST_STOCK, field, {delta, adjustment_id, reason})
  return answer_level(STOCK_APPLIED, level)
end
