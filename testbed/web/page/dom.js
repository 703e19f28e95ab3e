// Small helpers. Text from the lab only ever becomes text nodes, never markup.

export const $ = (id) => document.getElementById(id);

/** An element with properties and children; strings become text. */
export function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Options of a select; keeps what is chosen if it is still there, else takes `preferred`. */
export function fill(select, values, preferred) {
  const before = select.value;
  select.replaceChildren(...values.map((value) => el("option", { value }, value)));
  select.value = values.includes(before) ? before : preferred;
}

/** Calls `work` soon, once for any number of calls, never twice at the same time. */
export function later(work, quiet) {
  let timer = 0, busy = false, again = false;
  async function run() {
    if (busy) { again = true; return; }
    busy = true;
    try { await work(); } finally { busy = false; }
    if (again) { again = false; run(); }
  }
  return () => { clearTimeout(timer); timer = setTimeout(run, quiet); };
}
