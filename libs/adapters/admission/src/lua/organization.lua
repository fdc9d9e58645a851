-- One hash holds all state of an organisation. libs/domain/credit has the same rules in TypeScript ("the twin" below).
--   e            epoch: "storeId|epochId"       wn          how many journals have yet to announce
--   eo           id of an epoch that several calls are opening
--   w:JOURNAL    instance that must announce    b:JOURNAL   booked number
--   a:ACCOUNT    "posted|held" nano-USD
--   r:KEY        "requestsTat|tokensTat|tokensLimit|parallel.requestsLimit": each TAT with the limit by which it counts,
--                0 if that is not known; requestsLimit has ten digits, as a fraction of the number before it: releases
--                that do not know it compare that number as before, and drop the fraction when they write
--   o:REQUEST    "amount|tokens|parallel|r:KEY|a:ACCOUNT,…|instance|journal", then "|NAME," if no ceiling is named; if
--                it holds on grants, then "|NAME," or "|" and "|PART:a:ACCOUNT,…,|", where PART is what it takes of each
--   t:KEY        answers of the key's models, the most recent model first: ";NAME=TOKENS:STAYS,…;NAME=…". A model keeps
--                the answers that are larger than all its later ones, the largest first; an answer is dropped after
--                STAYS more answers of its model
--   l:ACCOUNT    what the ledger told of the account: "generation|unheld" nano-USD
--   g:LIMIT      the first load of a limit that has cycles: "generation|when", in milliseconds since 1970
--   x:ACCOUNT    under which terms the account refused a call last: its cap, or "GRANT+…" for x:grants
--   xu           refusals that nobody was told of yet: ",x:ACCOUNT|terms|asked|left|when", one behind the other; left may
--                be empty, and when is in milliseconds since 1970
-- A release that does not know t:KEY, l:ACCOUNT, g:LIMIT, x:ACCOUNT, xu, or the "|NAME," or parts of a hold, ignores them.
-- A TAT counts ticks, quarters of a microsecond. Doubles of the size of today's time have that resolution, so the twin,
-- which rounds to ticks, computes the same numbers. %d prints them exactly; tostring() would round.
local KEY = KEYS[1]
local TICKS_PER_US = 4
local WINDOW = 60000000 * TICKS_PER_US
local TOLERANCE = 0.01
-- The most fields of one command: an even number, below the limit of unpack(), which is some thousands.
local FIELDS_MAX = 4000
-- The same numbers as in libs/domain/credit/src/answers.ts.
local ANSWERS_KEPT, MODELS_KEPT = 20, 32
local COMMA, PIPE = 44, 124
local format, match, find, sub, byte = string.format, string.match, string.find, string.sub, string.byte
local max = math.max

-- The accounts and rates of this call, by field. Each is read once and written once, however many items use it.
local states = {}
local unread, unread_count = {}, 0
local changed, changed_count = {}, 0
local sets, sets_count = {}, 0

local function want(name, state)
  states[name] = state
  unread_count = unread_count + 1
  unread[unread_count] = state
  return state
end

local function account_of(name)
  return states[name] or want(name, { name = name, posted = 0, held = 0 })
end

local function rate_of(name)
  return states[name] or want(name, { name = name, requests = 0, requests_limit = 0, tokens = 0, tokens_limit = 0, parallel = 0 })
end

local function answers_of(rate)
  local name = 't:' .. sub(rate.name, 3)
  return states[name] or want(name, { name = name, answers = '' })
end

-- The accounts of the lists in holds, without the first of a hold: most calls of an organisation have the same others.
local lists = {}

