-- ARGV: n, then each: request, charge, tokens (-1 unknown), journal, number, accounts, account…
local at = 2
for _ = 1, tonumber(ARGV[1]) do
  local request, charge, tokens = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local journal, number, count = ARGV[at + 3], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local names = { 'o:' .. request, 'w:' .. journal, 'b:' .. journal }
  for i = 1, count do names[3 + i] = 'a:' .. ARGV[at + 5 + i] end
  load(names)
  local text = fields['o:' .. request]
  if text then
    names = {}
    hold_fields(text, names)
    load(names)
    settle(request, charge, tokens)
  elseif fields['w:' .. journal] and number > tonumber(fields['b:' .. journal] or '0') then
    put('b:' .. journal, string.format('%.0f', number))
    for i = 1, count do
      local posted, held = account(ARGV[at + 5 + i])
      put('a:' .. ARGV[at + 5 + i], account_text(posted + charge, held))
    end
  end
  at = at + 6 + count
end
save_all()
return 1
