-- ARGV: journal. It will announce nothing more.
load({ 'w:' .. ARGV[1], 'wn' })
if not fields['w:' .. ARGV[1]] then return 0 end
drop('w:' .. ARGV[1])
put('wn', string.format('%.0f', tonumber(fields['wn']) - 1))
save_all()
return 1
