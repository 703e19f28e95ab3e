// The page: what the lab tells goes to its parts, what the visitor does goes to the lab.

import { $, el, fill, later } from "./dom.js";
import { Echoes } from "./echoes.js";
import { Picture } from "./picture.js";
import { listen, migrate, picture as drawn } from "./server.js";
import { Tables } from "./tables.js";
import { Timeline } from "./timeline.js";

/** Steps after which tables are not what they were. Writes alone are not: watching packets writes, too. */
const NEWS = new Set(["resumed", "learned", "advertised", "received", "withdrawn", "bgp up", "bgp down", "link up",
  "link down", "node up", "node down", "controller up", "controller down", "connected", "lost", "split", "merged"]);

const lab = { at: {}, vms: {}, machines: {} };
let ways = null; // of the last echo
let unfollow = () => {};

const say = (text) => { $("spoken").textContent = text; };
function failed(error) {
  $("problem").textContent = error.message;
  $("problem").hidden = false;
}
const state = (text, good) => { $("state").textContent = text; $("state").className = good ? "good" : "bad"; };

const timeline = new Timeline($("timeline"));
const tables = new Tables({ failed, concerns: (row) => concerns(row) });
const echoes = new Echoes($("rtts"));
const picture = new Picture($("picture"), { chosen: move, say });

// Where machines are, and how packets go.

const redraw = later(async () => {
  const [source, destination] = [$("source").value, $("destination").value];
  const shown = ways ? [
    { source, target: destination, back: false, nodes: ways.there.nodes, trombone: ways.there.trombone },
    { source: destination, target: source, back: true, nodes: ways.back.nodes, trombone: ways.back.trombone },
  ] : [];
  try { picture.show(await drawn({ at: lab.at, ways: shown })); } catch (error) { failed(error); }
}, 20);

function judge(card, title, way) {
  const [judged, path] = [card.querySelector(".judged"), card.querySelector(".path")];
  card.querySelector("h3").textContent = title;
  card.classList.toggle("trombone", Boolean(way?.trombone));
  card.classList.toggle("straight", Boolean(way && !way.trombone));
  if (!way) {
    judged.replaceChildren("no echo came back yet");
    path.textContent = "";
    return;
  }
  const times = ["stays in its site", "crosses the WAN once", "crosses the WAN twice"][way.crossings]
    ?? `crosses the WAN ${way.crossings} times`;
  judged.replaceChildren(way.trombone ? "Trombone" : "Straight", el("span", {}, times));
  path.textContent = way.nodes.join(" › ");
}

function judged() {
  const [source, destination] = [$("source").value, $("destination").value];
  judge($("there"), `${source} → ${destination}`, ways?.there);
  judge($("back"), `${destination} → ${source}`, ways?.back);
  if (!ways) $("rtt").textContent = "";
}

/** Rows about the two that talk. */
const concerns = (row) => [$("source").value, $("destination").value].some((name) => {
  const { address, mac } = lab.machines[name] ?? {};
  return [row.ip, row.mac, row.prefix?.split("/")[0]].some((value) => value && [address, mac].includes(value))
    || Boolean(mac && row.network?.includes(mac)) || Boolean(row.network?.includes(`[${address}]`));
});

function follow() {
  unfollow();
  ways = null;
  echoes.clear();
  judged();
  redraw();
  tables.refresh();
  const [source, destination] = [$("source").value, $("destination").value];
  if (source === destination) { failed(new Error(`${source} needs somebody else to talk to`)); return; }
  $("problem").hidden = true;
  unfollow = listen(`follow?${new URLSearchParams({ source, destination })}`, {
    message(echo) {
      const news = JSON.stringify([ways?.there, ways?.back]) !== JSON.stringify([echo.there, echo.back]);
      ways = echo;
      if (echo.rtt_ms !== null) {
        echoes.add(echo.rtt_ms);
        $("rtt").textContent = `${echo.rtt_ms.toFixed(1)} ms`;
      }
      if (news) { judged(); redraw(); }
    },
    gone(reason) { unfollow(); if (lab.alive) failed(new Error(reason)); },
  });
}

// Moves.

async function move(machine, to) {
  $("problem").hidden = true;
  picture.fly(machine, true);
  try {
    await migrate({ machine, to, blackout_ms: Number($("blackout").value), announce: $("announce").value });
  } catch (error) {
    failed(error);
    picture.fly(machine, false);
    redraw();
  }
}

function moves() {
  $("moves").replaceChildren(...Object.entries(lab.vms).map(([name, { slots }]) => {
    const others = Object.keys(slots).filter((slot) => slot !== lab.at[name]);
    const to = el("select", { "aria-label": `where ${name} moves to` },
      ...others.map((slot) => el("option", { value: slot }, slots[slot])));
    const go = el("button", { type: "button", onclick: () => move(name, to.value) }, "Move");
    return el("div", { className: "move", "data-name": name },
      el("b", {}, name), el("span", { className: "where" }, slots[lab.at[name]] ?? "off the network"), to, go);
  }));
}

function happened(event) {
  timeline.add(event);
  const { node, details = {} } = event;
  if (node in lab.vms && event.event === "unplugged") {
    picture.fly(node, true);
    ways = null; // of where it was
    judged();
  } else if (node in lab.vms && event.event === "resumed") {
    lab.at[node] = details.slot;
    picture.fly(node, false);
    moves();
    redraw();
    say(`${node} has arrived at ${details.slot}`);
  }
  if (NEWS.has(event.event)) tables.refresh();
}

// The lab.

function hello(found) {
  Object.assign(lab, found);
  lab.at = Object.fromEntries(Object.entries(found.vms).map(([name, vm]) => [name, vm.slot]).filter(([, at]) => at));
  document.title = `${found.name}: vmto`;
  $("name").textContent = found.name;
  $("name").title = found.description;
  const { mode, reflector, target } = found.setup;
  $("setup").replaceChildren(...[mode, `reflector ${reflector}`, `${target} switches`].map((each, number) =>
    el("li", { className: number ? "" : "mode" }, each)));
  state(found.alive ? "live" : "a part of the lab is dead", found.alive);
  $("problem").hidden = true;
  const [machine] = Object.keys(found.vms);
  const names = Object.keys(found.machines);
  fill($("source"), names, names.findLast((name) => !(name in found.vms)));
  fill($("destination"), names, machine ?? names[0]);
  fill($("node"), Object.keys(found.nodes), Object.keys(found.nodes).find((name) => found.nodes[name] === "pe"));
  $("blackout").value = found.blackout_ms;
  $("announce").value = found.announce;
  timeline.clear();
  moves();
  tables.nodes(found.nodes, mode);
  follow();
}

function gone(reason) {
  lab.alive = false;
  state("not up", false);
  failed(new Error(reason));
}

listen("events", { hello, message: happened, gone, lost: () => state("connecting again", false) });

for (const id of ["source", "destination"]) $(id).addEventListener("change", follow);
$("swap").addEventListener("click", () => {
  [$("source").value, $("destination").value] = [$("destination").value, $("source").value];
  follow();
});

// Light or dark by a button; without one the page is as the visitor's system prefers.

const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
const pressed = () => $("theme").setAttribute("aria-pressed", String(dark()));
$("theme").addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; pressed(); });
system.addEventListener("change", pressed);
pressed();
