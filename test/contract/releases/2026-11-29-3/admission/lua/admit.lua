-- Does all settles, then all reserves, of one batch of one organisation. An item that is refused does not affect the
-- others.
-- ARGV: a JSON array:
--   storeId,
--   settles (how many),
--   ["o:REQUEST", …] of the settles, then of the reserves,
--   [for each settle: charge (-1 only gives back the place among parallel requests), tokens (-1 unknown);
--    for each reserve: index of its key among the keys, amount, tokens],
--   [for each settle with a whole answer: index of the settle, output tokens of the answer],
--   [for each reserve that names no ceiling: index of the reserve, tokens of input, name of the model],
--   [for each key: "r:KEY", "instance|journal", rpm, tpm, parallel (0 unlimited), number of accounts,
--    "a:ACCOUNT,…" in the format of a hold, "a:ACCOUNT" and cap of each account],
--   and only if there are any, [for each account with a cycle or a generation: index of its key among the keys, its
--    number (from 1), generation (0 needs none), first millisecond of its cycle and the first after it, "l:ACCOUNT",
--    "g:LIMIT" or ""]
-- Reply: a JSON array with three integers for each reserve: outcome, then the ticks that its key has used of the window
--   for requests and of the window for tokens. Outcomes: 0 admitted; 1 the limit of requests is reached; -n the limit
--   of tokens is reached, and the request would have taken n; 3 the limit of parallel requests is reached; 4 no epoch;
--   5 announcing; 6 an account is of another cycle, and the second integer is the time in milliseconds since 1970;
--   7 an account is not loaded, and the second integer is its number (from 0); 10 + i account i (from 0) has too little
--   credit, and the second integer is its available nano-USD.
local store, settles, names, numbers, whole_answers, open_ended, keys, conditional = unpack(cjson.decode(ARGV[1]))
local items = #names
-- The same number as in libs/domain/credit/src/load-accounts.ts.
local CLOCKS_APART_MS_MAX = 600000
-- Offsets of a key's parts from its first part. Account i (from 1) is at CAPPED + i * 2, and its cap follows.
local GATEWAY, RPM, TPM, PARALLEL, COUNT, ACCOUNTS, CAPPED = 1, 2, 3, 4, 5, 6, 5

local at = 1
while keys[at] do
  keys[at] = rate_of(keys[at])
  for i = 1, keys[at + COUNT] do
    local place = at + CAPPED + i * 2
    keys[place] = account_of(keys[place])
  end
  at = at + 7 + keys[at + COUNT] * 2
end
-- For each reserve that names no ceiling, by its index: its input, its model, and the remembered answers of its key.
local open = {}
for i = 1, #open_ended, 3 do
  local number = open_ended[i]
  local rate = keys[numbers[settles * 2 + number * 3 - 2]]
  open[number] = { input = open_ended[i + 1], model = open_ended[i + 2], answers = answers_of(rate) }
end
local answers = {}
for i = 1, #whole_answers, 2 do answers[whole_answers[i]] = whole_answers[i + 1] end
names[items + 1] = 'e'
names[items + 2] = 'wn'
local wanted = items + 2
-- By the place of an account among the keys: what must hold before anything is admitted on it.
local conditions = conditional and {}
if conditional then
  for i = 1, #conditional, 7 do
    local key, account, generation, first_ms, end_ms, load, limit = unpack(conditional, i, i + 6)
    local condition = { generation = generation, first_ms = first_ms, end_ms = end_ms }
    if generation > 0 then
      wanted = wanted + 2
      names[wanted - 1], names[wanted] = load, limit
      condition.at = wanted
    end
    conditions[key + CAPPED + account * 2] = condition
  end
end
local values = read(names, wanted)
local epoch, announcing = values[items + 1], values[items + 2]
local holds = {}
for i = 1, items do holds[names[i]] = values[i] end

local ended = {}
-- Holds of requests whose clients have disconnected: they stay, and only their place among parallel requests is freed.
local left = {}
for i = 1, settles do
  local name = names[i]
  local text = holds[name]
  ended[i] = text and parse_hold(text)
  holds[name], left[name] = false, nil
  if text and numbers[i * 2 - 1] < 0 then
    holds[name] = without_place(text)
    left[name] = holds[name]
  end
end
read({}, 0)
for i = 1, settles do
  local hold, charge = ended[i], numbers[i * 2 - 1]
  if hold and charge >= 0 then settle(hold, charge, numbers[i * 2], answers[i])
  elseif hold and hold.parallel then occupy(hold.rate, -1) end
