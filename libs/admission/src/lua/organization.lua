-- One hash holds all that admission knows of an organisation; the pure twin is libs/credit.
--   e            epoch: "storeId|epochId"       wn          how many journals have yet to announce
--   w:JOURNAL    instance that must announce    b:JOURNAL   booked number
--   a:ACCOUNT    "posted|held" nano-USD         r:KEY       "requestsTat|tokensTat|tokensLimit|parallel"
--   o:REQUEST    "key|instance|journal|amount|parallel|tokens|account|…"
-- Numbers are doubles below 2^53; %.0f prints them whole where tostring() would round.
local KEY = KEYS[1]
local WINDOW_US = 60000000
local TOLERANCE = 0.01

local function split(text)
  local parts, n = {}, 0
  for part in string.gmatch(text, '[^|]+') do n = n + 1; parts[n] = part end
  return parts, n
end

local function account_text(posted, held) return string.format('%.0f|%.0f', posted, held) end

local fields = {}
local dirty = {}

-- Reads the named fields that are not known yet, in one call.
local function load(names)
  local missing, n = {}, 0
  for _, name in ipairs(names) do
    if fields[name] == nil then n = n + 1; missing[n] = name; fields[name] = false end
  end
  if n == 0 then return end
  local values = redis.call('HMGET', KEY, unpack(missing))
  for i = 1, n do fields[missing[i]] = values[i] end
end

local function put(name, value) fields[name] = value; dirty[name] = true end
local function drop(name) fields[name] = false; dirty[name] = true end

-- Writes what changed: at most one HSET and one HDEL.
local function save()
  local sets, s, dels, d = {}, 0, {}, 0
  for name in pairs(dirty) do
    local value = fields[name]
    if value then sets[s + 1] = name; sets[s + 2] = value; s = s + 2
    else d = d + 1; dels[d] = name end
  end
  if s > 0 then redis.call('HSET', KEY, unpack(sets)) end
  if d > 0 then redis.call('HDEL', KEY, unpack(dels)) end
end

-- The same for any number of fields: unpack() has room for some thousands only.
local function save_all()
  for name in pairs(dirty) do
    if fields[name] then redis.call('HSET', KEY, name, fields[name]) else redis.call('HDEL', KEY, name) end
  end
end

local function account(name)
  local text = fields['a:' .. name]
  if not text then return 0, 0 end
  local bar = string.find(text, '|', 1, true)
  return tonumber(string.sub(text, 1, bar - 1)), tonumber(string.sub(text, bar + 1))
end

local function rate(name)
  local text = fields['r:' .. name]
  if not text then return 0, 0, 0, 0 end
  local p = split(text)
  return tonumber(p[1]), tonumber(p[2]), tonumber(p[3]), tonumber(p[4])
end

local function put_rate(name, requests_tat, tokens_tat, tokens_limit, parallel)
  put('r:' .. name, string.format('%.2f|%.2f|%.0f|%.0f', requests_tat, tokens_tat, tokens_limit, parallel))
end

-- Fields that ending a hold will touch.
local function hold_fields(text, names)
  local p, n = split(text)
  for i = 7, n do names[#names + 1] = 'a:' .. p[i] end
  if p[5] == '1' or p[6] ~= '0' then names[#names + 1] = 'r:' .. p[1] end
end

-- Moves a hold to posted, at most the hold. Returns false where there is none. Its fields are loaded.
local function settle(request, charge, tokens)
  local text = fields['o:' .. request]
  if not text then return false end
  drop('o:' .. request)
  local p, n = split(text)
  local amount = tonumber(p[4])
  if charge > amount then charge = amount end
  for i = 7, n do
    local posted, held = account(p[i])
    put('a:' .. p[i], account_text(posted + charge, held - amount))
  end
  local reserved = tonumber(p[6])
  if p[5] == '1' or reserved > 0 then
    local requests_tat, tokens_tat, tokens_limit, parallel = rate(p[1])
    if p[5] == '1' then parallel = parallel - 1 end
    if reserved > 0 and tokens >= 0 and tokens_limit > 0 then
      tokens_tat = tokens_tat + (tokens - reserved) * (WINDOW_US / tokens_limit)
    end
    put_rate(p[1], requests_tat, tokens_tat, tokens_limit, parallel)
  end
  return true
end

-- Sets a hold aside. Its account and rate fields are loaded.
local function place_hold(request, text)
  local p, n = split(text)
  local amount = tonumber(p[4])
  put('o:' .. request, text)
  for i = 7, n do
    local posted, held = account(p[i])
    put('a:' .. p[i], account_text(posted, held + amount))
  end
  if p[5] == '1' then
    local requests_tat, tokens_tat, tokens_limit, parallel = rate(p[1])
    put_rate(p[1], requests_tat, tokens_tat, tokens_limit, parallel + 1)
  end
end
