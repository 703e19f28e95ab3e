// Questions to the server that this page came from. What it refuses becomes an Error with its one line.

async function answered(response, read) {
  if (!response.ok) {
    const said = await response.text();
    let words = said;
    try { words = JSON.parse(said).error; } catch { /* plain text */ }
    throw new Error(words || response.statusText);
  }
  return read(response);
}

const post = (path, body) => fetch(path, { method: "POST", body: JSON.stringify(body) });

export const show = async (what, node) =>
  answered(await fetch(`show/${what}?${new URLSearchParams({ node })}`), (r) => r.json());

export const migrate = async (order) => answered(await post("migrate", order), (r) => r.json());

/** The topology as an SVG element. */
export const picture = async (scene) => answered(await post("picture", scene), async (response) => {
  const parsed = new DOMParser().parseFromString(await response.text(), "image/svg+xml");
  return document.importNode(parsed.documentElement, true);
});

/** Server-sent events: `on` has a function for each kind. Returns what ends it. */
export function listen(path, on) {
  const source = new EventSource(path);
  for (const [kind, heard] of Object.entries(on)) {
    if (kind === "lost") source.onerror = () => heard();
    else source.addEventListener(kind, (event) => heard(JSON.parse(event.data)));
  }
  return () => source.close();
}
