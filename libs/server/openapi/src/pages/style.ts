/** The one style sheet of the pages: readable on a phone, in light and in dark. */
export const STYLE = `:root { color-scheme: light dark; --line: light-dark(#d8d4cc, #44413b); --soft: light-dark(#f5f3ee, #25231f); }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 56rem; padding: 0 1rem 4rem; }
nav { display: flex; gap: 1rem; padding: .75rem 0; border-bottom: 1px solid var(--line); }
h1 { font-size: 1.5rem; } h1 code { font-size: inherit; } h1, h2, li, summary { overflow-wrap: anywhere; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin-bottom: .25rem; }
section { border-top: 1px solid var(--line); padding-top: .5rem; }
dt, dd, p { overflow-wrap: anywhere; }
code, pre { font: .875rem/1.5 ui-monospace, monospace; }
p code, li code, dd code, dt code { background: var(--soft); padding: .1em .3em; border-radius: 3px; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .75rem; border-radius: 6px; overflow-x: auto; }
dl { margin: .25rem 0; } dt { margin-top: .5rem; } dd { margin: 0 0 0 1rem; }
ul.plain { list-style: none; padding: 0; } summary { cursor: pointer; padding: .25rem 0; }
.method { font-weight: 700; } .soft { opacity: .8; }
:target { outline: 2px solid; outline-offset: 4px; }
`;
