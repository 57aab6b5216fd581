(() => {
"use strict";

const $ = (id) => document.getElementById(id);
const read = (id) => JSON.parse($(id).textContent);
const still = window.matchMedia("(prefers-reduced-motion: reduce)");
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

const EPOCH_TICKS = [[1, "1"], [10, "10"], [100, "100"], [1000, "1,000"], [1e4, "10,000"], [1e5, "100,000"], [1e6, "1,000,000"]];
const epochTicks = (last) => EPOCH_TICKS.filter(([value]) => value <= last);

/* ---------------------------------------------------------------- the neuron */

const neuron = read("neuron-data");
const X = neuron.X;
const Y = neuron.y;
const EPS = 2 ** -52; // as numpy's: keeps log away from 0

const raw = (w, b, row) => row[0] * w[0] + row[1] * w[1] + row[2] * w[2] + b;
const sigmoid = (x) => 1 / (1 + Math.exp(-Math.min(Math.max(x, -500), 500)));
const forward = (w, b) => X.map((row) => sigmoid(raw(w, b, row)));

function crossEntropy(probabilities) {
  let sum = 0;
  probabilities.forEach((p, i) => {
    const a = Math.min(Math.max(p, EPS), 1 - EPS);
    sum += Y[i] * Math.log(a) + (1 - Y[i]) * Math.log(1 - a);
  });
  return -sum / X.length;
}

/* One epoch of gradient descent, in place. */
function step(state, rate) {
  const slope = [0, 0, 0];
  let slopeOfBias = 0;
  forward(state.w, state.b).forEach((p, i) => {
    const error = p - Y[i];
    for (let column = 0; column < 3; column += 1) slope[column] += X[i][column] * error;
    slopeOfBias += error;
  });
  for (let column = 0; column < 3; column += 1) state.w[column] -= rate * (slope[column] / X.length);
  state.b -= rate * (slopeOfBias / X.length);
  state.epoch += 1;
}

function drawRows(svg, probabilities, title) {
  const at = axes(svg, title,
    { from: -0.6, to: 5.6, ticks: Y.map((_, i) => [i, String(i)]), name: "row (filled: y is 1)" },
    { from: -0.06, to: 1.06, ticks: [[0, "0"], [0.5, "0.5"], [1, "1"]] });
  add(svg, "line", { x1: at.box.left, x2: at.box.right, y1: at.py(0.5), y2: at.py(0.5), class: "border" });
  probabilities.forEach((p, i) => {
    const right = (p > 0.5) === (Y[i] === 1);
    add(svg, "line", { x1: at.px(i), x2: at.px(i), y1: at.py(0.5), y2: at.py(p), class: `stem ${right ? "" : "wrong"}` });
    add(svg, "circle", { cx: at.px(i), cy: at.py(p), r: 7, class: `dot y${Y[i]} ${right ? "" : "wrong"}` });
  });
}

/* The slider over the pipeline's own run. */
function followPath() {
  const path = neuron.path;
  const slider = $("neuron-epoch");
  const last = path.epoch.length - 1;
  const shownEpochs = path.epoch.map((epoch) => epoch.toLocaleString("en"));
  let playing = null;

  const highest = Math.max(...path.loss, ...path.held_out_loss) * 1.05;
  const at = axes($("neuron-loss"), "Loss (solid) and held-out loss (dashed)",
    { from: 1, to: path.epoch[last], log: true, ticks: epochTicks(path.epoch[last]).filter((_, i, all) => all.length < 6 || i % 2 === 1 || i === 0), name: "epoch" },
    { from: 0, to: highest, ticks: [0, 0.25, 0.5, 0.75, 1].filter((v) => v <= highest).map((v) => [v, String(v)]) });
  const trained = path.epoch.slice(1);
  add($("neuron-loss"), "path", { d: line(trained, path.held_out_loss.slice(1), at), class: "curve dashed" });
  add($("neuron-loss"), "path", { d: line(trained, path.loss.slice(1), at), class: "curve" });
  const point = add($("neuron-loss"), "circle", { r: 6, class: "point" });

  /* Writes a number where another one of the same column stood, its source with it. */
  const put = (cell, column, row) => {
    const value = path[column][row];
    const shown = cell.firstElementChild;
    shown.dataset.source = `data/handmade_path.csv#${column}@${row}`;
    shown.textContent = column === "epoch" ? shownEpochs[row] : value.toFixed(4);
  };

  function show(row) {
    document.querySelectorAll("#neuron-demo [data-column]").forEach((cell) => put(cell, cell.dataset.column, row));
    const probabilities = Y.map((_, i) => path[`probability_${i}`][row]);
    document.querySelectorAll("#neuron-demo [data-label]").forEach((cell, i) => { cell.textContent = probabilities[i] > 0.5 ? "1" : "0"; });
    drawRows($("neuron-rows"), probabilities, "Probability of each row");
    point.setAttribute("cx", at.px(Math.max(path.epoch[row], 1)));
    point.setAttribute("cy", at.py(path.loss[row]));
    $("neuron-epoch-shown").textContent = shownEpochs[row];
    slider.setAttribute("aria-valuetext", `epoch ${shownEpochs[row]}, loss ${path.loss[row].toFixed(4)}`);
  }

  function stop() {
    clearInterval(playing);
    playing = null;
    $("neuron-play").textContent = "Play";
    $("neuron-status").textContent = `epoch ${shownEpochs[slider.value]}, loss ${path.loss[slider.value].toFixed(4)}`;
  }

  function go(row) {
    slider.value = row;
    show(Number(slider.value));
  }

  $("neuron-play").addEventListener("click", () => {
    if (playing) return stop();
    if (Number(slider.value) === last) go(0);
    $("neuron-play").textContent = "Pause";
    playing = setInterval(() => {
      go(Number(slider.value) + (still.matches ? 20 : 1));
      if (Number(slider.value) === last) stop();
    }, still.matches ? 800 : 50);
  });
  slider.addEventListener("input", () => { if (playing) stop(); show(Number(slider.value)); });
  document.querySelectorAll("[data-jump]").forEach((button) => button.addEventListener("click", () => { if (playing) stop(); go(Number(button.dataset.jump)); stop(); }));
  for (const id of ["neuron-controls", "neuron-rows", "neuron-loss"]) $(id).removeAttribute("hidden");
  show(Number(slider.value));
}

/* The same descent, computed here. */
function train() {
  const own = [0, 1, 2, 3].map((i) => $(`live-w${i}`));
  const path = neuron.path;
  const notebook = [path.weight_X1[0], path.weight_X2[0], path.weight_X3[0], path.bias[0]];
  const starts = { notebook, zeros: [0, 0, 0, 0], large: [5, 5, 5, 5] };
  let state, curve, rises, running = null;

  const record = () => {
    const loss = crossEntropy(forward(state.w, state.b));
    if (curve.loss.length && loss > curve.loss.at(-1) + 1e-12) rises += 1;
    curve.epoch.push(state.epoch);
    curve.loss.push(loss);
  };

  function reset() {
    if (running) stop();
    const start = starts[$("live-start").value];
    if (start) own.forEach((input, i) => { input.value = start[i]; });
    const given = start ?? own.map((input) => Number(input.value) || 0);
    state = { w: given.slice(0, 3), b: given[3], epoch: 0 };
    curve = { epoch: [], loss: [] };
    rises = 0;
    record();
    show();
    $("live-verdict").textContent = "Not trained yet.";
  }

  const rate = () => Number($("live-rate").value);
  const bad = (input) => !input.value || !input.validity.valid;

  function refused() {
    const wrong = [$("live-rate"), $("live-epochs"), ...own].find(bad);
    if (!wrong) return false;
    const name = document.querySelector(`label[for="${wrong.id}"]`).textContent;
    $("live-verdict").textContent = `The ${name} cannot be used: it is a ${wrong.step === "1" ? "whole " : ""}number from ${wrong.min} to ${wrong.max}.`;
    wrong.focus();
    return true;
  }

  /* Every curve is drawn with some hundred points: all when young, then ever fewer. */
  function thinned() {
    const keep = [];
    let next = 1;
    curve.epoch.forEach((epoch, i) => {
      if (epoch >= next || i === curve.epoch.length - 1) { keep.push(i); next = Math.max(epoch + 1, epoch * 1.02); }
    });
    return keep;
  }

  function show() {
    const losses = curve.loss;
    const span = Math.max(curve.epoch.at(-1), 10);
    const largest = losses.reduce((a, b) => Math.max(a, b), 0);
    const high = Math.max(largest * 1.05, 0.8);
    const ticks = (high > 4 ? [0, 5, 10, 15, 20, 25, 30, 35] : high > 1 ? [0, 1, 2, 3, 4] : [0, 0.25, 0.5, 0.75, 1]).filter((v) => v <= high);
    const at = axes($("live-loss"), "Loss", { from: 1, to: span, log: true, ticks: epochTicks(span).filter((_, i, all) => all.length < 6 || i % 2 === 1 || i === 0), name: "epoch" }, { from: 0, to: high, ticks: ticks.map((v) => [v, String(v)]) });
    const keep = thinned();
    if (keep.length > 1) add($("live-loss"), "path", { d: line(keep.map((i) => curve.epoch[i]), keep.map((i) => losses[i]), at), class: "curve" });
    add($("live-loss"), "circle", { cx: at.px(Math.max(curve.epoch.at(-1), 1)), cy: at.py(losses.at(-1)), r: 5, class: "point" });
    drawRows($("live-rows"), forward(state.w, state.b), "Probability of each row");
    const values = [state.epoch, losses.at(-1), ...state.w, state.b];
    document.querySelectorAll("[data-live]").forEach((cell, i) => {
      cell.textContent = i ? values[i].toFixed(6) : values[i].toLocaleString("en");
      cell.dataset.value = String(values[i]);
    });
  }

  /* What the curve shows, by a rule that the sentence states. */
  function verdict() {
    const [first, last] = [curve.loss[0], curve.loss.at(-1)];
    if (last > first) return `It diverges: the loss ended higher than it began (${first.toFixed(4)}, then ${last.toFixed(4)}). Take a smaller learning rate.`;
    if (rises) return `It overshoots: the loss rose in ${rises.toLocaleString("en")} of ${state.epoch.toLocaleString("en")} epochs. A smaller learning rate goes down in each.`;
    if (first - last < 0.05 * first) return `It crawls: after ${state.epoch.toLocaleString("en")} epochs the loss has lost less than 5 % of what it was. Take a larger learning rate, or more epochs.`;
    return `It converges: the loss fell in each of ${state.epoch.toLocaleString("en")} epochs, from ${first.toFixed(4)} to ${last.toFixed(4)}.`;
  }

  function stop() {
    cancelAnimationFrame(running);
    running = null;
    $("live-run").textContent = "Train";
    show();
    $("live-verdict").textContent = verdict();
  }

  $("live-run").addEventListener("click", () => {
    if (running) return stop();
    if (refused()) return;
    const target = Number($("live-epochs").value);
    if (state.epoch >= target || $("live-start").value === "own") reset();
    $("live-run").textContent = "Pause";
    $("live-verdict").textContent = "Training ...";
    const slice = () => {
      const until = performance.now() + 12; // the page stays alive
      while (state.epoch < target && performance.now() < until) { step(state, rate()); record(); }
      if (state.epoch >= target) return stop();
      show();
      running = requestAnimationFrame(slice);
    };
    running = requestAnimationFrame(slice);
  });
  $("live-step").addEventListener("click", () => {
    if (running || refused()) return;
    step(state, rate());
    record();
    show();
    $("live-verdict").textContent = verdict();
  });
  $("live-reset").addEventListener("click", reset);
  $("live-start").addEventListener("change", reset);
  own.forEach((input) => input.addEventListener("input", () => { $("live-start").value = "own"; if (!running && !bad(input)) reset(); }));
  $("live").hidden = false;
  $("live-absent").hidden = true;
  reset();
}

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

followPath();
train();
explainCells();
moveThreshold();
})();
