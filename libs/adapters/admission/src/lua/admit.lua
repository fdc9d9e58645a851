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
--   [for each key: "r:KEY", "instance|journal", rpm, tpm, parallel (0 unlimited), number of accounts, "a:ACCOUNT,…" in
--    the format of a hold (if there are several, of all but the first), "a:ACCOUNT" and cap of each account: those that
--    take the whole amount, then those of which one does, then grants],
--   [for each of these texts about accounts in whose place keys have a number, since many have it: number, text],
--   and only if there are any, else 0,
--   [[for each account with a generation, once however many keys have it: generation, first millisecond of its cycle,
--     "l:ACCOUNT", "g:LIMIT" or ""],
--    [for each key with accounts of cycles or with a generation: index of the key among the keys, first millisecond of
--     the cycle that began last, first millisecond after the one that ends first, how many accounts have a generation,
--     and for each of these: its number (from 1), and its number in the list before]],
--   and only if there are any,
--   [for each key that has more than accounts which take the whole amount, or a raised cap: an array: index of the key,
--    number of accounts that take the whole amount, number of those of which one does, number of grants (-1: it needs
--    none), for each of its accounts of all kinds: for a grant the first millisecond at which it has expired, else the
--    first one without a raise; then for each account the cap while it is raised, 0 for a grant]
-- Reply: a JSON array with three integers for each reserve: outcome, then the ticks that its key has used of the window
--   for requests and of the window for tokens: of a limit that was lowered these may be more than a window. Outcomes: 0
--   admitted; 1 the limit of requests is reached; -n the limit of tokens is reached, and the request would have taken n;
--   3 the limit of parallel requests is reached; 4 no epoch; 5 announcing; 6 an account is of another cycle, and the second integer is the time in milliseconds since 1970;
--   7 an account is not loaded, and the second integer is its number (from 0); 10 + i account i (from 0) has too little
--   credit, and the second integer is its available nano-USD. Then follows, for each reserve of a key that has more
--   than accounts which take the whole amount, what was held besides: "a:ACCOUNT|PART:a:ACCOUNT,…", the chosen account
--   and the parts, each of which may be empty.
local store, settles, names, numbers, whole_answers, open_ended, keys, shared, conditional, further = unpack(cjson.decode(ARGV[1]))
local items = #names
-- The same number as in libs/domain/credit/src/load-accounts.ts.
local CLOCKS_APART_MS_MAX = 600000
-- Offsets of a key's parts from its first part. Account i (from 1) is at CAPPED + i * 2, and its cap follows.
local GATEWAY, RPM, TPM, PARALLEL, COUNT, ACCOUNTS, CAPPED = 1, 2, 3, 4, 5, 6, 5

local texts = {}
for i = 1, #shared, 2 do texts[shared[i]] = shared[i + 1] end
local at = 1
while keys[at] do
  keys[at] = rate_of(keys[at])
  for place = at + CAPPED + 2, at + CAPPED + keys[at + COUNT] * 2, 2 do
    local name = keys[place]
    keys[place] = account_of(texts[name] or name)
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
-- By the place of a key among the keys: where the conditions say in which period all its cycles lie.
local periods, conditions = type(conditional) == 'table' and {}, nil
-- By the place of an account among the keys: its number in the list of accounts that must be loaded.
local loads = {}
local load_list, first_load
if periods then
  load_list, conditions = conditional[1], conditional[2]
  first_load = wanted
  for i = 1, #load_list, 4 do
    wanted = wanted + 2
    names[wanted - 1], names[wanted] = load_list[i + 2], load_list[i + 3]
  end
  local i = 1
  while conditions[i] do
    local key, count = conditions[i], conditions[i + 3]
    periods[key] = i
    i = i + 4
    for _ = 1, count do
      loads[key + CAPPED + conditions[i] * 2] = conditions[i + 1]
      i = i + 2
    end
  end
end
-- By the place of a key among the keys: what it has besides accounts that take the whole amount.
local more_of = further and {}
if further then
  for _, more in ipairs(further) do more_of[more[1]] = more end
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
  local requests_limit = rate.requests_limit > 0 and rate.requests_limit or rpm
  local tokens_limit = rate.tokens_limit > 0 and rate.tokens_limit or tpm
  if requests_limit > 0 then rate.requests = within_window(rate.requests, requests_limit) end
  if tokens_limit > 0 then rate.tokens = within_window(rate.tokens, tokens_limit) end
  change(rate)
end

