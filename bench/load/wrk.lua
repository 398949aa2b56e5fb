-- Walks through a file of request bodies, one a line, and prints the figures as one line of JSON.
local bodies, at = {}, 0

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  -- Formatted ahead: the generator shares the cores with what it measures.
  for line in io.lines(args[1]) do
    bodies[#bodies + 1] = wrk.format(nil, nil, nil, line)
  end
  at = tonumber(args[2]) % #bodies
end

function request()
  at = at % #bodies + 1
  return bodies[at]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  local function milliseconds(percent)
    return summary.requests > 0 and latency:percentile(percent) / 1e3 or 0
  end
  print(string.format(
    '{"completed":%d,"refused":%d,"failed":%d,"seconds":%f,"p50Ms":%f,"p99Ms":%f}',
    summary.requests, errors.status, failed, summary.duration / 1e6,
    milliseconds(50), milliseconds(99)
  ))
end
