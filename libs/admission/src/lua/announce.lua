-- ARGV: journal, n, (request, hold text, number or 0 for a hold in flight)…
-- Reply: 1 heard, 0 where nobody waits for this journal.
local journal = ARGV[1]
load({ 'w:' .. journal, 'wn', 'b:' .. journal })
if not fields['w:' .. journal] then return 0 end
local booked = tonumber(fields['b:' .. journal] or '0')
local n = tonumber(ARGV[2])
for i = 0, n - 1 do
  local request, text, number = ARGV[3 + i * 3], ARGV[4 + i * 3], tonumber(ARGV[5 + i * 3])
  if number == 0 or number > booked then
    load({ 'o:' .. request })
    if not fields['o:' .. request] then
      local names = {}
      hold_fields(text, names)
      load(names)
      place_hold(request, text)
    end
  end
end
drop('w:' .. journal)
put('wn', string.format('%.0f', tonumber(fields['wn']) - 1))
save_all()
return 1
