-- Walks through a file of request bodies, one a line, and prints the figures as one line of JSON.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "wrk-window.lua")
local bodies, at, ramp = {}, 0, 0

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  ramp = tonumber(args[1])
  for index = 4, #args do
    local name, value = args[index]:match("^(.-): (.*)$")
    wrk.headers[name] = value
  end
  -- Formatted ahead: the generator shares the cores with what it measures.
  for line in io.lines(args[2]) do
    bodies[#bodies + 1] = wrk.format(nil, nil, nil, line)
  end
  at = tonumber(args[3]) % #bodies
end

function request()
  count(ramp)
  at = at % #bodies + 1
  return bodies[at]
end
