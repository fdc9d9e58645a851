-- ARGV: storeId, epochId, n, ("a:ACCOUNT", posted)…, n, (journal, number)…, n, (journal, instance)…,
--   n, ("l:ACCOUNT", "generation|unheld")…, n, ("g:LIMIT", generation)…
-- Reply: 1 if it was opened, 0 if an epoch of this store id is open already.
local current = redis.call('HGET', KEY, 'e')
local mark = ARGV[1] .. '|'
if current and string.sub(current, 1, #mark) == mark then return 0 end
local dropped = {}
local fields = redis.call('HGETALL', KEY)
for i = 1, #fields, 2 do
  local name, text = fields[i], fields[i + 1]
  local kind = sub(name, 1, 2)
  if kind == 'r:' then rate_of(name)
  -- No gateway announces a hold that takes only tokens, neither a place nor credit: it stays until it is settled.
  elseif kind ~= 't:' and not (kind == 'o:' and find(text, '^[^|]*|[^|]*|0|[^|]*||')) then
    dropped[#dropped + 1] = name
  end
end
read({}, 0)
for _, rate in pairs(states) do occupy(rate, -rate.parallel) end
local at = 3
local function section(each)
  local n = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, n do each(ARGV[at], ARGV[at + 1]); at = at + 2 end
  return n
end
section(function(name, posted) put(name, posted .. '|0') end)
section(function(journal, number) put('b:' .. journal, number) end)
local waiting = section(function(journal, instance) put('w:' .. journal, instance) end)
put('wn', format('%d', waiting))
section(function(name, load) put(name, load) end)
section(function(limit, generation) put(limit, generation .. '|' .. format('%d', now_ms())) end)
put('e', mark .. ARGV[2])
save(dropped, #dropped)
return 1
