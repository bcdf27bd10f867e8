"""Journals in Redis: the scripts, and how their answers are read. See `journal` for what the numbers mean.

A journal lies in four keys of one hash tag, so that a script touches one slot of a cluster: `meta` (epoch, last, floor,
bytes), `data` (id to bytes), `live` and `dead` (sorted sets of ids by number). They do not expire. Where Redis dropped one of
them (an eviction policy that takes any key), what is left is treated as a journal that lost those records.
"""

from __future__ import annotations

from typing import Any, Final

from gatepost.mail import limits
from gatepost.world.state.door import Changes, Entry, JournalError
from gatepost.world.state.journal import Position, new_epoch, position

# KEYS: meta, data, live, dead. ARGV: epoch for a new journal, id, 1 to write or 0 to take back, bytes, bounds (records,
# bytes, records taken back).
NOTE: Final = """
local meta, data, live, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id = ARGV[2]
local function number() return redis.call('HINCRBY', meta, 'last', 1) end
local function take(id)
  local size = redis.call('HSTRLEN', data, id)
  redis.call('HDEL', data, id)
  if size > 0 then redis.call('HINCRBY', meta, 'bytes', -size) end
  return redis.call('ZREM', live, id)
end
local function bury(id)
  redis.call('ZADD', dead, number(), id)
  if redis.call('ZCARD', dead) > tonumber(ARGV[7]) then
    local oldest = redis.call('ZPOPMIN', dead)
    redis.call('HSET', meta, 'floor', oldest[2])
  end
end
if redis.call('HEXISTS', meta, 'epoch') == 0 then
  redis.call('DEL', meta, data, live, dead)
  if ARGV[3] == '0' then return 0 end
  redis.call('HSET', meta, 'epoch', ARGV[1], 'last', 0, 'floor', 0, 'bytes', 0)
end
local there = take(id)
if ARGV[3] == '0' then
  if there == 1 then bury(id) end
  return there
end
redis.call('ZREM', dead, id)
redis.call('HSET', data, id, ARGV[4])
redis.call('ZADD', live, number(), id)
local size = redis.call('HINCRBY', meta, 'bytes', #ARGV[4])
while redis.call('ZCARD', live) > tonumber(ARGV[5]) or (size > tonumber(ARGV[6]) and redis.call('ZCARD', live) > 1) do
  local oldest = redis.call('ZRANGE', live, 0, 0)[1]
  take(oldest)
  bury(oldest)
  size = tonumber(redis.call('HGET', meta, 'bytes'))
end
return there
"""

# KEYS: as above. ARGV: the reader's epoch, floor and number, records on a page. Gives epoch, floor and number for the
# next question, 1 for anew, 1 for more, then id and bytes (nothing for one that was taken back) by turns.
CHANGES: Final = """
local meta, data, live, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local found = redis.call('HMGET', meta, 'epoch', 'floor')
if not found[1] then return {'', '0', '0', 1, 0} end
local floor, from, page = found[2] or '0', ARGV[3], tonumber(ARGV[4])
local seen, anew = ARGV[2], 0
if from == '0' or ARGV[1] ~= found[1] or tonumber(floor) > math.max(tonumber(seen), tonumber(from)) then
  seen, from, anew = floor, '0', 1
end
local function range(key)
  return redis.call('ZRANGEBYSCORE', key, '(' .. from, '+inf', 'WITHSCORES', 'LIMIT', 0, page + 1)
end
local here, gone = range(live), range(dead)
local answer, i, j, last, count = {found[1], seen, from, anew, 0}, 1, 1, from, 0
while (here[i] or gone[j]) and count < page do
  local h, g = tonumber(here[i + 1]), tonumber(gone[j + 1])
  if h and (not g or h < g) then
    answer[#answer + 1] = here[i]
    answer[#answer + 1] = redis.call('HGET', data, here[i])
    last, i = here[i + 1], i + 2
  else
    answer[#answer + 1] = gone[j]
    answer[#answer + 1] = false
    last, j = gone[j + 1], j + 2
  end
  count = count + 1
end
answer[3] = last
if here[i] or gone[j] then answer[5] = 1 end
return answer
"""


KEYS: Final = 4
"""Keys of one journal."""


def keys(journal: str) -> tuple[str, str, str, str]:
    """Give the keys of a journal."""
    tag = f"gp:journal:{{{journal}}}"
    return f"{tag}:meta", f"{tag}:data", f"{tag}:live", f"{tag}:dead"


def note_arguments(entry: Entry) -> tuple[Any, ...]:
    """Give the arguments of NOTE."""
    bounds = (limits.JOURNAL_ENTRIES, limits.JOURNAL_BYTES, limits.JOURNAL_RETRACTED)
    return (new_epoch(), entry.id, 0 if entry.data is None else 1, entry.data or b"", *bounds)


def changes_arguments(after: str) -> tuple[Any, ...]:
    """Give the arguments of CHANGES."""
    start = position(after)
    return (start.epoch, start.floor, start.number, limits.JOURNAL_PAGE)


def read_changes(answer: Any) -> Changes:
    """Read what CHANGES gave; raises JournalError where somebody else's data makes no sense of it."""
    try:
        epoch, floor, number, anew, more, *rest = answer
        where = Position(epoch.decode("ascii"), int(floor), int(number))
        names = [name.decode("ascii", "replace") for name in rest[::2]]
    except (TypeError, ValueError, AttributeError) as error:
        raise JournalError("the journal in Redis cannot be read") from error
    found = tuple(Entry(name, data) for name, data in zip(names, rest[1::2], strict=True))
    return Changes(found, str(where) if where.epoch else "", anew=bool(anew), more=bool(more))