-- The TAT of the same used units under another limit: gcraUnder in libs/domain/credit/src/gcra.ts says why.
local function under(tat, counted_by, limit)
  if counted_by == limit or counted_by == 0 or limit == 0 or tat <= now then return tat end
  return now + (tat - now) * counted_by / limit
end

-- What a lower limit let through is free again by the pace of a higher one from the first call under it on.
local function count_by_higher_limits(rate, rpm, tpm)
  if rate.requests_limit > 0 and rpm > rate.requests_limit then
    rate.requests, rate.requests_limit = under(rate.requests, rate.requests_limit, rpm), rpm
    change(rate)
  end
  if rate.tokens_limit > 0 and tpm > rate.tokens_limit then
    rate.tokens, rate.tokens_limit = under(rate.tokens, rate.tokens_limit, tpm), tpm
    change(rate)
  end
end

-- The tokens that a reserve takes, at most the limit: a request that needs more waits for the whole limit, and is then
-- admitted alone.
local function tokens_of(asked, tokens, limit)
  local largest = asked and largest_answer(asked.answers, asked.model)
  return math.min(largest and asked.input + largest or tokens, limit)
end

-- Whether the account of this number in the list is loaded for its generation, or its limit was well before the
-- account's cycle began. It is found out once, however many calls are charged to it.
local loaded = {}
local function is_loaded(load)
  local known = loaded[load]
  if known == nil then
    local at, generation = first_load + load * 2, load_list[load * 4 - 3]
    known = parse_pair(values[at - 1])[1] >= generation
    if not known then
      local limit = parse_pair(values[at])
      known = limit[1] >= generation and limit[2] + CLOCKS_APART_MS_MAX < load_list[load * 4 - 2]
    end
    loaded[load] = known
  end
  return known
end

-- Offsets in what a key has more: of the ends of its raises and grants, and behind them of the raised caps.
local WHOLE, EITHER, GRANTS, ENDS = 2, 3, 4, 4

-- What the account of this number (from 1) has left; negative if more is charged than its cap.
local function room_of(key, more, number)
  local at = key + CAPPED + number * 2
  local cap = keys[at + 1]
  if more then
    local raised_until = more[ENDS + number]
    if raised_until > 0 and now_ms() < raised_until then cap = more[ENDS + keys[key + COUNT] + number] end
  end
  return cap - keys[at].posted - keys[at].held
end

