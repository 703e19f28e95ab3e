// Round-trip times of the last echoes, as a line; where none came back, the line has a hole.

const SECONDS = 30, HOLE = 500, TOP = 2, HEIGHT = 44, WIDTH = 240, NS = "http://www.w3.org/2000/svg";

export class Echoes {
  constructor(svg) {
    this.svg = svg;
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    this.line = svg.appendChild(document.createElementNS(NS, "path"));
    this.clear();
  }

  clear() {
    this.points = [];
    this.line.setAttribute("d", "");
  }

  add(rtt) {
    const now = performance.now();
    this.points.push({ t: now, rtt });
    this.points = this.points.filter(({ t }) => now - t < SECONDS * 1e3);
    // One late echo must not flatten all others: the slowest tenth may touch the top.
    const sorted = this.points.map((point) => point.rtt).sort((a, b) => a - b);
    const most = 1.3 * sorted[Math.floor(0.9 * (sorted.length - 1))];
    let path = "", last = -Infinity;
    for (const point of this.points) {
      const x = WIDTH * (1 - (now - point.t) / (SECONDS * 1e3)), y = Math.max(TOP, HEIGHT * (1 - point.rtt / most));
      path += `${point.t - last > HOLE ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
      last = point.t;
    }
    this.line.setAttribute("d", path);
  }
}
