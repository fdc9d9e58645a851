-- Places holds that stand for calls under way on other accounts of a limit. One that is open already stays as it is.
-- ARGV: storeId, n, ("o:REQUEST", hold text)…
-- Reply: 1 if that was done, 0 if no epoch of this store id is open.
local n = tonumber(ARGV[2])
local names = { 'e' }
for i = 1, n do names[1 + i] = ARGV[1 + i * 2] end
local values = read(names, 1 + n)
local mark = ARGV[1] .. '|'
if not values[1] or sub(values[1], 1, #mark) ~= mark then return 0 end
place_new(n, function(i) return ARGV[1 + i * 2], ARGV[2 + i * 2], values[1 + i] end)
save({}, 0)
return 1
