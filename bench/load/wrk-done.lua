-- The figures of a run as one line of JSON, for every script of wrk.

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  local function milliseconds(percent)
    return summary.requests > 0 and latency:percentile(percent) / 1e3 or 0
  end
  print(string.format(
    '{"completed":%d,"refused":%d,"failed":%d,"seconds":%f,"p50Ms":%f,"p95Ms":%f,"p99Ms":%f}',
    summary.requests, errors.status, failed, summary.duration / 1e6,
    milliseconds(50), milliseconds(95), milliseconds(99)
  ))
end
