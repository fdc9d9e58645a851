-- All settles, then all reserves, of one event-loop turn of one organisation. Each item fails alone.
-- ARGV: storeId, settles, reserves,
--   a settle:  request, charge, tokens (-1 unknown)
--   a reserve: request, key, instance, journal, amount, rpm, tpm, parallel (0 unlimited), tokens, accounts, (account, cap)…
-- Reply: six integers a reserve: outcome, then requests left, requests reset, tokens left, tokens reset (ms; -1 no limit);
--   outcome 0 admitted, 1 requests, 2 tokens, 3 parallel, 4 no epoch, 5 announcing, 10 + i credit of account i;
--   the sixth is the milliseconds to wait, or the nano-USD that account has room for (0 where neither means anything).
local store, settles, reserves = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local at = 4

local names = {}
if reserves > 0 then names[1] = 'e'; names[2] = 'wn' end
for i = 0, settles - 1 do names[#names + 1] = 'o:' .. ARGV[at + i * 3] end
local first_reserve = at + settles * 3
local cursor = first_reserve
for _ = 1, reserves do
  names[#names + 1] = 'o:' .. ARGV[cursor]
  names[#names + 1] = 'r:' .. ARGV[cursor + 1]
  local count = tonumber(ARGV[cursor + 9])
  for i = 1, count do names[#names + 1] = 'a:' .. ARGV[cursor + 8 + i * 2] end
  cursor = cursor + 10 + count * 2
end
load(names)

if settles > 0 then
  names = {}
  for i = 0, settles - 1 do
    local text = fields['o:' .. ARGV[at + i * 3]]
    if text then hold_fields(text, names) end
  end
  load(names)
  for i = 0, settles - 1 do
    settle(ARGV[at + i * 3], tonumber(ARGV[at + i * 3 + 1]), tonumber(ARGV[at + i * 3 + 2]))
  end
end
if reserves == 0 then save(); return {} end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local has_epoch = fields['e'] and string.sub(fields['e'], 1, #store + 1) == store .. '|'
local announcing = fields['wn'] and tonumber(fields['wn']) > 0

local function take(tat, limit, units)
  local interval = WINDOW_US / limit
  local next = tonumber(string.format('%.2f', math.max(tat, now) + units * interval))
  local excess = next - now - WINDOW_US
  return excess <= interval * TOLERANCE, next, math.max(0, excess)
end

local function left(tat, limit)
  if limit == 0 then return -1, -1 end
  local used = math.max(0, tat - now)
  return math.max(0, math.floor((WINDOW_US - used) / (WINDOW_US / limit) + TOLERANCE)), math.ceil(used / 1000)
end

local function decide(c)
  local request, key = ARGV[c], ARGV[c + 1]
  local rpm, tpm, parallel_max = tonumber(ARGV[c + 5]), tonumber(ARGV[c + 6]), tonumber(ARGV[c + 7])
  local requests_tat, tokens_tat, tokens_limit, parallel = rate(key)
  if fields['o:' .. request] then return 0, 0, requests_tat, tokens_tat end
  if parallel_max > 0 and parallel >= parallel_max then return 3, 1000, requests_tat, tokens_tat end
  local next_requests, next_tokens, units = requests_tat, tokens_tat, 0
  if rpm > 0 then
    local allowed, next, wait = take(requests_tat, rpm, 1)
    if not allowed then return 1, math.ceil(wait / 1000), requests_tat, tokens_tat end
    next_requests = next
  end
  if tpm > 0 then
    units = math.min(tonumber(ARGV[c + 8]), tpm)
    local allowed, next, wait = take(tokens_tat, tpm, units)
    if not allowed then return 2, math.ceil(wait / 1000), requests_tat, tokens_tat end
    next_tokens = next
    tokens_limit = tpm
  end
  local amount, count = tonumber(ARGV[c + 4]), tonumber(ARGV[c + 9])
  if count > 0 then
    if not has_epoch then return 4, 0, requests_tat, tokens_tat end
    if announcing then return 5, 0, requests_tat, tokens_tat end
    for i = 1, count do
      local posted, held = account(ARGV[c + 8 + i * 2])
      local cap = tonumber(ARGV[c + 9 + i * 2])
      if posted + held + amount > cap then return 9 + i, math.max(0, cap - posted - held), requests_tat, tokens_tat end
    end
  end
  if rpm > 0 or tpm > 0 then put_rate(key, next_requests, next_tokens, tokens_limit, parallel) end
  if count > 0 or parallel_max > 0 or tpm > 0 then
    local parts = { key, ARGV[c + 2], ARGV[c + 3], ARGV[c + 4], parallel_max > 0 and '1' or '0', string.format('%.0f', units) }
    for i = 1, count do parts[6 + i] = ARGV[c + 8 + i * 2] end
    place_hold(request, table.concat(parts, '|'))
  end
  return 0, 0, next_requests, next_tokens
end

local reply, r = {}, 0
cursor = first_reserve
for _ = 1, reserves do
  local outcome, wait, requests_tat, tokens_tat = decide(cursor)
  local requests_left, requests_reset = left(requests_tat, tonumber(ARGV[cursor + 5]))
  local tokens_left, tokens_reset = left(tokens_tat, tonumber(ARGV[cursor + 6]))
  reply[r + 1] = outcome
  reply[r + 2] = requests_left
  reply[r + 3] = requests_reset
  reply[r + 4] = tokens_left
  reply[r + 5] = tokens_reset
  reply[r + 6] = wait
  r = r + 6
  cursor = cursor + 10 + tonumber(ARGV[cursor + 9]) * 2
end
save()
return reply
