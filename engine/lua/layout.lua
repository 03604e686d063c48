-- How the rows are laid out. There are only constants here: they are put in by value.

-- A level is {on_hand, reserved, confirmed, damaged, safety_stock, limit_per_buyer, version,
-- due_from_ms, incoming}. No reserved unit is due before due_from_ms; if none is reserved, it means
-- nothing. A level has `incoming` only while units are on their way to it.
local ON_HAND, UNITS_RESERVED, UNITS_CONFIRMED, UNITS_DAMAGED = 1, 2, 3, 4
local SAFETY_STOCK, LIMIT_PER_BUYER, VERSION, DUE_FROM_MS, UNITS_INCOMING = 5, 6, 7, 8, 9

-- A record has these parts, one after the other:
--   header    state, created_at_ms, expires_at_ms, updated_at_ms
--   body      its length, then the content of the Reserve as the caller packed it; never changed,
--             so that comparing it tells a replay from a reused id
--   progress  {counts, movements}, once confirmed units have moved: counts has shipped, cancelled
--             and returned of each line in turn, movements has key and fingerprint of each movement
--             in turn. While units are exchanged there is a third part, see exchanged.lua.
local HEADER = '>BI6I6I6'
local HEADER_BYTES, BODY_FIRST = 19, 22
local HEADER_NOW = 13      -- the bytes of a header that stay when a record changes its state

local LINE_SHIPPED, LINE_CANCELLED, LINE_RETURNED = 1, 2, 3      -- offsets of a line's counts

-- A body is {ttl_ms, buyer_id, field, quantity, field, quantity, ...}; a tombstone's is {}. In one
-- that is made in exchange {ttl_ms, id of the other, field, units, ...} stands in place of ttl_ms.
local BODY_TTL_MS, BODY_BUYER, BODY_LINES = 1, 2, 3
local EXCHANGED_ID, EXCHANGED_LINES = 2, 3
-- An exchange counts as so many lines of work, for those of the other reservation.
local EXCHANGE_LINES = 100
