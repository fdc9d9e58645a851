-- ARGV: storeId, epochId, n, (account, posted)…, n, (journal, number)…, n, (journal, instance)…
-- Reply: 1 opened, 0 where an epoch of this store is open.
local current = redis.call('HGET', KEY, 'e')
local mark = ARGV[1] .. '|'
if current and string.sub(current, 1, #mark) == mark then return 0 end
local all = redis.call('HGETALL', KEY)
for i = 1, #all, 2 do
  fields[all[i]] = all[i + 1]
  if string.sub(all[i], 1, 2) == 'r:' then
    local name = string.sub(all[i], 3)
    local requests_tat, tokens_tat, tokens_limit = rate(name)
    put_rate(name, requests_tat, tokens_tat, tokens_limit, 0)
  else
    drop(all[i])
  end
end
local at = 3
local function section(each)
  local n = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, n do each(ARGV[at], ARGV[at + 1]); at = at + 2 end
  return n
end
section(function(name, posted) put('a:' .. name, account_text(tonumber(posted), 0)) end)
section(function(journal, number) put('b:' .. journal, number) end)
local waiting = section(function(journal, instance) put('w:' .. journal, instance) end)
put('wn', string.format('%.0f', waiting))
put('e', mark .. ARGV[2])
save_all()
return 1