end
for name, text in pairs(left) do put(name, text) end
if items == settles then save(names, settles); return '[]' end

local now = clock()
local latest = now + WINDOW
local has_epoch = epoch and sub(epoch, 1, #store + 1) == store .. '|'
announcing = announcing and tonumber(announcing) > 0

-- The TAT after `units` more of `limit`; false if they exceed the limit.
local function take(tat, limit, units)
  local interval = WINDOW / limit
  local next = max(tat, now) + units * interval
  return next - now - WINDOW <= interval * TOLERANCE and next
end

-- A TAT more than a window ahead means that the clock was set back since. It is reduced to one window, so that no
-- request waits for the old time to come again.
local function within_window(tat, limit)
  return tat - now - WINDOW > WINDOW / limit * TOLERANCE and now + WINDOW or tat
end

local function keep_within_window(rate, rpm, tpm)
  if rpm > 0 then rate.requests = within_window(rate.requests, rpm) end
  if tpm > 0 then rate.tokens = within_window(rate.tokens, tpm) end
  change(rate)
end

-- The tokens that a reserve takes, at most the limit: a request that needs more waits for the whole limit, and is then
-- admitted alone.
local function tokens_of(asked, tokens, limit)
  local largest = asked and largest_answer(asked.answers, asked.model)
  return math.min(largest and asked.input + largest or tokens, limit)
end

-- Whether an account is loaded for its generation, or its limit was well before the account's cycle began.
local is_loaded = conditions and function(condition)
  local generation = condition.generation
  if generation == 0 or parse_pair(values[condition.at - 1])[1] >= generation then return true end
  local limit = parse_pair(values[condition.at])
  return limit[1] >= generation and limit[2] + CLOCKS_APART_MS_MAX < condition.first_ms
end

-- Returns the outcome and, for some of them, what it is about.
local function decide(name, key, amount, tokens, asked)
  local rate, rpm, tpm, parallel, count = keys[key], keys[key + RPM], keys[key + TPM], keys[key + PARALLEL], keys[key + COUNT]
  if rate.requests > latest or rate.tokens > latest then keep_within_window(rate, rpm, tpm) end
  if holds[name] then return 0 end
  if parallel > 0 and rate.parallel >= parallel then return 3 end
  local requests_tat = rpm > 0 and take(rate.requests, rpm, 1)
  if rpm > 0 and not requests_tat then return 1 end
  if asked and tpm > 0 then tokens = tokens_of(asked, tokens, tpm) end
  local tokens_tat = tpm > 0 and take(rate.tokens, tpm, tokens)
  if tpm > 0 and not tokens_tat then return -tokens end
  local first, last = key + CAPPED + 2, key + CAPPED + count * 2
  if count > 0 and not has_epoch then return 4 end
  if count > 0 and announcing then return 5 end
  for i = first, last, 2 do
    local condition = conditions and conditions[i]
    if condition then
      local ms = now_ms()
      if ms < condition.first_ms or ms >= condition.end_ms then return 6, ms end
      if not is_loaded(condition) then return 7, (i - first) / 2 end
    end
    local room = keys[i + 1] - keys[i].posted - keys[i].held
    if amount > room then return 10 + (i - first) / 2, max(0, room) end
  end

  if requests_tat then rate.requests = requests_tat; change(rate) end
  if tokens_tat then rate.tokens = tokens_tat; rate.tokens_limit = tpm; change(rate) end
  if count > 0 or parallel > 0 or tpm > 0 then
    local text = format('%d|%d|%d|', amount, tokens, parallel > 0 and 1 or 0) .. rate.name .. '|' .. keys[key + ACCOUNTS] .. '|' .. keys[key + GATEWAY]
    if asked and tpm > 0 then text = text .. '|' .. asked.model .. ',' end
    put(name, text)
    holds[name] = text
    for i = first, last, 2 do book(keys[i], 0, amount) end
    if parallel > 0 then occupy(rate, 1) end
  end
  return 0
end

local reply = {}
for i = 1, items - settles do
  local at = settles * 2 + i * 3
  local rate = keys[numbers[at - 2]]
  local outcome, room = decide(names[settles + i], numbers[at - 2], numbers[at - 1], numbers[at], open[i])
  reply[i] = format('%d,%d,%d', outcome, room or max(0, rate.requests - now), max(0, rate.tokens - now))
end
save(names, settles)
return '[' .. table.concat(reply, ',') .. ']'