local function accounts_in(list)
  local accounts = lists[list]
  if not accounts then
    local one, two, more = match(list, '^([^,]*),?([^,]*),?(.*)')
    accounts = { one ~= '' and account_of(one) or nil, two ~= '' and account_of(two) or nil }
    if more ~= '' then
      for name in string.gmatch(more, '[^,]+') do accounts[#accounts + 1] = account_of(name) end
    end
    lists[list] = accounts
  end
  return accounts
end

-- Parses a stored hold, with its accounts in order. read() must be called before its accounts and its rate are used.
local function parse_hold(text)
  local amount, tokens, parallel, rate, first, others = match(text, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|,]*),?([^|]*)')
  local hold = {
    amount = tonumber(amount), tokens = tonumber(tokens), parallel = parallel == '1', rate = rate_of(rate),
    first = first ~= '' and account_of(first), others = others ~= '' and accounts_in(others),
  }
  -- Only the name of an answer ends in a comma, and only parts end in ",|": commas and bars within ids are escaped.
  local last = byte(text, -1)
  local model
  if last == COMMA then
    model = match(text, '^.*|(.*),$')
  elseif last == PIPE and byte(text, -2) == COMMA then
    local listed
    model, listed = match(text, '^.*|([^|]*)|([^|]*)|$')
    model = model ~= '' and sub(model, 1, -2)
    hold.parts = {}
    for part, name in string.gmatch(listed, '(%d+):([^,]*),') do
      hold.parts[#hold.parts + 1] = { account = account_of(name), amount = tonumber(part) }
    end
  end
  if model then hold.answers, hold.model = answers_of(hold.rate), model end
  return hold
end

-- The same hold without a place among the parallel requests.
local function without_place(text)
  local before, after = match(text, '^([^|]*|[^|]*|)[^|]*(|.*)$')
  return before .. '0' .. after
end

-- Reads the first `n` of the names, and all accounts and rates that are not read yet, in one call. Returns the values
-- of the names in their order, false for a field that does not exist. The rest of `names` is overwritten.
local function read(names, n)
  local all = n + unread_count
  if all == 0 then return {} end
  for i = 1, unread_count do names[n + i] = unread[i].name end
  local values = {}
  if all <= FIELDS_MAX then
    values = redis.call('HMGET', KEY, unpack(names, 1, all))
  else
    for i = 1, all do values[i] = redis.call('HGET', KEY, names[i]) end
  end
  for i = 1, unread_count do
    local state, text = unread[i], values[n + i]
    if text and state.held then
      local posted, held = match(text, '^([^|]*)|(.*)$')
      state.posted, state.held = tonumber(posted), tonumber(held)
    elseif text and state.answers then
      state.answers = text
    elseif text then
      local requests, tokens, limit, parallel, requests_limit = match(text, '^([^|]*)|([^|]*)|([^|]*)|([^.]*)%.?(.*)$')
      state.requests, state.tokens, state.tokens_limit, state.parallel = tonumber(requests), tonumber(tokens), tonumber(limit), tonumber(parallel)
      state.requests_limit = tonumber(requests_limit) or 0
    end
  end
  unread_count = 0
  return values
end

local function put(name, value)
  sets[sets_count + 1] = name
  sets[sets_count + 2] = value
  sets_count = sets_count + 2
end

local function change(state)
  if state.changed then return end
  state.changed = true
  changed_count = changed_count + 1
  changed[changed_count] = state
end

local function book(account, posted, held)
  account.posted, account.held = account.posted + posted, account.held + held
  change(account)
end

-- The same for each account of a hold. Written out: calls of functions are much of what a script costs.
local function book_all(hold, posted, held)
  if hold.first then book(hold.first, posted, held) end
  local others = hold.others
  for i = 1, others and #others or 0 do
    local account = others[i]
    account.posted, account.held = account.posted + posted, account.held + held
    if not account.changed then change(account) end
  end
end

local function occupy(rate, parallel)
  rate.parallel = rate.parallel + parallel
  change(rate)
end

local time
-- The current time in ticks: one value for the whole call.
local function clock()
  if not time then
    local parts = redis.call('TIME')
    time = (tonumber(parts[1]) * 1000000 + tonumber(parts[2])) * TICKS_PER_US
  end
  return time
end

-- The same time in milliseconds since 1970.
local function now_ms()
  return math.floor(clock() / (TICKS_PER_US * 1000))
end

-- Two numbers of a field; both 0 if it does not exist.
local function parse_pair(text)
  if not text then return { 0, 0 } end
  local one, two = match(text, '^([^|]*)|(.*)$')
  return { tonumber(one), tonumber(two) }
end

-- The first and the last position of a model's answers in the text; nil if it has none.
local function answers_at(memory, model)
  local _, equals = find(memory.answers, ';' .. model .. '=', 1, true)
  if not equals then return nil end
  return equals + 1, (find(memory.answers, ';', equals, true) or #memory.answers + 1) - 1
end

-- The largest of the last answers of a model; nil if none is known.
local function largest_answer(memory, model)
  local first = answers_at(memory, model)
  return first and tonumber(match(memory.answers, '^%d+', first))
end

local function remember_answer(memory, model, answer)
  local text = memory.answers
  local kept, n = {}, 0
  local first, last = answers_at(memory, model)
  if first then
    for tokens, stays in string.gmatch(sub(text, first, last), '(%d+):(%d+)') do
      if tonumber(tokens) > answer and tonumber(stays) > 1 then
        n = n + 1
        kept[n] = tokens .. ':' .. format('%d', stays - 1)
      end
    end
    text = sub(text, 1, first - #model - 3) .. sub(text, last + 1)
  else
    local _, models = string.gsub(text, ';', ';')
    if models >= MODELS_KEPT then text = match(text, '^(.*);') end
  end
  kept[n + 1] = format('%d:%d', answer, ANSWERS_KEPT)
  memory.answers = ';' .. model .. '=' .. table.concat(kept, ',') .. text
  change(memory)
end

-- What of a charge falls on each part of a hold, in their order: `each` is called with the part and its share. The same
-- rule as in libs/domain/credit/src/split-charge.ts.
local function split_charge(charge, parts, each)
  for i = 1, #parts do
    local share = math.min(charge, parts[i].amount)
    charge = charge - share
    each(parts[i], share)
  end
end

-- Adds the whole of a hold to its accounts.
local function place(hold)
  book_all(hold, 0, hold.amount)
  for _, part in ipairs(hold.parts or {}) do book(part.account, 0, part.amount) end
  if hold.parallel then occupy(hold.rate, 1) end
end

-- Ends a hold: posts the charge, at most the hold, and corrects the tokens that it took. `answer` is the number of
-- output tokens of a whole answer, or nil.
local function settle(hold, charge, tokens, answer)
  if charge > hold.amount then charge = hold.amount end
  book_all(hold, charge, -hold.amount)
  if hold.parts then
    split_charge(charge, hold.parts, function(part, share) book(part.account, share, -part.amount) end)
  end
  local rate = hold.rate
  if hold.parallel then occupy(rate, -1) end
  if hold.tokens > 0 and tokens >= 0 and rate.tokens_limit > 0 then
    local next = rate.tokens + (tokens - hold.tokens) * (WINDOW / rate.tokens_limit)
    -- Most requests use fewer tokens than they took; only the others need the time.
    if tokens > hold.tokens then next = max(rate.tokens, math.min(next, clock() + WINDOW)) end
    rate.tokens = next
    change(rate)
  end
  if answer and hold.answers then remember_answer(hold.answers, hold.model, answer) end
end

local function in_parts(command, list, n)
  for first = 1, n, FIELDS_MAX do
    redis.call(command, KEY, unpack(list, first, math.min(first + FIELDS_MAX - 1, n)))
  end
end

-- Deletes the first `n` of the names, then writes what changed: a field that is both deleted and written is kept.
local function save(names, n)
  for i = 1, changed_count do
    local state = changed[i]
    if state.held then put(state.name, format('%d|%d', state.posted, state.held))
    elseif state.answers then put(state.name, state.answers)
    else put(state.name, format('%d|%d|%d|%d.%010d', state.requests, state.tokens, state.tokens_limit, state.parallel, state.requests_limit)) end
  end
  in_parts('HDEL', names, n)
  in_parts('HSET', sets, sets_count)
end
