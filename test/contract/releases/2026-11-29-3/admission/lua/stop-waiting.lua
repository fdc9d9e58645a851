-- Makes the epoch stop waiting for a journal that will announce nothing more. ARGV: journal.
local waiting = 'w:' .. ARGV[1]
local values = read({ waiting, 'wn' }, 2)
if not values[1] then return 0 end
put('wn', format('%d', tonumber(values[2]) - 1))
save({ waiting }, 1)
return 1