-- Chooses of the accounts of which one takes the whole amount, then takes parts of the grants. Returns an outcome, what
-- it is about, the place of the chosen account, and the parts: each a grant's account and amount.
local function find_further(key, more, amount)
  local first, last = more[WHOLE] + 1, more[WHOLE] + more[EITHER]
  local chosen, room
  for number = first, last do
    local load = loads[key + CAPPED + number * 2]
    if load and not is_loaded(load) then return 7, number - 1 end
    room = room_of(key, more, number)
    if amount <= room then chosen = number; break end
  end
  if last >= first and not chosen then return 9 + last, max(0, room) end
  local place = chosen and key + CAPPED + chosen * 2
  -- The quota of a subscription, which is the first of the two, is paid for already.
  if more[GRANTS] < 0 or chosen == first then return 0, nil, place end
  local parts, rest = {}, amount
  for number = last + 1, last + more[GRANTS] do
    if rest == 0 then break end
    local at, expires = key + CAPPED + number * 2, more[ENDS + number]
    if expires == 0 or now_ms() < expires then
      local left = keys[at + 1] - keys[at].posted - keys[at].held
      if left > 0 then
        parts[#parts + 1] = { account = keys[at], amount = math.min(left, rest) }
        rest = rest - parts[#parts].amount
      end
    end
  end
  if rest > 0 then return 10 + last, amount - rest end
  return 0, nil, place, parts
end

-- The parts of a hold in its format.
local function text_of(parts)
  local texts = {}
  for i, part in ipairs(parts or {}) do texts[i] = format('%d:', part.amount) .. part.account.name .. ',' end
  return table.concat(texts)
end

-- What an open hold has besides accounts that take the whole amount, in the format of the reply.
local function further_of(text, key, more)
  local accounts, chosen = ',' .. match(text, '^[^|]*|[^|]*|[^|]*|[^|]*|([^|]*)') .. ',', ''
  for number = more[WHOLE] + more[EITHER], more[WHOLE] + 1, -1 do
    local name = keys[key + CAPPED + number * 2].name
    if find(accounts, ',' .. name .. ',', 1, true) then chosen = name end
  end
  return chosen .. '|' .. (match(text, '|([^|]*,)|$') or '')
end

-- Returns the outcome, for some of them what it is about, and what was held besides.
local function decide(name, key, amount, tokens, asked)
  local rate, rpm, tpm, parallel, count = keys[key], keys[key + RPM], keys[key + TPM], keys[key + PARALLEL], keys[key + COUNT]
  local more = further and more_of[key]
  if rate.requests > latest or rate.tokens > latest then keep_within_window(rate, rpm, tpm) end
  if rpm > rate.requests_limit or tpm > rate.tokens_limit then count_by_higher_limits(rate, rpm, tpm) end
  if holds[name] then return 0, nil, more and further_of(holds[name], key, more) end
  if parallel > 0 and rate.parallel >= parallel then return 3 end
  local requests_tat = rpm > 0 and take(rate.requests_limit == rpm and rate.requests or under(rate.requests, rate.requests_limit, rpm), rpm, 1)
  if rpm > 0 and not requests_tat then return 1 end
  if asked and tpm > 0 then tokens = tokens_of(asked, tokens, tpm) end
  local tokens_tat = tpm > 0 and take(rate.tokens_limit == tpm and rate.tokens or under(rate.tokens, rate.tokens_limit, tpm), tpm, tokens)
  if tpm > 0 and not tokens_tat then return -tokens end
  local whole = more and more[WHOLE] or count
  local first, last = key + CAPPED + 2, key + CAPPED + whole * 2
  local chosen, parts
  if count > 0 or more then
    if not has_epoch then return 4 end
    if announcing then return 5 end
    local period = periods and periods[key]
    if period then
      local ms = now_ms()
      if ms < conditions[period + 1] or ms >= conditions[period + 2] then return 6, ms end
    end
    for i = first, last, 2 do
      local load, account = loads[i], keys[i]
      if load and not is_loaded(load) then return 7, (i - first) / 2 end
      local room = more and room_of(key, more, (i - first) / 2 + 1) or keys[i + 1] - account.posted - account.held
      if amount > room then return 10 + (i - first) / 2, max(0, room) end
    end
    if more then
      local outcome, about
      outcome, about, chosen, parts = find_further(key, more, amount)
      if outcome ~= 0 then return outcome, about end
    end
  end

  if requests_tat then rate.requests, rate.requests_limit = requests_tat, rpm; change(rate) end
  if tokens_tat then rate.tokens = tokens_tat; rate.tokens_limit = tpm; change(rate) end
  local listed = parts and #parts > 0 and text_of(parts)
  if whole > 0 or chosen or listed or parallel > 0 or tpm > 0 then
    local accounts = keys[key + ACCOUNTS]
    accounts = texts[accounts] or accounts
    if whole > 1 then accounts = keys[first].name .. ',' .. accounts end
    if chosen then accounts = (whole > 0 and accounts .. ',' or '') .. keys[chosen].name end
    local text = format('%d|%d|%d|', amount, tokens, parallel > 0 and 1 or 0) .. rate.name .. '|' .. accounts .. '|' .. keys[key + GATEWAY]
    if asked and tpm > 0 then text = text .. '|' .. asked.model .. ',' elseif listed then text = text .. '|' end
    if listed then text = text .. '|' .. listed .. '|' end
    put(name, text)
    holds[name] = text
    for i = first, last, 2 do
      local account = keys[i]
      account.held = account.held + amount
      if not account.changed then change(account) end
    end
    if chosen then book(keys[chosen], 0, amount) end
    for _, part in ipairs(parts or {}) do book(part.account, 0, part.amount) end
    if parallel > 0 then occupy(rate, 1) end
  end
  return 0, nil, more and (chosen and keys[chosen].name or '') .. '|' .. (listed or '')
end

local reply, besides = {}, {}
for i = 1, items - settles do
  local at = settles * 2 + i * 3
  local key = numbers[at - 2]
  local rate = keys[key]
  local outcome, about, held = decide(names[settles + i], key, numbers[at - 1], numbers[at], open[i])
  local requests, tokens, rpm, tpm = rate.requests, rate.tokens, keys[key + RPM], keys[key + TPM]
  if rate.requests_limit ~= rpm then requests = under(requests, rate.requests_limit, rpm) end
  if rate.tokens_limit ~= tpm then tokens = under(tokens, rate.tokens_limit, tpm) end
  reply[i] = format('%d,%d,%d', outcome, about or max(0, requests - now), max(0, tokens - now))
  if further and more_of[key] then besides[#besides + 1] = cjson.encode(held or '|') end
end
save(names, settles)
if besides[1] then reply[#reply + 1] = table.concat(besides, ',') end
return '[' .. table.concat(reply, ',') .. ']'
