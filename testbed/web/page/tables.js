// Tables of one node: rows that are new since the last look are marked.

import { $, el, later } from "./dom.js";
import { show } from "./server.js";

const WHAT = {
  pe: { evpn: "EVPN", vpls: "VPLS", route: "IP routes", bgp: "BGP routes", mac: "MACs", labels: "Labels", tables: "P4 tables" },
  p: { labels: "Labels", tables: "P4 tables" },
  access: { mac: "MACs", tables: "P4 tables" },
};
const QUIET = 150; // ms without news before tables are read again

const text = (value) => {
  if (value === null || value === false) return "";
  if (value === true) return "yes";
  if (Array.isArray(value)) return value.map(text).join(" ");
  if (typeof value === "object") return Object.entries(value).map(([k, v]) => `${k} ${text(v)}`).join(", ");
  return String(value);
};

export class Tables {
  /** `concerns(row)`: rows that come first, and are marked. */
  constructor({ failed, concerns }) {
    Object.assign(this, { roles: {}, what: "evpn", known: null, failed, concerns });
    this.refresh = later(() => this.#load(), QUIET);
    $("node").addEventListener("change", () => this.#turn());
  }

  /** The nodes that there are, by name, with their roles; `mode` of the lab. */
  nodes(roles, mode) {
    this.roles = roles;
    this.missing = mode === "vpls" ? "evpn" : "vpls";
    this.#turn();
  }

  #turn() {
    const { [this.missing]: _, ...kinds } = WHAT[this.roles[$("node").value]] ?? {};
    if (!(this.what in kinds)) this.what = Object.keys(kinds)[0];
    const focused = $("what").contains(document.activeElement);
    $("what").replaceChildren(...Object.entries(kinds).map(([what, label]) => el("button", {
      type: "button", "aria-pressed": String(what === this.what),
      onclick: () => { this.what = what; this.#turn(); },
    }, label)));
    if (focused) $("what").querySelector("[aria-pressed=true]").focus();
    this.known = null;
    this.refresh();
  }

  async #load() {
    const node = $("node").value, what = this.what;
    if (!node || !what) return;
    try {
      const rows = await show(what, node);
      const [ours, others] = [rows.filter(this.concerns), rows.filter((row) => !this.concerns(row))];
      if (node === $("node").value && what === this.what) this.#fill([...ours, ...others]);
    } catch (error) { this.failed(error); }
  }

  #fill(rows) {
    const keys = [...new Set(rows.flatMap(Object.keys))];
    // Counters go up by themselves: that is no news.
    const name = (row) => JSON.stringify({ ...row, packets: 0, bytes: 0 });
    const known = this.known;
    this.known = new Set(rows.map(name));
    $("rows").replaceChildren(
      el("thead", {}, el("tr", {}, ...keys.map((key) => el("th", { scope: "col" }, key.replaceAll("_", " "))))),
      el("tbody", {}, ...rows.map((row) => {
        const line = el("tr", {}, ...keys.map((key) => el("td", {}, text(row[key] ?? null))));
        line.classList.toggle("ours", this.concerns(row));
        line.classList.toggle("new", Boolean(known && !known.has(name(row))));
        return line;
      })));
    $("count").textContent = `${rows.length} ${rows.length === 1 ? "entry" : "entries"}`;
  }
}
