-- Sends one body, whatever bytes it has, again and again, and prints the figures as one line of JSON.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "wrk-window.lua")
local formatted, ramp

function init(args)
  ramp = tonumber(args[1])
  local file = assert(io.open(args[2], "rb"))
  local body = file:read("*a")
  file:close()
  for index = 3, #args do
    local name, value = args[index]:match("^(.-): (.*)$")
    wrk.headers[name] = value
  end
  formatted = wrk.format("POST", nil, nil, body)
end

function request()
  count(ramp)
  return formatted
end
