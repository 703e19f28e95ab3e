// The drawing of the lab: machines on it are dragged, or moved by keys, from slot to slot.

const NEAR = 90; // px of the drawing: how close to a slot a machine must be dropped outside of all sites

const middle = (group) => {
  const [, x, y] = /translate\(([-\d.]+)[ ,]+([-\d.]+)\)/.exec(group.getAttribute("transform"));
  return { x: Number(x), y: Number(y) };
};
const inside = (rect, { x, y }) => {
  const [left, top, width, height] = ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
  return left <= x && x <= left + width && top <= y && y <= top + height;
};
const put = (group, { x, y }) => group.setAttribute("transform", `translate(${x} ${y})`);

export class Picture {
  /** `chosen(machine, slot)` is called for every order to move; `say(text)` speaks to screen readers. */
  constructor(host, { chosen, say }) {
    Object.assign(this, { host, chosen, say, drag: null, waiting: null, flying: new Set() });
    host.addEventListener("pointerdown", (event) => this.#grab(event));
    host.addEventListener("pointermove", (event) => this.#pull(event));
    host.addEventListener("pointerup", () => this.#drop(true));
    host.addEventListener("pointercancel", () => this.#drop(false));
    host.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Shows a new drawing; machines glide to where they are now. */
  show(svg) {
    if (this.drag) { this.waiting = svg; return; }
    const focused = this.host.querySelector(".machine:focus")?.dataset.name;
    const before = new Map(this.#machines().map((group) => [group.dataset.name, middle(group)]));
    svg.setAttribute("role", "group");
    this.host.replaceChildren(svg);
    for (const group of this.#machines()) {
      const { name, slot } = group.dataset;
      group.setAttribute("tabindex", "0");
      group.setAttribute("role", "button");
      group.setAttribute("aria-label", `${name}, at ${slot}`);
      group.classList.toggle("flying", this.flying.has(name));
      this.#glide(group, before.get(name));
      if (name === focused) group.focus();
    }
  }

  /** A machine is off the network, or on it again. */
  fly(name, away) {
    this.flying[away ? "add" : "delete"](name);
    this.#machine(name)?.classList.toggle("flying", away);
  }

  #machines() { return [...this.host.querySelectorAll(".machine.vm")]; }
  #machine(name) { return this.#machines().find((group) => group.dataset.name === name); }
  #slots(name) {
    const found = [...this.host.querySelectorAll(".slot")].filter((slot) => slot.dataset.vm === name);
    return found.sort((a, b) => middle(a).x - middle(b).x);
  }

  #glide(group, from) {
    const to = middle(group);
    const far = from && Math.hypot(from.x - to.x, from.y - to.y) > 1;
    if (!far || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const at = ({ x, y }) => ({ transform: `translate(${x}px, ${y}px)` });
    group.animate([at(from), at(to)], { duration: 350, easing: "ease-in-out" });
  }

  #point(event) {
    const svg = this.host.querySelector("svg");
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  }

  #grab(event) {
    const group = event.target.closest?.(".machine.vm");
    if (!group || event.button || this.flying.has(group.dataset.name)) return;
    event.preventDefault();
    group.focus();
    this.host.setPointerCapture(event.pointerId);
    const home = middle(group), at = this.#point(event);
    this.drag = { group, home, grip: { x: home.x - at.x, y: home.y - at.y }, slot: null };
    this.#offer(group.dataset.name, group.dataset.slot);
    group.classList.add("dragged");
    group.parentNode.append(group); // above all others
  }

  #pull(event) {
    if (!this.drag) return;
    const { group, grip } = this.drag, at = this.#point(event);
    const here = { x: at.x + grip.x, y: at.y + grip.y };
    put(group, here);
    this.#choose(this.#under(group.dataset.name, here)?.dataset.slot ?? null);
    this.drag.slot = this.host.querySelector(".slot.chosen")?.dataset.slot ?? null;
  }

  /** The slot that a machine would go to from here: of the site that it is over, else one that is near. */
  #under(name, here) {
    const far = (slot) => Math.hypot(middle(slot).x - here.x, middle(slot).y - here.y);
    const slots = this.#slots(name).sort((a, b) => far(a) - far(b));
    const site = [...this.host.querySelectorAll(".site-area")].find((area) => inside(area, here));
    return (site && slots.find((slot) => inside(site, middle(slot)))) ?? slots.find((slot) => far(slot) < NEAR);
  }

  #drop(done) {
    if (!this.drag) return;
    const { group, home, slot } = this.drag;
    this.drag = null;
    group.classList.remove("dragged");
    this.#offer(null);
    const { name } = group.dataset;
    const target = done && slot && slot !== group.dataset.slot;
    const place = target ? this.#slots(name).find((each) => each.dataset.slot === slot) : null;
    put(group, place ? middle(place) : home);
    if (this.waiting) { this.show(this.waiting); this.waiting = null; }
    if (target) this.chosen(name, slot);
  }

  /** Shows which slots a machine can go to. */
  #offer(name, taken) {
    for (const slot of this.host.querySelectorAll(".slot")) {
      slot.classList.toggle("offered", slot.dataset.vm === name && slot.dataset.slot !== taken);
      slot.classList.remove("chosen");
    }
  }

  #choose(name) {
    for (const slot of this.host.querySelectorAll(".slot.offered")) {
      slot.classList.toggle("chosen", slot.dataset.slot === name);
    }
  }

  #key(event) {
    const group = event.target.closest?.(".machine.vm");
    if (!group || this.drag || this.flying.has(group.dataset.name)) return;
    const { name, slot: here } = group.dataset;
    const chosen = this.host.querySelector(".slot.chosen")?.dataset.slot;
    const slots = this.#slots(name).map((slot) => slot.dataset.slot);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      const next = slots[(slots.indexOf(chosen ?? here) + step + slots.length) % slots.length];
      this.#offer(name, here);
      this.#choose(next);
      this.say(next === here ? `${name} stays at ${here}` : `${next}: Enter moves ${name} there`);
    } else if (event.key === "Enter" && chosen) {
      this.#offer(null);
      this.chosen(name, chosen);
    } else if (event.key === "Escape") {
      this.#offer(null);
    } else {
      return;
    }
    event.preventDefault();
  }
}
