"""From the typed tree to the intermediate representation (`ir`), one step per module.

`package` evaluates `main` and drives the rest; `body` elaborates the code of one callee, inlining what it
calls (its layers are `assignments`, `expressions`, `calls` and `statements`); `tables`, `parsers`,
`extern_objects` and `extern_calls` do their kind of object. `fold` makes IR expressions, folding constants;
`effects` tells what code reads and writes; `simplify` and `parser_flow` rework finished code.
"""
