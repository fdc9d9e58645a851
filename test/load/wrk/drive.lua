-- wrk -s drive.lua URL -- PATH BODY-FILE CREDENTIALS-FILE [CHOICES-FILE]
-- Sends one body with one credential a request: the only one, or the ones that CHOICES-FILE names by number, in turn.
-- Requests are formatted once; the last line of the output is "RESULT " and JSON, times in microseconds.
local requests, choices, at = {}, nil, 0

local function lines(path)
  local all = {}
  for line in io.lines(path) do all[#all + 1] = line end
  return all
end

function init(args)
  local file = assert(io.open(args[2], 'rb'))
  local body = file:read('*a')
  file:close()
  for i, credential in ipairs(lines(args[3])) do
    local headers = { ['Content-Type'] = 'application/json', ['Authorization'] = 'Bearer ' .. credential }
    requests[i] = wrk.format('POST', args[1], headers, body)
  end
  if args[4] then
    choices = {}
    for i, line in ipairs(lines(args[4])) do choices[i] = tonumber(line) end
  end
end

function request()
  if not choices then return requests[1] end
  at = at % #choices + 1
  return requests[choices[at]]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"microseconds":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration, errors.connect, errors.read, errors.write, errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99)
  ))
end
