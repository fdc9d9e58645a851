-- ARGV: journal, n, (request, hold text, number or 0 for a hold in flight)…
-- Reply: 1 if the announcement was taken, 0 if the epoch does not wait for this journal.
local waiting, booked = 'w:' .. ARGV[1], 'b:' .. ARGV[1]
local n = tonumber(ARGV[2])
local names = { waiting, booked, 'wn' }
for i = 1, n do names[3 + i] = 'o:' .. ARGV[i * 3] end
local values = read(names, 3 + n)
if not values[1] then return 0 end
local number_booked = tonumber(values[2] or '0')
place_new(n, function(i)
  local number = tonumber(ARGV[i * 3 + 2])
  if number == 0 or number > number_booked then return 'o:' .. ARGV[i * 3], ARGV[i * 3 + 1], values[3 + i] end
end)
put('wn', format('%d', tonumber(values[3]) - 1))
save({ waiting }, 1)
return 1
