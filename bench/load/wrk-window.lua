-- What every script of wrk counts: the answers between the end of the ramp and that of the run. A client that begins is not yet one that
-- waits in line, and what is half done at the end was half done at the beginning too: without the ramp whoever answers in batches loses
-- them at the end.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } wrk_time;
  int clock_gettime(int clock, wrk_time *time);
]]
local MONOTONIC = 1
local time = ffi.new("wrk_time")

local function now()
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

-- Globals, since done() asks the thread for them.
counted, opened = 0, 0
local opens

-- Called for every request: whoever sends another has had an answer.
function count(ramp)
  local at = now()
  if not opens then opens = at + ramp end
  if at < opens then return end
  if opened == 0 then opened = opens else counted = counted + 1 end
end

local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

-- The figures of a run as one line of JSON.
function done(summary, latency)
  local closed = now()
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  local function milliseconds(percent)
    return summary.requests > 0 and latency:percentile(percent) / 1e3 or 0
  end
  local inWindow, from = threads[1]:get("counted"), threads[1]:get("opened")
  print(string.format(
    '{"completed":%d,"refused":%d,"failed":%d,"counted":%d,"seconds":%f,"p50Ms":%f,"p95Ms":%f,"p99Ms":%f}',
    summary.requests, errors.status, failed, inWindow, from > 0 and closed - from or 0,
    milliseconds(50), milliseconds(95), milliseconds(99)
  ))
end
