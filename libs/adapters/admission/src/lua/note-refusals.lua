-- Marks accounts that refused a call for want of credit, each once for its terms.
-- ARGV: ("x:ACCOUNT", terms, "asked|left")…
-- Reply: 1 if there are refusals that nobody was told of yet, else 0.
local names = { 'xu' }
for i = 1, #ARGV, 3 do names[#names + 1] = ARGV[i] end
local values = read(names, #names)
local untold = values[1] or ''
for i = 1, #ARGV, 3 do
  local name, terms = ARGV[i], ARGV[i + 1]
  if values[(i + 2) / 3 + 1] ~= terms then
    put(name, terms)
    untold = untold .. ',' .. name .. '|' .. terms .. '|' .. ARGV[i + 2] .. '|' .. format('%d', now_ms())
  end
end
if sets_count > 0 then
  put('xu', untold)
  save({}, 0)
end
return untold == '' and 0 or 1
