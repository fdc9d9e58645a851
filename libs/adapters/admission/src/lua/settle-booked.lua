-- ARGV: n, then two JSON arrays:
--   ["o:REQUEST" of each of the n items, then "w:JOURNAL", "b:JOURNAL" of each journal]
--   [[charge, tokens (-1 unknown), index of "w:JOURNAL" in the first array, number, "a:ACCOUNT", …] for each item];
--   after an account that is charged only a part of the charge stands that part
-- Mostly the gateways have settled before and no epoch waits: then the second array is not even decoded.
local n, names = tonumber(ARGV[1]), cjson.decode(ARGV[2])
local values = read(names, #names)
local found = false
for i = 1, #names do
  if values[i] and (i <= n or (i - n) % 2 == 1) then found = true end
end
if not found then return 0 end

local items = cjson.decode(ARGV[3])
local holds = {}
for i, item in ipairs(items) do
  holds[names[i]] = values[i] and parse_hold(values[i])
  if values[item[3]] then
    for at = 5, #item do
      if type(item[at]) == 'string' then item[at] = account_of(item[at]) end
    end
  end
end
read({}, 0)
for i, item in ipairs(items) do
  local charge, tokens, journal, number = item[1], item[2], item[3], item[4]
  local hold = holds[names[i]]
  if hold then
    settle(hold, charge, tokens)
    holds[names[i]] = false
  elseif values[journal] and number > tonumber(values[journal + 1] or '0') then
    values[journal + 1] = number
    put(names[journal + 1], format('%d', number))
    for at = 5, #item do
      local part = item[at + 1]
      if type(item[at]) == 'table' then book(item[at], type(part) == 'number' and part or charge, 0) end
    end
  end
end
save(names, n)
return 1
