(() => {
"use strict";

const $ = (id) => document.getElementById(id);
const read = (id) => JSON.parse($(id).textContent);
const SVG = "http://www.w3.org/2000/svg";

/* ---------------------------------------------------------------- drawing */

function add(parent, name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

const log = (value) => Math.log10(value);
const same = (value) => value;

/* Draws axes with ticks; returns what turns values into places. x and y: {from, to, log, ticks, name}. */
function axes(svg, title, x, y, small = 0) {
  svg.replaceChildren();
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const box = { left: 46 + small, right: width - 12, top: 26, bottom: height - 40 };
  const scale = (axis, low, high) => {
    const turn = axis.log ? log : same;
    return (value) => low + ((turn(value) - turn(axis.from)) / (turn(axis.to) - turn(axis.from))) * (high - low);
  };
  const px = scale(x, box.left, box.right);
  const py = scale(y, box.bottom, box.top);
  add(svg, "text", { x: box.left, y: 14, class: "title" }, title);
  for (const [value, text] of x.ticks) {
    add(svg, "line", { x1: px(value), x2: px(value), y1: box.top, y2: box.bottom, class: "grid" });
    add(svg, "text", { x: px(value), y: box.bottom + 15, "text-anchor": "middle" }, text);
  }
  for (const [value, text] of y.ticks) {
    add(svg, "line", { x1: box.left, x2: box.right, y1: py(value), y2: py(value), class: "grid" });
    add(svg, "text", { x: box.left - 5, y: py(value) + 4, "text-anchor": "end" }, text);
  }
  add(svg, "path", { d: `M${box.left} ${box.top}V${box.bottom}H${box.right}`, class: "axis" });
  add(svg, "text", { x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle" }, x.name);
  return { px, py, box };
}

const line = (xs, ys, at) => xs.map((x, i) => `${i ? "L" : "M"}${at.px(x).toFixed(1)} ${at.py(ys[i]).toFixed(1)}`).join("");

/* ---------------------------------------------------------------- the search */

function explainCells() {
  const told = $("heat-readout");
  const show = (button) => {
    const folds = button.dataset.folds.split(" ");
    const epochs = button.dataset.epochs.split(" ");
    told.textContent = `${button.dataset.name}: ${folds.map((score, i) => `fold ${i + 1} ${score} (${epochs[i]} epochs)`).join(", ")}.`;
  };
  document.querySelectorAll("#heat button").forEach((button) => {
    for (const event of ["pointerenter", "focus", "click"]) button.addEventListener(event, () => show(button));
  });
  told.hidden = false;
  told.textContent = "Point at a cell to see its folds.";
}

/* ---------------------------------------------------------------- the threshold */

function moveThreshold() {
  const tables = read("threshold-data");
  const [choice, slider] = [$("threshold-model"), $("threshold-value")];
  const count = ({ label, probability }, threshold) => {
    const cells = { tn: 0, fp: 0, fn: 0, tp: 0 };
    probability.forEach((p, i) => { cells[(p > threshold ? (label[i] ? "tp" : "fp") : (label[i] ? "fn" : "tn"))] += 1; });
    return cells;
  };
  const rates = (cells) => ({ x: cells.fp / (cells.fp + cells.tn), y: cells.tp / (cells.tp + cells.fn) });
  const share = (part, whole) => (whole ? (part / whole).toFixed(4) : "-");

  function corners(table) {
    const all = [...new Set(table.probability)].sort((a, b) => b - a);
    return [{ x: 0, y: 0 }, ...all.map((p) => rates(count(table, p - 1e-9)))];
  }
  const curves = Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, corners(table)]));

  function show() {
    const threshold = Number(slider.value);
    const cells = count(tables[choice.value], threshold);
    for (const [name, value] of Object.entries(cells)) document.querySelector(`[data-cell="${name}"]`).textContent = value.toLocaleString("en");
    const facts = {
      accuracy: share(cells.tp + cells.tn, tables[choice.value].label.length),
      sensitivity: share(cells.tp, cells.tp + cells.fn),
      specificity: share(cells.tn, cells.tn + cells.fp),
      precision: share(cells.tp, cells.tp + cells.fp),
    };
    for (const [name, text] of Object.entries(facts)) document.querySelector(`[data-fact="${name}"]`).textContent = text;
    $("threshold-shown").textContent = threshold.toFixed(2);
    draw(rates(cells));
  }

  function draw(point) {
    const at = axes($("threshold-roc"), "ROC curve, upper left corner",
      { from: -0.004, to: 0.2, ticks: [[0, "0"], [0.1, "0.1"], [0.2, "0.2"]], name: "white wines called red (share)" },
      { from: 0.8, to: 1.004, ticks: [[0.8, "0.8"], [0.9, "0.9"], [1, "1"]] });
    const seen = curves[choice.value].filter(({ x, y }) => x <= 0.2 && y >= 0.8);
    add($("threshold-roc"), "path", { d: line(seen.map((c) => c.x), seen.map((c) => c.y), at), class: "curve", style: `stroke: var(--${choice.value})` });
    const outside = point.x > 0.2 || point.y < 0.8;
    const place = { cx: at.px(Math.min(point.x, 0.2)), cy: at.py(Math.max(point.y, 0.8)), r: 6 };
    add($("threshold-roc"), "circle", { ...place, class: `point ${outside ? "outside" : ""}` });
    add($("threshold-roc"), "text", { x: at.box.right, y: at.box.bottom - 8, "text-anchor": "end" }, outside ? "the point is outside this corner" : "");
  }

  choice.addEventListener("change", show);
  slider.addEventListener("input", show);
  for (const id of ["threshold-controls", "threshold-facts", "threshold-roc"]) $(id).removeAttribute("hidden");
  // Only now: without script the table shows the metrics, which name their source.
  slider.value = "0.5";
  show();
}

explainCells();
moveThreshold();
})();
