"""What `records.step()` does, as the Lua script that Redis runs atomically for the asks of an exchange that write.

One argument goes with each key: the letter of the ask, and its numbers as little-endian doubles. Redis gives back what then lies
under the key, and what it means is worked out here, by the same functions as everywhere. The script goes by its SHA-1; the
time comes with the call, so that all forms of state follow one clock.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatepost.world.state import maths, records
from gatepost.world.state.door import Answer, Ask, Distinct, Forget, Get, Hit, Mark, Put, Rate, Recall


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the SHA-1 by which Redis knows it."""

    source: str
    sha: str


def script(source: str) -> Script:
    """Give a script by its source."""
    return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


# KEYS: one for each ask. ARGV: the head (_HEAD), then one for each ask. Gives for each ask what ANSWERS read.
EXCHANGE: Final = script("""
local now, half_life, cap, tally_seconds, rounding = struct.unpack('<ddddd', ARGV[1])
local function put(key, data, seconds)
  redis.call('SET', key, data, 'EX', seconds)
  return data
end
local function read(key)
  local data = redis.pcall('GET', key)
  if type(data) ~= 'table' then return data end
  if string.find(data.err, 'WRONGTYPE', 1, true) then return false end
  return redis.call('GET', key)
end
local function get(key, size)
  local data = read(key)
  return data and #data == size and data
end
local asks = {}
function asks.g(key) return read(key) end
function asks.h(key, arg)
  local bucket, amount, window, limit, seconds = struct.unpack('<ddddd', arg, 2)
  local b, c, p, first, last, p_first, p_last = bucket, 0, 0, 0, 0, 0, 0
  local old = get(key, 40)
  if old then b, c, p, first, last, p_first, p_last = struct.unpack('<dddffff', old) end
  if bucket > b + 1 then b, c, p = bucket, 0, 0
  elseif bucket == b + 1 or bucket < b - 1 then b, c, p, p_first, p_last = bucket, 0, c, first, last end
  local passed, left = now / window - b, 1
  local at = math.min(1, math.max(0, passed))
  if c == 0 then first, last = at, at else first, last = math.min(first, at), math.max(last, at) end
  c, passed = c + amount, passed + rounding
  if passed >= p_last then left = 0 elseif passed > p_first then left = (p_last - passed) / (p_last - p_first) end
  local slot = struct.pack('<dddffff', b, c, p, first, last, p_first, p_last)
  return c + p * left > limit and slot or put(key, slot, seconds)
end
function asks.m(key, arg)
  local wanted, unwanted = struct.unpack('<dd', arg, 2)
  local old = get(key, 24)
  if old then
    local w, u, t = struct.unpack('<ddd', old)
    local factor = 0.5 ^ (math.max(0, now - t) / half_life)
    wanted, unwanted = w * factor + wanted, u * factor + unwanted
  end
  wanted, unwanted = math.max(0, wanted), math.max(0, unwanted)
  local sum = wanted + unwanted
  if sum > cap then wanted, unwanted = wanted * cap / sum, unwanted * cap / sum end
  put(key, struct.pack('<ddd', wanted, unwanted, now), tally_seconds)
  return 1
end
function asks.f(key) return redis.call('DEL', key) end
function asks.p(key, arg)
  local seconds, absent_only = struct.unpack('<dd', arg, 2)
  if absent_only == 0 then
    put(key, string.sub(arg, 18), seconds)
    return 1
  end
  return redis.call('SET', key, string.sub(arg, 18), 'EX', seconds, 'NX') and 1 or 0
end
function asks.l(key, arg)
  local interval, burst, amount, longest, slack = struct.unpack('<ddddd', arg, 2)
  local old = get(key, 8)
  local arrival, word = now, '-'
  if old then arrival = math.max(struct.unpack('<d', old), now) end
  if arrival > now + longest then arrival = now + interval * burst end
  if arrival + (math.min(amount, burst) - burst) * interval <= now + slack then
    arrival, word = math.min(arrival + amount * interval, now + longest), '+'
  end
  local data = struct.pack('<d', arrival)
  if data ~= old then put(key, data, math.ceil(arrival - now) + 1) end
  return word .. data
end
function asks.s(key, arg)
  local window, most = struct.unpack('<dd', arg, 2)
  local name, second = string.sub(arg, 18), math.floor(now)
  local old = read(key) or ''
  if #old % 12 ~= 0 then old = '' end
  local kept = {}
  for at = 1, #old, 12 do
    local seen = struct.unpack('<I4', old, at + 8)
    if seen > second - window and seen <= second + window and string.sub(old, at, at + 7) ~= name then
      kept[#kept + 1] = string.sub(old, at, at + 11)
    end
  end
  local item, at = name .. struct.pack('<I4', second), #kept
  while at > 0 and struct.unpack('<I4', kept[at], 9) > second do at = at - 1 end
  table.insert(kept, at + 1, item)
  return put(key, table.concat(kept, '', math.max(1, #kept - most + 1)), window + 1)
end
local answers = {}
for i, key in ipairs(KEYS) do
  local arg = ARGV[i + 1]
  answers[i] = asks[string.sub(arg, 1, 1)](key, arg)
end
return answers
""")

_HEAD: Final = struct.Struct("<ddddd")
_HIT: Final = struct.Struct("<cddddd")
_PAIR: Final = struct.Struct("<cdd")
_RATE: Final = struct.Struct("<cddddd")


def head(now: float, half_life: float) -> bytes:
    """Give the script's first argument: Unix time, and the half-life of tallies in seconds."""
    return _HEAD.pack(now, half_life, maths.TALLY_CAP, maths.tally_seconds(half_life), maths.ROUNDING)


def argument(ask: Ask, now: float) -> bytes:
    """Give the script's argument for one ask; those that only look are a `g`."""
    if not ask.writes:
        return b"g"
    match ask:  # the usual ones first: each case that does not match costs as much as a call
        case Mark():
            return _PAIR.pack(b"m", ask.wanted, ask.unwanted)
        case Hit():
            bucket, seconds = maths.bucket_at(now, ask.window), maths.slot_seconds(ask.window)
            return _HIT.pack(b"h", bucket, ask.amount, ask.window, ask.limit, seconds)
        case Rate():
            interval = ask.window / ask.limit
            return _RATE.pack(b"l", interval, ask.burst, ask.amount, records.longest(ask), interval * records.SLACK)
        case Put():
            return _PAIR.pack(b"p", ask.seconds, ask.absent_only) + ask.data
        case Distinct():
            return _PAIR.pack(b"s", ask.window, ask.most) + records.digest(ask.member)
        case Forget():
            return b"f"
        case Recall() | Get():
            return b"g"


def _leave(rate: Rate, given: Any, now: float, half_life: float) -> Answer:
    if not rate.writes:
        return records.look(rate, given, now, half_life)
    (arrival,) = records.ONE.unpack_from(given, 1)
    return records.leave(rate, arrival, now, allowed=given[:1] == b"+")


def _stored(_put: Put, given: Any, _now: float, _half_life: float) -> bool:
    return bool(given)


ANSWERS: Final[Mapping[type[Ask], records.Reading]] = {**records.LOOKS, Rate: _leave, Put: _stored}
"""How each ask reads what the script gave for it; what MGET and GET give is read by records.LOOKS."""
