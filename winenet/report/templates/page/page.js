// What moves on the page: contents, the search's cells, pairs of models, epochs, the threshold.
(() => {
  "use strict";
  const $ = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const read = (id) => JSON.parse($(id).textContent);
  const show = (...ids) => ids.forEach((id) => $(id).removeAttribute("hidden")); // SVG elements have no .hidden
  const grouped = (number) => number.toLocaleString("en");
  const SVG = "http://www.w3.org/2000/svg";

  // ---- drawing

  function add(parent, name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  // Draws axes with ticks and returns what turns values into places. An axis: from, to, ticks
  // ([value, text]), name, log (whether it is logarithmic).
  function axes(svg, title, x, y, room = {}) {
    svg.replaceChildren();
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    const box = { left: 48, right: width - 14, top: 30, bottom: height - 42, ...room };
    const scale = (axis, low, high) => {
      const turn = axis.log ? Math.log10 : (value) => value;
      const span = turn(axis.to) - turn(axis.from);
      return (value) => low + ((turn(value) - turn(axis.from)) / span) * (high - low);
    };
    const px = scale(x, box.left, box.right);
    const py = scale(y, box.bottom, box.top);
    add(svg, "text", { x: 12, y: 18, class: "title" }, title);
    for (const [value, text] of x.ticks) {
      add(svg, "line", { x1: px(value), x2: px(value), y1: box.top, y2: box.bottom, class: "grid" });
      add(svg, "text", { x: px(value), y: box.bottom + 15, "text-anchor": "middle" }, text);
    }
    for (const [value, text] of y.ticks) {
      add(svg, "line", { x1: box.left, x2: box.right, y1: py(value), y2: py(value), class: "grid" });
      add(svg, "text", { x: box.left - 6, y: py(value) + 4, "text-anchor": "end" }, text);
    }
    add(svg, "path", { d: `M${box.left} ${box.top}V${box.bottom}H${box.right}`, class: "axis" });
    add(svg, "text", { x: (box.left + box.right) / 2, y: height - 8, "text-anchor": "middle" }, x.name);
    return { px, py, box };
  }

  // Gives a drawing as many units as it has pixels, so that its type keeps its size.
  function fit(svg, height) {
    svg.setAttribute("viewBox", `0 0 ${Math.max(280, svg.clientWidth)} ${height}`);
  }

  const line = (xs, ys, at) =>
    xs.map((x, i) => `${i ? "L" : "M"}${at.px(x).toFixed(1)} ${at.py(ys[i]).toFixed(1)}`).join("");

  // ---- contents: where the reader is

  function followReading() {
    const links = new Map(all("body > nav a").map((link) => [link.hash.slice(1), link]));
    const sections = all("main > section");
    const mark = () => {
      const line = window.innerHeight / 3;
      const here = sections.filter((section) => section.getBoundingClientRect().top < line).at(-1);
      for (const [id, link] of links) {
        if (here && here.id === id) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    };
    new IntersectionObserver(mark, { rootMargin: "-33% 0px -66% 0px" }).observe(sections[0]);
    const seen = new IntersectionObserver(mark, { rootMargin: "-33% 0px -66% 0px" });
    sections.forEach((section) => seen.observe(section));
  }

  // Calls `tell` with the button that is pointed at, focused or touched.
  // A pointer at rest, under which the page scrolls, must not take the word from the focus.
  function explain(selector, tell) {
    let explained;
    const once = (button) => {
      if (button !== explained) tell(button);
      explained = button;
    };
    all(selector).forEach((button) => {
      button.addEventListener("pointermove", (event) => {
        if (event.movementX || event.movementY) once(button);
      });
      for (const event of ["focus", "click"]) button.addEventListener(event, () => once(button));
    });
    return once;
  }

  // ---- the search: the folds of a cell

  function explainCells() {
    if (!$("heat")) return; // other than two parameters were searched
    const scores = (button) => button.dataset.folds.split(" ").map(Number);
    const every = all("#heat button").flatMap(scores);
    const [least, most] = [Math.min(...every), Math.max(...every)];
    const [words, svg] = [$("heat-readout").querySelector("p"), $("heat-readout").querySelector("svg")];
    const places = [0, 1, 2, 3].map((i) => least + ((most - least) * i) / 3);

    const tell = explain("#heat button", (button) => {
      const folds = scores(button);
      const epochs = button.dataset.epochs.split(" ");
      const foldTexts = button.dataset.folds.split(" ").map((score, i) => `fold ${i + 1} ${score} (${epochs[i]} epochs)`);
      words.textContent = `${button.dataset.name}: mean ${button.textContent}; ${foldTexts.join(", ")}.`;
      fit(svg, 104);
      const at = axes(svg, "", { from: least, to: most + 1e-9, ticks: places.map((value) => [value, value.toFixed(4)]), name: "score of a fold (dots) and their mean (line)" },
        { from: 0, to: 1, ticks: [] }, { left: 26, right: svg.viewBox.baseVal.width - 26, top: 8, bottom: 60 });
      const mean = folds.reduce((a, b) => a + b) / folds.length;
      add(svg, "line", { x1: at.px(mean), x2: at.px(mean), y1: 10, y2: 60, class: "curve" });
      folds.forEach((score, i) => {
        const same = folds.slice(0, i).filter((other) => other === score).length;
        add(svg, "circle", { cx: at.px(score), cy: 48 - 15 * same, r: 6, class: "point" });
      });
    });
    show("heat-readout", "heat-hint");
    words.textContent = "No cell chosen yet.";
    const best = document.querySelector("#heat button.best");
    if (best) tell(best);
  }

  // ---- pairs of models

  function explainPairs() {
    const readout = $("matrix-readout");
    explain("#matrix button", (button) => { readout.textContent = button.querySelector("[data-source='report/report.md']").textContent; });
    readout.textContent = "Point at a cell, or reach it with the Tab key, to read what it means.";
    readout.hidden = false;
  }

  // ---- the networks, epoch by epoch

  function followEpochs() {
    const networks = read("followed-data");
    const [choice, slider] = [$("followed-model"), $("followed-epoch")];
    let marks = [];

    const losses = (columns) => [...columns.training_loss, ...columns.held_out_loss].filter((value) => value > 0);
    const smallest = Math.min(...Object.values(networks).flatMap(({ columns }) => losses(columns)));
    const largest = Math.max(...Object.values(networks).flatMap(({ columns }) => losses(columns)));
    // Powers of ten; where the losses reach over too few of them, twice and five times these, too.
    function decades(steps) {
      const ticks = [];
      for (let power = Math.floor(Math.log10(smallest)); 10 ** power <= largest; power += 1) {
        for (const step of steps) {
          const value = Number((step * 10 ** power).toPrecision(1));
          if (value >= smallest && value <= largest) ticks.push([value, String(value)]);
        }
      }
      return ticks;
    }
    const lossTicks = [[1], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]].map(decades).find((ticks) => ticks.length > 1) ?? [[largest, largest.toPrecision(2)]];

    function epochTicks(last) {
      const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((step) => last / step <= 5) ?? last;
      const ticks = [];
      for (let epoch = step; epoch <= last; epoch += step) ticks.push([epoch, grouped(epoch)]);
      return ticks;
    }

    function curves(svg, title, value, y) {
      const { columns, stops } = networks[choice.value];
      const last = columns.epoch.at(-1);
      const at = axes(svg, title, { from: 0, to: last, ticks: epochTicks(last), name: "epoch" }, y);
      const colour = `stroke: ${choice.selectedOptions[0].dataset.colour}`;
      const inside = (ys) => ys.map((value) => Math.max(value, y.from));
      add(svg, "path", { d: line(columns.epoch, inside(columns[`training_${value}`]), at), class: "curve training", style: colour });
      add(svg, "path", { d: line(columns.epoch, inside(columns[`held_out_${value}`]), at), class: "curve", style: colour });
      const best = columns.epoch.indexOf(stops.best);
      add(svg, "circle", { cx: at.px(stops.best), cy: at.py(Math.max(columns[`held_out_${value}`][best], y.from)), r: 5, class: "lowest", style: `fill: ${choice.selectedOptions[0].dataset.colour}` });
      const now = add(svg, "line", { y1: at.box.top, y2: at.box.bottom, class: "now" });
      const point = add(svg, "circle", { r: 5, class: "point" });
      return (row) => {
        const x = at.px(columns.epoch[row]);
        now.setAttribute("x1", x);
        now.setAttribute("x2", x);
        point.setAttribute("cx", x);
        point.setAttribute("cy", at.py(Math.max(columns[`held_out_${value}`][row], y.from)));
      };
    }

    function draw() {
      const { columns, stops } = networks[choice.value];
      slider.max = columns.epoch.length;
      const errors = 1 - columns.held_out_accuracy[columns.epoch.indexOf(stops.best)];
      const step = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2].find((step) => 1.1 * step >= errors) ?? 0.25;
      const floor = 1 - 3 * step;
      const ticks = [0, 1, 2, 3].map((i) => floor + step * i);
      marks = [
        curves($("followed-loss"), "Loss (cross-entropy)", "loss", { from: smallest * 0.9, to: largest * 1.05, log: true, ticks: lossTicks }),
        curves($("followed-accuracy"), "Accuracy, the axis cut off below", "accuracy", { from: floor, to: 1, ticks: ticks.map((value) => [value, String(Number(value.toFixed(3)))]) }),
      ];
      move();
    }

    function move() {
      const { columns, stops } = networks[choice.value];
      const row = Number(slider.value) - 1;
      marks.forEach((mark) => mark(row));
      all("#followed-facts [data-column]").forEach((cell) => {
        cell.dataset.source = `plots/curves.csv#${cell.dataset.column}@model=${choice.value},epoch=${columns.epoch[row]}`;
        cell.dataset.digits = "4";
        cell.textContent = columns[cell.dataset.column][row].toFixed(4);
      });
      const epoch = columns.epoch[row];
      $("followed-epoch-text").textContent = grouped(epoch);
      slider.setAttribute("aria-valuetext", `epoch ${grouped(epoch)}, held-out loss ${columns.held_out_loss[row].toFixed(4)}`);
      all("[data-stop]").forEach((button) => button.setAttribute("aria-pressed", String(stops[button.dataset.stop] === epoch)));
    }

    const go = (stop) => {
      const { columns, stops } = networks[choice.value];
      slider.value = String(columns.epoch.indexOf(stops[stop]) + 1);
      move();
      $("followed-status").textContent = slider.getAttribute("aria-valuetext");
    };
    choice.addEventListener("change", draw);
    slider.addEventListener("input", move);
    all("[data-stop]").forEach((button) => button.addEventListener("click", () => go(button.dataset.stop)));
    show("followed-controls", "followed-charts", "followed-legend", "followed-facts");
    draw();
    go("best");
    $("followed-status").textContent = "";
  }

  // ---- the threshold

  function moveThreshold() {
    const tables = read("threshold-data");
    const [choice, slider] = [$("threshold-model"), $("threshold-value")];
    const { rows, positive, negative } = $("threshold-controls").dataset; // how they are called
    const count = ({ label, probability }, threshold) => {
      const cells = { tn: 0, fp: 0, fn: 0, tp: 0 };
      probability.forEach((p, i) => {
        if (p > threshold) cells[label[i] ? "tp" : "fp"] += 1;
        else cells[label[i] ? "fn" : "tn"] += 1;
      });
      return cells;
    };
    const rates = ({ tn, fp, fn, tp }) => ({ x: fp / (fp + tn), y: tp / (tp + fn) });
    const share = (part, whole) => (whole ? (part / whole).toFixed(4) : "-");

    // Goes down the sorted probabilities once; equal ones are one corner.
    function corners({ label, probability }) {
      const order = probability.map((_, i) => i).sort((a, b) => probability[b] - probability[a]);
      const [ones, zeros] = [label.filter((code) => code).length, label.filter((code) => !code).length];
      const points = [{ x: 0, y: 0 }];
      let [tp, fp] = [0, 0];
      order.forEach((row, i) => {
        if (label[row]) tp += 1; else fp += 1;
        if (probability[row] !== probability[order[i + 1]]) points.push({ x: fp / zeros, y: tp / ones });
      });
      return points;
    }
    const curves = Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, corners(table)]));

    const BINS = 25;
    function bins({ label, probability }) {
      const counts = [new Array(BINS).fill(0), new Array(BINS).fill(0)];
      probability.forEach((p, i) => { counts[label[i]][Math.min(Math.floor(p * BINS), BINS - 1)] += 1; });
      return counts;
    }

    // The slider's steps of 0.01 miss the model's own threshold, at which it starts.
    let [threshold, counted] = [0.5, choice.value];

    function move() {
      const table = tables[choice.value];
      const own = threshold === table.threshold; // the probabilities here are rounded
      const cells = own ? table.counts : count(table, threshold);
      for (const [name, value] of Object.entries(cells)) {
        const cell = document.querySelector(`[data-cell="${name}"]`).firstElementChild;
        cell.textContent = grouped(value);
        // Only at the model's own threshold the counts stand in the metrics as well.
        if (own) cell.dataset.source = `${table.scores}confusion_matrix.${name}`;
        else delete cell.dataset.source;
      }
      const { tn, fp, fn, tp } = cells;
      const facts = {
        accuracy: share(tp + tn, table.label.length),
        errors: grouped(fp + fn),
        sensitivity: share(tp, tp + fn),
        specificity: share(tn, tn + fp),
        precision: share(tp, tp + fp),
      };
      for (const [name, text] of Object.entries(facts)) document.querySelector(`[data-fact="${name}"]`).textContent = text;
      const text = threshold === Number(slider.value) ? threshold.toFixed(2) : threshold.toPrecision(3);
      $("threshold-text").textContent = text;
      $("threshold-confusion").caption.textContent = `Test ${rows} of ${choice.selectedOptions[0].textContent.trim()}, counted`;
      slider.setAttribute("aria-valuetext", `${text}: ${facts.errors} errors, ${grouped(fp)} ${negative} ${rows} called ${positive}, ${grouped(fn)} ${positive} ${rows} called ${negative}`);
      drawCurve(rates(cells));
      drawRows();
    }

    function drawCurve(point) {
      const svg = $("threshold-roc");
      const [edge, floor] = [0.2, 0.8];
      const at = axes(svg, "ROC curve, upper left corner",
        { from: -0.004, to: edge, ticks: [[0, "0"], [0.1, "0.1"], [0.2, "0.2"]], name: `share of ${negative} ${rows} called ${positive}` },
        { from: floor, to: 1.004, ticks: [[0.8, "0.8"], [0.9, "0.9"], [1, "1"]] });
      add(svg, "text", { x: at.box.left + 10, y: at.box.bottom - 8 }, `up: share of ${positive} ${rows} found`);
      // What is below the corner is drawn on its edge, and the curve ends where it leaves it.
      const within = curves[choice.value].filter(({ x }) => x <= edge);
      const steps = [...within, { x: edge, y: within.at(-1).y }].map(({ x, y }) => ({ x, y: Math.max(y, floor) }));
      add(svg, "path", { d: line(steps.map((c) => c.x), steps.map((c) => c.y), at), class: "curve", style: `stroke: ${choice.selectedOptions[0].dataset.colour}` });
      const outside = point.x > edge || point.y < floor;
      add(svg, "circle", { cx: at.px(Math.min(point.x, edge)), cy: at.py(Math.max(point.y, floor)), r: 6.5, class: `point ${outside ? "outside" : ""}` });
      if (outside) add(svg, "text", { x: at.box.right - 6, y: at.box.bottom - 26, "text-anchor": "end" }, "the point is outside this corner");
    }

    // Rows of class 1 upwards, the others downwards; square roots, so that a single row can be seen.
    function drawRows() {
      const svg = $("threshold-rows");
      fit(svg, 190);
      const [zeros, ones] = bins(tables[choice.value]);
      const high = Math.sqrt(Math.max(...zeros, ...ones));
      const marks = [-high * high, 0, high * high].map((value) => [Math.sign(value) * Math.sqrt(Math.abs(value)), grouped(Math.abs(value))]);
      const says = `${rows.charAt(0).toUpperCase()}${rows.slice(1)}: ${positive} up, ${negative} down`;
      const room = svg.viewBox.baseVal.width / 8; // letters
      const at = axes(svg, [`${says} (√ scale)`, says, `${positive} up`].find((text) => text.length < room) ?? "",
        { from: 0, to: 1, ticks: [0, 0.25, 0.5, 0.75, 1].map((value) => [value, String(value)]), name: `probability of ${positive}` },
        { from: -high, to: high, ticks: marks });
      [[ones, "is-positive", 1], [zeros, "is-negative", -1]].forEach(([counts, kind, up]) => counts.forEach((number, i) => {
        if (!number) return;
        const [zero, end] = [at.py(0), at.py(up * Math.sqrt(number))];
        add(svg, "rect", { x: at.px(i / BINS) + 1, width: at.px(1 / BINS) - at.px(0) - 2, y: Math.min(zero, end), height: Math.abs(end - zero), class: kind });
      }));
      add(svg, "line", { x1: at.px(threshold), x2: at.px(threshold), y1: at.box.top, y2: at.box.bottom, class: "now" });
    }

    function start() {
      threshold = tables[choice.value].threshold;
      slider.value = String(threshold);
      move();
    }

    choice.addEventListener("change", () => {
      if (threshold === tables[counted].threshold) start(); else move();
      counted = choice.value;
    });
    slider.addEventListener("input", () => { threshold = Number(slider.value); move(); });
    window.addEventListener("resize", drawRows);
    slider.addEventListener("change", () => { $("threshold-status").textContent = slider.getAttribute("aria-valuetext"); });
    show("threshold-controls", "threshold-facts", "threshold-roc", "threshold-rows");
    start();
  }

  followReading();
  explainCells();
  explainPairs();
  followEpochs();
  if ($("threshold-data")) moveThreshold(); // with two classes
})();
