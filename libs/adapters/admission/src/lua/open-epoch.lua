-- An organisation can have very many accounts, so an epoch may be opened by several calls, one after the other: the
-- first drops what was there before, and only the last opens the epoch. In between there is none, and the field eo says
-- which one is being opened: what is not complete is never opened.
-- ARGV: storeId, epochId, 1 for the first call, 1 for the last one, n, ("a:ACCOUNT", posted)…, n, (journal, number)…,
--   n, (journal, instance)…, n, ("l:ACCOUNT", "generation|unheld")…, n, ("g:LIMIT", generation)…
-- Reply: 1 if that was done, 0 if an epoch of this store id is open already, or what earlier calls wrote is gone.
local current = redis.call('HGET', KEY, 'e')
local mark = ARGV[1] .. '|'
local is_first, is_last = ARGV[3] == '1', ARGV[4] == '1'
if current and string.sub(current, 1, #mark) == mark then return 0 end
if not is_first and redis.call('HGET', KEY, 'eo') ~= ARGV[2] then return 0 end
local dropped = {}
local fields = is_first and redis.call('HGETALL', KEY) or {}
for i = 1, #fields, 2 do
  local name, text = fields[i], fields[i + 1]
  local kind = sub(name, 1, 2)
  if kind == 'r:' then rate_of(name)
  -- No gateway announces a hold that takes only tokens, neither a place nor credit: it stays until it is settled.
  elseif kind ~= 't:' and kind ~= 'x:' and name ~= 'xu' and not (kind == 'o:' and find(text, '^[^|]*|[^|]*|0|[^|]*||') and not find(text, ',|$')) then
    dropped[#dropped + 1] = name
  end
end
read({}, 0)
for _, rate in pairs(states) do occupy(rate, -rate.parallel) end
local at = 5
local function section(each)
  local n = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, n do each(ARGV[at], ARGV[at + 1]); at = at + 2 end
  return n
end
section(function(name, posted) put(name, posted .. '|0') end)
section(function(journal, number) put('b:' .. journal, number) end)
local waiting = section(function(journal, instance) put('w:' .. journal, instance) end)
if is_last then put('wn', format('%d', waiting)) end
section(function(name, load) put(name, load) end)
section(function(limit, generation) put(limit, generation .. '|' .. format('%d', now_ms())) end)
if is_last then
  dropped[#dropped + 1] = 'eo'
  put('e', mark .. ARGV[2])
else
  put('eo', ARGV[2])
end
save(dropped, #dropped)
return 1
