"""A hand-written script that reserves: the stock, the reservation and its deadline, no more.

Of Holdfast's features it has none: no idempotency, no limit per buyer, no journal, no batches.
"""

KEYS = ("naive:stock", "naive:reservations", "naive:deadlines")
TTL_MS = 900_000
UNITS = 1_000_000_000
RESERVE = """
local available = tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0')
local quantity = tonumber(ARGV[3])
if available < quantity then
  return 0
end
local now = redis.call('TIME')
redis.call('HINCRBY', KEYS[1], ARGV[2], -quantity)
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
redis.call('ZADD', KEYS[3], now[1] * 1000 + tonumber(ARGV[4]), ARGV[1])
return 1
"""


def words(reservation_id: str, sku: str, quantity: int) -> tuple[str | int, ...]:
    """The words of a call after EVALSHA and the script's hash."""
    return (len(KEYS), *KEYS, reservation_id, sku, quantity, TTL_MS)
