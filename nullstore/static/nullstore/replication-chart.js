/* The lag over time as two SVG charts, in seconds and in bytes. A point without a value is a gap in the line. */
"use strict";

const ReplicationChart = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const KEPT = 900, HEIGHT = 170, LEFT = 68, RIGHT = 12, TOP = 12, BOTTOM = 26;

  function element(name, attributes = {}, text = "") {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  }

  function seconds(value) {
    if (value >= 120) return `${(value / 60).toFixed(1)} min`;
    return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`;
  }

  function bytes(value) {
    const units = ["bytes", "kB", "MB", "GB", "TB"];
    let unit = 0;
    for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
    return `${unit ? value.toFixed(1) : value} ${units[unit]}`;
  }

  function clock(moment) {
    return new Date(moment).toISOString().slice(11, 19);
  }

  /* Keep the greater of each two neighbours: a long time fits, and no peak is lost. */
  function thinned(points) {
    const kept = [];
    for (let i = 0; i < points.length; i += 2) {
      const [one, other = one] = [points[i], points[i + 1]];
      kept.push((other.value ?? -1) > (one.value ?? -1) ? other : one);
    }
    return kept;
  }

  class Chart {
    constructor(parent, label, words, least) {
      Object.assign(this, { label, words, least, points: [], limit: null });
      this.svg = element("svg", { role: "img", "aria-label": label, class: "ns-chart", height: HEIGHT, width: "100%" });
      const figure = document.createElement("figure");
      this.caption = document.createElement("figcaption");
      figure.append(this.caption, this.svg);
      parent.append(figure);
    }

    add(time, value, atLeast, limit) {
      this.points.push({ time, value, atLeast });
      if (this.points.length > KEPT) this.points = thinned(this.points);
      this.limit = limit ?? this.limit;
      this.draw();
    }

    draw() {
      if (!this.points.length) return;
      const width = Math.max(this.svg.clientWidth, 240), values = this.points.map((point) => point.value ?? 0);
      const most = Math.max(...values, this.least), first = this.points[0].time, last = this.points.at(-1).time;
      this.x = (time) => LEFT + ((time - first) / Math.max(last - first, 1)) * (width - LEFT - RIGHT);
      this.y = (value) => HEIGHT - BOTTOM - (value / (most * 1.1)) * (HEIGHT - TOP - BOTTOM);
      this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      this.svg.replaceChildren(...this.axes(width, most, first, last), ...this.lines(), ...this.threshold(width, most));
      this.say(Math.max(...values));
    }

    axes(width, most, first, last) {
      const rows = [0, most / 2, most].flatMap((value) => [
        element("line", { class: "ns-grid-line", x1: LEFT, x2: width - RIGHT, y1: this.y(value), y2: this.y(value) }),
        element("text", { x: LEFT - 6, y: this.y(value) + 4, "text-anchor": "end" }, this.words(value)),
      ]);
      const times = [[LEFT, "start", first], [width - RIGHT, "end", last]].map(([x, anchor, time]) =>
        element("text", { x, y: HEIGHT - 6, "text-anchor": anchor }, clock(time)));
      return [...rows, ...times];
    }

    /* One line for each stretch without a gap, and dots where only a lower bound is known. */
    lines() {
      const stretches = [[]];
      for (const point of this.points) {
        if (point.value === null) stretches.push([]);
        else stretches.at(-1).push(point);
      }
      const at = (point) => `${this.x(point.time).toFixed(1)},${this.y(point.value).toFixed(1)}`;
      // A line of one point would not be seen, but one that is drawn twice is.
      const drawn = stretches.filter((each) => each.length).map((each) =>
        element("polyline", { class: "ns-line", points: [...each, each.at(-1)].map(at).join(" ") }));
      const dots = this.points.filter((point) => point.value !== null && point.atLeast).map((point) =>
        element("circle", { class: "ns-at-least", cx: this.x(point.time), cy: this.y(point.value), r: 2.5 }));
      return [...drawn, ...dots];
    }

    threshold(width, most) {
      if (this.limit === null || this.limit > most * 1.1) return [];
      const y = this.y(this.limit);
      return [
        element("line", { class: "ns-limit", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }),
        element("text", { x: width - RIGHT, y: y - 4, "text-anchor": "end" }, `lagging from ${this.words(this.limit)} on`),
      ];
    }

    say(highest) {
      const { value, atLeast } = this.points.at(-1);
      const now = value === null ? "unknown" : `${atLeast ? "at least " : ""}${this.words(value)}`;
      const said = `${this.label}: ${now} now, ${this.words(highest)} at most`;
      this.caption.textContent = said;
      this.svg.setAttribute("aria-label", `${said}, since ${clock(this.points[0].time)} UTC`);
    }
  }

  /* Two charts in `parent`; add(answer) takes what the server said, or null where it said nothing. */
  function pair(parent) {
    const inSeconds = new Chart(parent, "Lag in seconds", seconds, 0.1), inBytes = new Chart(parent, "Lag in bytes of WAL", bytes, 1024);
    const legend = document.createElement("p");
    legend.className = "ns-muted";
    legend.textContent = "A gap: no answer, or nobody can tell. A ring: at least so much.";
    parent.after(legend);
    return {
      add(answer) {
        const time = Date.now(), atLeast = answer?.lag_is_at_least ?? false;
        inSeconds.add(time, answer?.lag_seconds ?? null, atLeast, answer?.lag_threshold);
        inBytes.add(time, answer?.lag_bytes ?? null, false);
      },
      draw() {
        inSeconds.draw();
        inBytes.draw();
      },
    };
  }

  return { pair };
})();
