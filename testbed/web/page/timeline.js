// What happened, as it happens. Times count from the last move; before it, from the lab's start.

import { el } from "./dom.js";

const SHOWN = 400;
const KINDS = {
  paused: "machine", unplugged: "machine", resumed: "machine", announced: "machine", split: "machine", merged: "machine",
  learned: "learned", advertised: "bgp", received: "bgp", withdrawn: "bgp", "bgp up": "bgp",
  "bgp down": "bad", lost: "bad", refused: "bad", alarm: "bad", "link down": "bad", "node down": "bad",
};

const time = (ms, moved) => (moved ? `+${ms.toFixed(1)} ms` : `${(ms / 1e3).toFixed(2)} s`);

export class Timeline {
  constructor(body) {
    this.body = body;
    this.scroll = body.closest(".scroll");
    this.clear();
  }

  clear() {
    this.origin = null;
    this.body.replaceChildren();
  }

  add({ t_ms, event, node, details = {} }) {
    const follows = this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight < 40;
    if (event === "paused") this.origin = t_ms;
    const moved = this.origin !== null;
    const words = Object.entries(details).map(([key, value]) => `${key} ${value}`).join(", ");
    if (event === "programmed" && this.body.lastChild?.dataset.event === event) {
      // Switches are written to all at once: one row for all.
      const names = this.body.lastChild.querySelector("b");
      if (!names.textContent.split(", ").includes(node)) names.textContent += `, ${node}`;
      return;
    }
    const kind = `${KINDS[event] ?? "other"}${event === "paused" ? " first" : ""}`;
    const row = el("tr", { className: kind, "data-event": event, "data-t": t_ms },
      el("td", { className: "time" }, time(t_ms - (this.origin ?? 0), moved)),
      el("td", {}, el("span", { className: "event" }, event), " ", el("b", {}, node),
        el("span", { className: "details" }, event === "programmed" ? "" : words)));
    // Some steps are told a little after later ones.
    let after = this.body.lastChild;
    while (after && Number(after.dataset.t) > t_ms) after = after.previousSibling;
    if (after) after.after(row); else this.body.prepend(row);
    while (this.body.rows.length > SHOWN) this.body.rows[0].remove();
    if (follows) this.scroll.scrollTop = this.scroll.scrollHeight;
  }
}
