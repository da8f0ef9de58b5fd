"use strict";

const N_COLOURS = 8;

/**
 * Points on a canvas, with a second one above it on which a path is drawn around some of them.
 *
 * `page` says what belongs to a point: `group(i)`, a whole number, `isSelected(i)`, `describe(i)`,
 * an element; of a group `text(c)`; `hasSelection()`; and what to do on `choose(i)` and on
 * `select(rows)`.
 */
class EmbeddingMap {
  constructor(box, x, y, page) {
    Object.assign(this, { box, x, y, page, path: null, hovered: -1 });
    [this.points, this.lasso] = box.querySelectorAll("canvas");
    this.hover = box.querySelector(".hover");
    [this.left, this.top] = [new Float32Array(x.length), new Float32Array(x.length)];
    const listen = (type, action) => this.lasso.addEventListener(type, action.bind(this));
    listen("pointerdown", this.begin);
    listen("pointermove", this.move);
    listen("pointerup", this.end);
    listen("pointercancel", this.cancel);
    listen("pointerleave", () => this.showHover(-1));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.fit()).observe(box);
  }

  style(name) {
    return getComputedStyle(this.box).getPropertyValue(name);
  }

  cleared(canvas) {
    const ink = canvas.getContext("2d");
    ink.clearRect(0, 0, canvas.width, canvas.height);
    ink.globalAlpha = 1;
    return ink;
  }

  /** Give both canvases the size of the box, and points their places; the axes share one scale. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.box;
    for (const canvas of [this.points, this.lasso]) {
      canvas.width = width * devicePixelRatio;
      canvas.height = height * devicePixelRatio;
      canvas.getContext("2d").scale(devicePixelRatio, devicePixelRatio);
    }
    const [x, y] = [extent(this.x), extent(this.y)];
    const scale = Math.min((width - 40) / (x.length || 1), (height - 40) / (y.length || 1));
    for (let i = 0; i < this.x.length; i++) {
      this.left[i] = width / 2 + (this.x[i] - x.middle) * scale;
      this.top[i] = height / 2 - (this.y[i] - y.middle) * scale;
    }
    this.draw();
  }

  draw() {
    const ink = this.cleared(this.points);
    const isDimmed = this.page.hasSelection();
    for (const isFront of isDimmed ? [false, true] : [true]) {
      ink.globalAlpha = isFront ? 0.8 : 0.15;
      this.drawPoints(ink, (i) => !isDimmed || this.page.isSelected(i) === isFront);
    }
    this.drawTexts(ink);
  }

  drawPoints(ink, isDrawn) {
    const count = this.x.length;
    const radius = count > 10000 ? 1.5 : count > 2000 ? 2.2 : 3.5;
    const colours = Array.from({ length: N_COLOURS }, (_, c) => this.style(`--c${c}`));
    for (let i = 0; i < count; i++) {
      if (!isDrawn(i)) continue;
      const group = this.page.group(i);
      ink.fillStyle = colours[group % N_COLOURS];
      ink.beginPath();
      addMark(ink, this.left[i], this.top[i], radius, Math.floor(group / N_COLOURS) % 3);
      ink.fill();
    }
  }

  /** Write the text of each group at the median of its points. */
  drawTexts(ink) {
    Object.assign(ink, { globalAlpha: 1, font: "bold 14px sans-serif", textAlign: "center" });
    Object.assign(ink, { textBaseline: "middle", lineWidth: 4, lineJoin: "round" });
    Object.assign(ink, { strokeStyle: this.style("--paper"), fillStyle: this.style("--ink") });
    const rows = new Map();
    this.left.forEach((_, i) => {
      const group = this.page.group(i);
      if (!rows.has(group)) rows.set(group, []);
      rows.get(group).push(i);
    });
    for (const [group, members] of rows) {
      const [x, y] = [this.left, this.top].map((values) => median(members.map((i) => values[i])));
      const text = this.page.text(group);
      const half = ink.measureText(text).width / 2 + 4;
      const place = [Math.max(half, Math.min(x, this.box.clientWidth - half)), y];
      ink.strokeText(text, ...place);
      ink.fillText(text, ...place);
    }
  }

  nearest(x, y) {
    let best = -1;
    let least = 15 ** 2;
    for (let i = 0; i < this.left.length; i++) {
      const distance = (this.left[i] - x) ** 2 + (this.top[i] - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  begin(event) {
    if (event.button !== 0) return;
    this.path = [[event.offsetX, event.offsetY]];
    this.lasso.setPointerCapture(event.pointerId);
    this.showHover(-1);
  }

  move({ offsetX: x, offsetY: y }) {
    if (!this.path) return this.showHover(this.nearest(x, y));
    const [lastX, lastY] = this.path.at(-1);
    if (Math.hypot(x - lastX, y - lastY) > 3) this.path.push([x, y]);
    this.drawPath();
  }

  end({ offsetX: x, offsetY: y }) {
    if (!this.path) return;
    const path = this.path;
    this.cancel();
    if (path.length > 3) return this.page.select(this.inside(path));
    const found = this.nearest(x, y);
    if (found >= 0) this.page.choose(found);
  }

  cancel() {
    this.path = null;
    this.cleared(this.lasso);
  }

  drawPath() {
    const ink = this.cleared(this.lasso);
    ink.strokeStyle = ink.fillStyle = this.style("--ink");
    ink.beginPath();
    for (const [x, y] of this.path) ink.lineTo(x, y);
    ink.closePath();
    ink.stroke();
    ink.globalAlpha = 0.08;
    ink.fill();
  }

  /** Points in a closed path: a ray to the right from them crosses it an odd number of times. */
  inside(path) {
    const edges = path.map((point, j) => [...path.at(j - 1), ...point]);
    const crosses = (x, y) => ([x0, y0, x1, y1]) =>
      y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0;
    const rows = [];
    for (let i = 0; i < this.left.length; i++) {
      if (edges.filter(crosses(this.left[i], this.top[i])).length % 2) rows.push(i);
    }
    return rows;
  }

  showHover(i) {
    if (i >= 0 && i !== this.hovered) this.hover.replaceChildren(this.page.describe(i));
    this.hovered = i;
    this.hover.hidden = i < 0;
    if (i < 0) return;
    const { offsetWidth: width, offsetHeight: height } = this.hover;
    const [x, y] = [this.left[i], this.top[i]];
    const left = x > this.box.clientWidth / 2 ? Math.max(0, x - width - 12) : x + 12;
    const top = y > this.box.clientHeight / 2 ? y - height - 12 : y + 12;
    this.hover.style.left = `${Math.min(left, this.box.clientWidth - width)}px`;
    this.hover.style.top = `${top}px`;
  }
}

function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return { middle: (low + high) / 2, length: high - low };
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

/** A disc, a square or a triangle, so that more groups differ than there are colours. */
function addMark(ink, x, y, radius, kind) {
  if (kind === 0) return ink.arc(x, y, radius, 0, 2 * Math.PI);
  if (kind === 1) return ink.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  ink.moveTo(x, y - 1.4 * radius);
  ink.lineTo(x + 1.3 * radius, y + radius);
  ink.lineTo(x - 1.3 * radius, y + radius);
}
