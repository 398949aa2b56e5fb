-- Walks through a file of request bodies, one a line, and prints the figures as one line of JSON.
local bodies, at = {}, 0

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  for index = 3, #args do
    local name, value = args[index]:match("^(.-): (.*)$")
    wrk.headers[name] = value
  end
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

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "wrk-done.lua")
