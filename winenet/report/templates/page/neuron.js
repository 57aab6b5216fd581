// The neuron by hand: a slider over the run that the pipeline kept, and the same training live.
(() => {
  "use strict";
  const source = document.getElementById("neuron-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const path = data.path;
  const last = data.epochs[data.epochs.length - 1];
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  // The network, as handmade.py has it.

  const EPS = 2 ** -52; // the loss keeps this far from 0 and 1
  const sigmoid = (z) => 1 / (1 + Math.exp(-Math.min(500, Math.max(-500, z))));
  const raw = (bias, weights, row) => row.reduce((sum, x, i) => sum + x * weights[i], 0) + bias;
  const rowLoss = (a, label) => {
    const kept = Math.min(1 - EPS, Math.max(EPS, a));
    return label ? -Math.log(kept) : -Math.log(1 - kept);
  };
  const meanLoss = (bias, weights, set) =>
    set.rows.reduce(
      (sum, row, i) => sum + rowLoss(sigmoid(raw(bias, weights, row)), set.labels[i]), 0,
    ) / set.rows.length;

  class Training {
    constructor({ rows, labels, bias, weights, learningRate, epochs }) {
      Object.assign(this, { rows, labels, bias, learningRate });
      this.weights = [...weights];
      this.epoch = 0;
      this.losses = new Float64Array(epochs + 1); // entry e belongs to the parameters of epoch e
      this.losses[0] = meanLoss(bias, weights, this);
    }

    gradient() {
      const slope = { bias: 0, weights: this.weights.map(() => 0) };
      const share = 1 / this.rows.length;
      this.rows.forEach((row, i) => {
        const dz = sigmoid(raw(this.bias, this.weights, row)) - this.labels[i];
        slope.bias += dz;
        row.forEach((x, j) => { slope.weights[j] += x * dz; });
      });
      slope.bias *= share;
      slope.weights = slope.weights.map((value) => value * share);
      return slope;
    }

    step() {
      const slope = this.gradient();
      this.bias -= this.learningRate * slope.bias;
      this.weights = this.weights.map((w, j) => w - this.learningRate * slope.weights[j]);
      this.epoch += 1;
      this.losses[this.epoch] = meanLoss(this.bias, this.weights, this);
    }
  }

  // What the charts and tables show of a network at an epoch.
  const stateOf = (epoch, bias, weights, labels) => {
    const training = { rows: data.training.rows, labels };
    const z = training.rows.map((row) => raw(bias, weights, row));
    const state = {
      epoch, bias, weights, labels, z,
      probabilities: z.map(sigmoid),
      loss: meanLoss(bias, weights, training),
      heldOutLoss: meanLoss(bias, weights, data.held_out),
    };
    return withVerdicts(state);
  };
  const withVerdicts = (state) => {
    const predicted = state.probabilities.map((a) => Number(a > 0.5));
    const right = predicted.filter((label, i) => label === state.labels[i]).length;
    return { ...state, predicted, right };
  };
  const stateOfPath = (index) => {
    return withVerdicts({
      epoch: path.epoch[index],
      bias: path.bias[index],
      weights: path.weights[index],
      labels: data.training.labels,
      z: path.raw[index],
      probabilities: path.probabilities[index],
      loss: path.loss[index],
      heldOutLoss: path.held_out_loss[index],
    });
  };

  // Words and numbers.

  const fixed = (value, digits = 4) => {
    if (!Number.isFinite(value)) return "not finite";
    const text = value.toFixed(digits);
    return Number(text) === 0 ? text.replace("-", "") : text;
  };
  const whole = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  const rowsRight = (state) => `${state.right} of ${state.labels.length}`;

  // Drawing: each chart is a function of its width and of what it shows, drawn anew each time.

  const SVG = "http://www.w3.org/2000/svg";
  const add = (parent, name, attributes = {}, text = null) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== null) node.textContent = text;
    parent.append(node);
    return node;
  };
  const canvas = (width, height) => {
    const svg = document.createElementNS(SVG, "svg");
    const size = { width, height, viewBox: `0 0 ${width} ${height}` };
    for (const [key, value] of Object.entries({ ...size, "aria-hidden": "true" })) {
      svg.setAttribute(key, value);
    }
    return svg;
  };
  const place = (value) => value.toFixed(1);
  const scale = (from, to, start, end) => (value) =>
    start + ((Math.min(to, Math.max(from, value)) - from) / (to - from)) * (end - start);

  const dot = (svg, x, y, label) => {
    const r = 5.5;
    return label
      ? add(svg, "circle", { cx: place(x), cy: place(y), r, class: "label-1" })
      : add(svg, "rect", {
        x: place(x - 5), y: place(y - 5), width: 10, height: 10, class: "label-0",
      });
  };

  const drawProbabilities = (width, state) => {
    const lineHeight = 27;
    const bottom = 8 + state.labels.length * lineHeight;
    const svg = canvas(width, bottom + 40);
    const x = scale(0, 1, 46, width - 70);
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
      add(svg, "line", {
        x1: place(x(tick)), x2: place(x(tick)), y1: 4, y2: bottom,
        class: tick === 0.5 ? "cut-off" : "grid",
      });
      add(svg, "text", { x: place(x(tick)), y: bottom + 15, class: "tick middle" }, String(tick));
    }
    add(svg, "text", { x: place(x(0.5)), y: bottom + 33, class: "axis middle" },
      "probability of label 1, cut at 0.5");
    state.probabilities.forEach((a, row) => {
      const y = 8 + (row + 0.5) * lineHeight;
      const label = state.labels[row];
      add(svg, "text", { x: 0, y: y + 4.5, class: "name" }, `row ${row}`);
      add(svg, "line", {
        x1: place(x(0.5)), x2: place(x(a)), y1: y, y2: y, class: `bar label-${label}`,
      });
      dot(svg, x(a), y, label);
      add(svg, "text", { x: width - 14, y: y + 4.5, class: "end number" }, fixed(a));
      if (state.predicted[row] !== label) {
        add(svg, "text", { x: width, y: y + 4.5, class: "end wrong" }, "✗");
      }
    });
    return svg;
  };

  const REACHES = [3, 6, 12, 25, 50, 100, 250, 500];
  const drawSigmoid = (width, state) => {
    const height = 210;
    const furthest = Math.max(...state.z.map(Math.abs));
    const reach = REACHES.find((reach) => reach >= furthest) ?? 500;
    const svg = canvas(width, height);
    const x = scale(-reach, reach, 36, width - 10);
    const y = scale(0, 1, height - 42, 10);
    for (const tick of [-reach, -reach / 2, 0, reach / 2, reach]) {
      add(svg, "line", { x1: place(x(tick)), x2: place(x(tick)), y1: y(1), y2: y(0), class: "grid" });
      add(svg, "text", { x: place(x(tick)), y: height - 26, class: "tick middle" }, String(tick));
    }
    for (const tick of [0, 0.5, 1]) {
      add(svg, "line", {
        x1: x(-reach), x2: x(reach), y1: place(y(tick)), y2: place(y(tick)),
        class: tick === 0.5 ? "cut-off" : "grid",
      });
      add(svg, "text", { x: 30, y: place(y(tick) + 4), class: "tick end" }, String(tick));
    }
    const points = Array.from({ length: 161 }, (_, i) => -reach + (i / 80) * reach);
    add(svg, "polyline", {
      points: points.map((z) => `${place(x(z))},${place(y(sigmoid(z)))}`).join(" "), class: "curve",
    });
    state.z.forEach((z, row) => dot(svg, x(z), y(sigmoid(z)), state.labels[row]));
    add(svg, "text", { x: place((x(-reach) + x(reach)) / 2), y: height - 6, class: "axis middle" },
      "raw prediction");
    return svg;
  };

  // Powers of ten from 1 to the last epoch; a loss curve lies over their logarithm.
  const decades = (to) => {
    const ticks = [];
    for (let tick = 1; tick <= to; tick *= 10) ticks.push(tick);
    return ticks;
  };
  const short = (epoch) => (epoch < 1000 ? String(epoch) : `${epoch / 1000}k`);
  const niceTop = (value) => [0.8, 1, 2, 5, 10, 20].find((top) => top >= value) ?? 40;

  // lines: {epochs, losses, style}; marks: {epoch, loss, style}; upTo: the last epoch.
  const drawLoss = (width, { lines, marks, upTo }) => {
    const height = 210;
    const svg = canvas(width, height);
    const most = Math.max(...lines.map((line) => line.losses.reduce((a, b) => Math.max(a, b), 0)));
    const top = niceTop(most);
    const end = Math.max(2, upTo);
    const log = scale(0, Math.log(end), 36, width - 10);
    const x = (epoch) => log(Math.log(Math.max(1, epoch)));
    const y = scale(0, top, height - 42, 10);
    for (const tick of decades(end)) {
      add(svg, "line", { x1: place(x(tick)), x2: place(x(tick)), y1: y(top), y2: y(0), class: "grid" });
      add(svg, "text", { x: place(x(tick)), y: height - 26, class: "tick middle" }, short(tick));
    }
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const tick = share * top;
      add(svg, "line", {
        x1: x(1), x2: x(end), y1: place(y(tick)), y2: place(y(tick)), class: "grid",
      });
      add(svg, "text", { x: 30, y: place(y(tick) + 4), class: "tick end" }, String(Number(tick.toFixed(2))));
    }
    for (const line of lines) {
      add(svg, "polyline", {
        points: line.epochs.map((epoch, i) => `${place(x(epoch))},${place(y(line.losses[i]))}`).join(" "),
        class: `curve ${line.style}`,
      });
    }
    for (const mark of marks) {
      if (mark.upright) {
        add(svg, "line", {
          x1: place(x(mark.epoch)), x2: place(x(mark.epoch)), y1: y(top), y2: y(0), class: "now",
        });
      } else {
        add(svg, "circle", {
          cx: place(x(mark.epoch)), cy: place(y(mark.loss)), r: 5, class: `point ${mark.style}`,
        });
      }
    }
    add(svg, "text", { x: place((x(1) + x(end)) / 2), y: height - 6, class: "axis middle" },
      "epoch, on a logarithmic scale");
    return svg;
  };

  const drawNeuron = (width, { state, row }) => {
    const height = 210;
    const svg = canvas(width, height);
    const inputs = ["1", ...data.features];
    const values = [1, ...data.training.rows[row]];
    const strengths = [state.bias, ...state.weights];
    const strongest = Math.max(1, ...strengths.map(Math.abs));
    const left = { x: 18, text: 42, edge: 138 }; // each input: its node, its product, its line
    const sum = { x: Math.max(left.edge + 36, width * 0.6), y: 92 };
    const out = { x: width - 24, y: 92 };
    const y = (i) => 26 + i * 44;
    strengths.forEach((strength, i) => {
      add(svg, "line", {
        x1: left.edge, y1: y(i), x2: place(sum.x), y2: sum.y,
        "stroke-width": place(1 + 7 * Math.sqrt(Math.abs(strength) / strongest)),
        class: strength < 0 ? "edge negative" : "edge",
      });
    });
    add(svg, "line", { x1: place(sum.x), y1: sum.y, x2: place(out.x), y2: out.y, class: "edge plain" });
    inputs.forEach((name, i) => {
      add(svg, "circle", { cx: left.x, cy: y(i), r: 17, class: "node" });
      add(svg, "text", { x: left.x, y: y(i) + 4.5, class: "name middle" }, name);
      add(svg, "text", { x: left.text, y: y(i) + 4.5, class: "number" },
        i === 0 ? fixed(strengths[i], 2) : `${fixed(values[i], 2)} × ${fixed(strengths[i], 2)}`);
    });
    add(svg, "circle", { cx: place(sum.x), cy: sum.y, r: 20, class: "node" });
    add(svg, "text", { x: place(sum.x), y: sum.y + 6, class: "name middle large" }, "Σ");
    add(svg, "text", { x: place(sum.x), y: sum.y + 40, class: "number middle halo" }, fixed(state.z[row], 2));
    add(svg, "text", { x: place(sum.x), y: sum.y + 57, class: "tick middle halo" },
      width < 310 ? "raw" : "raw prediction");
    add(svg, "circle", { cx: place(out.x), cy: out.y, r: 20, class: `node label-${state.labels[row]}` });
    add(svg, "text", { x: place(out.x), y: out.y + 5, class: "name middle large on-label" }, "σ");
    add(svg, "text", { x: width, y: out.y + 40, class: "number end halo" }, fixed(state.probabilities[row]));
    add(svg, "text", { x: width, y: out.y + 57, class: "tick end halo" }, "probability");
    add(svg, "text", { x: width, y: out.y - 30, class: "tick end" }, `label ${state.labels[row]}`);
    add(svg, "text", { x: 0, y: height - 2, class: "axis" }, "input × weight; dashed: a negative one");
    return svg;
  };

  // A chart that keeps its last content and is drawn again when its width changes.
  const chart = (holder, draw) => {
    let content = null;
    const redraw = () => {
      const width = Math.floor(holder.clientWidth);
      if (content !== null && width > 0) holder.replaceChildren(draw(Math.max(220, width), content));
    };
    new ResizeObserver(redraw).observe(holder);
    return (next) => { content = next; redraw(); };
  };

  // The four charts and two tables that show a network, and the choice of the row in the neuron.
  const bench = (root) => {
    const find = (name) => root.querySelector(`[data-chart="${name}"]`);
    const probabilities = chart(find("probabilities"), drawProbabilities);
    const curve = chart(find("sigmoid"), drawSigmoid);
    const loss = chart(find("loss"), drawLoss);
    const neuron = chart(find("neuron"), drawNeuron);
    const choice = root.querySelector("[data-row-choice]");
    const cells = new Map(
      [...root.querySelectorAll("[data-shows]")].map((cell) => [cell.dataset.shows, cell]),
    );
    const write = (name, value, text) => {
      const cell = cells.get(name);
      if (!cell) return;
      cell.textContent = text;
      cell.dataset.value = value; // all digits, for readers who want to check
    };
    let state = null;
    const drawRow = () => neuron({ state, row: Number(choice.value) });
    choice.addEventListener("change", drawRow);
    return (next, curves) => {
      state = next;
      probabilities(state);
      curve(state);
      loss(curves);
      drawRow();
      write("epoch", state.epoch, whole(state.epoch));
      write("bias", state.bias, fixed(state.bias));
      state.weights.forEach((w, i) => write(`weight_${data.features[i]}`, w, fixed(w)));
      write("loss", state.loss, fixed(state.loss));
      write("held_out_loss", state.heldOutLoss, fixed(state.heldOutLoss));
      write("right", state.right, rowsRight(state));
      state.probabilities.forEach((a, row) => {
        write(`label_${row}`, state.labels[row], String(state.labels[row]));
        write(`raw_${row}`, state.z[row], fixed(state.z[row]));
        write(`probability_${row}`, a, fixed(a));
        const right = state.predicted[row] === state.labels[row];
        write(`predicted_${row}`, state.predicted[row], `${state.predicted[row]}${right ? "" : " ✗"}`);
      });
    };
  };

  // A status that is read out once, when things have come to rest.
  const announcer = (element) => {
    let timer = 0;
    return (text) => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => { element.textContent = text; }, 400);
    };
  };

  // A button that plays and pauses; tick(seconds) returns whether there is more to play.
  const player = (button, { tick, begin = () => {}, rest }) => {
    const words = { play: button.textContent, pause: button.dataset.pause };
    let frame = 0;
    let before = 0;
    const stop = () => {
      if (!frame) return;
      window.cancelAnimationFrame(frame);
      frame = 0;
      button.textContent = words.play;
      rest();
    };
    const turn = (now) => {
      // Who wants no motion sees a few still pictures instead.
      if (calm.matches && now - before < 1000) {
        frame = window.requestAnimationFrame(turn);
        return;
      }
      const seconds = Math.min(calm.matches ? 1 : 0.1, (now - before) / 1000);
      before = now;
      if (tick(seconds)) frame = window.requestAnimationFrame(turn);
      else stop();
    };
    const start = () => {
      begin();
      before = performance.now();
      button.textContent = words.pause;
      frame = window.requestAnimationFrame(turn);
    };
    button.addEventListener("click", () => (frame ? stop() : start()));
    return { stop, playing: () => frame !== 0 };
  };

  const SECONDS = 12; // that a whole run takes when it is played, in equal steps of its logarithm

  // The slider over the path.

  const slide = () => {
    const root = document.getElementById("neuron-training");
    const slider = root.querySelector('input[type="range"]');
    const output = root.querySelector("output");
    const show = bench(root);
    const announce = announcer(root.querySelector('[role="status"]'));
    const first = path.epoch.findIndex((epoch) => epoch > 0);
    slider.min = 0;
    slider.max = path.epoch.length - 1 - first;
    const lowest = path.epoch.indexOf(data.best);
    const lines = [
      { epochs: path.epoch, losses: path.loss, style: "training" },
      { epochs: path.epoch, losses: path.held_out_loss, style: "held-out" },
    ];

    const draw = () => {
      const state = stateOfPath(first + Number(slider.value));
      show(state, {
        lines,
        upTo: last,
        marks: [
          { epoch: state.epoch, upright: true },
          { epoch: data.best, loss: path.held_out_loss[lowest], style: "lowest" },
          { epoch: state.epoch, loss: state.loss, style: "training" },
          { epoch: state.epoch, loss: state.heldOutLoss, style: "held-out" },
        ],
      });
      output.textContent = `epoch ${whole(state.epoch)}`;
      slider.setAttribute("aria-valuetext", `epoch ${whole(state.epoch)}, loss ${fixed(state.loss)}`);
      for (const button of jumps) {
        button.setAttribute("aria-pressed", String(Number(button.dataset.epoch) === state.epoch));
      }
      return state;
    };
    const rest = () => {
      const state = draw();
      announce(
        `Epoch ${whole(state.epoch)}: loss ${fixed(state.loss)}, ${rowsRight(state)} rows right.`,
      );
    };
    const jumps = [...root.querySelectorAll("button[data-epoch]")];
    const goTo = (epoch) => {
      slider.value = path.epoch.indexOf(epoch) - first;
      rest();
    };

    let at = 0; // between two stops while it plays
    const play = player(root.querySelector("[data-play]"), {
      begin: () => {
        if (slider.value === slider.max) slider.value = 0;
        at = Number(slider.value);
      },
      tick: (seconds) => {
        at = Math.min(Number(slider.max), at + (seconds / SECONDS) * Number(slider.max));
        slider.value = Math.floor(at);
        draw();
        return at < Number(slider.max);
      },
      rest,
    });
    slider.addEventListener("input", () => {
      play.stop();
      rest();
    });
    for (const button of jumps) {
      button.addEventListener("click", () => {
        play.stop();
        goTo(Number(button.dataset.epoch));
      });
    }
    goTo(data.epochs[0]);
  };

  // The same training, live.

  // A run in words. Its rule stands in the page beside it.
  const FLAT = 1e-3; // no entry of the gradient above it: the bottom, or as good as
  const FALL = 0.05; // of the loss, over the later half of the epochs
  const judge = (training) => {
    const { epoch, losses } = training;
    if (epoch === 0) return { name: "start", says: "Not started." };
    const half = Math.floor(epoch / 2);
    let sum = 0;
    let rises = 0;
    for (let e = half; e < epoch; e += 1) {
      sum += losses[e + 1];
      if (losses[e + 1] > losses[e]) rises += 1;
    }
    const mean = sum / (epoch - half);
    const slope = training.gradient();
    const steepest = Math.max(Math.abs(slope.bias), ...slope.weights.map(Math.abs));
    const fall = 1 - losses[epoch] / losses[half];
    const span = whole(epoch - half);
    if (!(mean <= losses[0])) {
      return {
        name: "diverges",
        says: `Diverges: over the last ${span} epochs the loss is ${fixed(mean)} on average, above `
          + `the start's ${fixed(losses[0])}. The steps are so long that they jump past the minimum.`,
      };
    }
    if (steepest <= FLAT) {
      return {
        name: "converges",
        says: "Converges: the gradient is close to 0, its largest entry "
          + `${steepest.toExponential(0)}. Further epochs change almost nothing.`,
      };
    }
    if (rises > 0) {
      return {
        name: "overshoots",
        says: `Overshoots: in ${whole(rises)} of the last ${span} epochs the loss rose, though it is `
          + "below the start's. The steps are too long.",
      };
    }
    const percent = `${(100 * fall).toFixed(1)} %`;
    return fall >= FALL
      ? {
        name: "converges",
        says: `Converges: over the last ${span} epochs the loss fell at each step, by ${percent} in total.`,
      }
      : {
        name: "crawls",
        says: `Crawls: over the last ${span} epochs the loss fell at each step, but by ${percent} in `
          + "total. The steps are too short for this number of epochs.",
      };
  };

  // mulberry32: small numbers for a start, the same for the same seed in every browser.
  const generator = (seed) => {
    let a = seed >>> 0;
    return () => {
      a = (a + 0x6d2b79f5) >>> 0;
      let t = Math.imul(a ^ (a >>> 15), a | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  };

  // A run's losses thinned for drawing: of each stretch of the axis the least and the largest.
  const thinned = (losses, epoch, end) => {
    const stretches = 220;
    const kept = { epochs: [], losses: [] };
    const keep = (e) => { kept.epochs.push(e); kept.losses.push(losses[e]); };
    let from = 1;
    keep(0);
    for (let i = 1; i <= stretches && from <= epoch; i += 1) {
      const to = Math.min(epoch, Math.floor(Math.exp((i / stretches) * Math.log(Math.max(2, end)))));
      if (to < from) continue;
      let low = from;
      let high = from;
      for (let e = from; e <= to; e += 1) {
        if (losses[e] < losses[low]) low = e;
        if (losses[e] > losses[high]) high = e;
      }
      for (const e of new Set([Math.min(low, high), Math.max(low, high)])) keep(e);
      from = to + 1;
    }
    return kept;
  };

  const live = () => {
    const root = document.getElementById("neuron-live");
    const form = root.querySelector("form");
    const field = (name) => form.elements.namedItem(name);
    const show = bench(root);
    const announce = announcer(root.querySelector('[role="status"]'));
    const verdict = root.querySelector("[data-verdict]");
    const fault = root.querySelector("[data-fault]");
    const agreement = root.querySelector("[data-agreement]");
    const labelButtons = [...root.querySelectorAll("button[data-label-of]")];
    const parameters = ["bias", ...data.features.map((name) => `weight_${name}`)];
    const above = [path.bias[0], ...path.weights[0]];

    let start = [...above]; // bias and weights, exactly; the fields show them rounded
    let labels = [...data.training.labels];
    let settings = null;
    let training = null;
    let previous = null; // the loss curve of the run before, to compare with

    const writeStart = () => parameters.forEach((name, i) => {
      field(name).value = String(Number(start[i].toFixed(4)));
    });
    const chooseStart = () => {
      const kind = field("start").value;
      field("seed").disabled = kind !== "random";
      root.querySelector("[data-seed]").hidden = kind !== "random";
      if (kind === "above") start = [...above];
      if (kind === "zeros") start = above.map(() => 0);
      if (kind === "random") {
        const random = generator(Number(field("seed").value));
        start = above.map(() => random() * 0.1);
      }
      if (kind !== "own") writeStart();
    };

    // The first field whose value cannot be used, in words; null when all can.
    const faultOf = () => {
      for (const name of ["learning_rate", "epochs", "seed", ...parameters]) {
        const input = field(name);
        const unused = input.disabled;
        const value = Number(input.value);
        const tooSmall = input.min !== "" && value < Number(input.min);
        const tooLarge = input.max !== "" && value > Number(input.max);
        const broken = input.value.trim() === "" || !Number.isFinite(value)
          || (input.step === "1" && !Number.isInteger(value));
        const wrong = !unused && (broken || tooSmall || tooLarge);
        input.removeAttribute("aria-invalid");
        if (wrong) {
          input.setAttribute("aria-invalid", "true");
          const entered = input.value.trim() === "" ? "nothing" : input.value;
          return `${input.dataset.name} is ${entered}, so nothing was run; ${input.dataset.rule}.`;
        }
      }
      return null;
    };

    const asAbove = () => settings.learningRate === data.learning_rate
      && start.every((value, i) => value === above[i])
      && labels.every((label, i) => label === data.training.labels[i]);

    // How far this run is from the pipeline's at this epoch, when it is the same run.
    const difference = (state) => {
      const index = path.epoch.indexOf(state.epoch);
      if (!asAbove() || index < 0) return null;
      const pairs = [
        [state.loss, path.loss[index]],
        [state.heldOutLoss, path.held_out_loss[index]],
        [state.bias, path.bias[index]],
        ...state.weights.map((w, i) => [w, path.weights[index][i]]),
        ...state.z.map((z, i) => [z, path.raw[index][i]]),
        ...state.probabilities.map((a, i) => [a, path.probabilities[index][i]]),
      ];
      return Math.max(...pairs.map(([own, pipeline]) => Math.abs(own - pipeline)));
    };

    const draw = () => {
      const state = stateOf(training.epoch, training.bias, training.weights, labels);
      const lines = [{
        ...thinned(training.losses, training.epoch, settings.epochs), style: "training",
      }];
      if (previous) lines.unshift({ ...previous, style: "previous" });
      show(state, {
        lines,
        upTo: settings.epochs,
        marks: [
          { epoch: state.epoch, upright: true },
          { epoch: state.epoch, loss: state.loss, style: "training" },
        ],
      });
      const judged = judge(training);
      verdict.textContent = judged.says;
      verdict.dataset.verdict = judged.name;
      const apart = difference(state);
      agreement.dataset.value = apart ?? "";
      if (apart === 0) {
        agreement.textContent = "At this epoch all numbers equal the pipeline's.";
      } else if (apart !== null) {
        agreement.textContent = `At this epoch all numbers agree with the pipeline's to within ${apart.toExponential(0)}.`;
      } else {
        agreement.textContent = asAbove()
          ? "The pipeline did not record this epoch."
          : "The settings differ from the run above, so there is nothing to compare.";
      }
      return { state, judged };
    };
    const rest = () => {
      const { state, judged } = draw();
      announce(`Epoch ${whole(state.epoch)} of ${whole(settings.epochs)}: loss ${fixed(state.loss)}. ${judged.says}`);
    };

    const reset = () => {
      play.stop();
      const wrong = faultOf();
      fault.hidden = wrong === null;
      fault.textContent = wrong ?? "";
      for (const button of runs) button.disabled = wrong !== null;
      if (wrong !== null) return;
      if (training && training.epoch > 0) {
        previous = thinned(training.losses, training.epoch, settings.epochs);
      }
      settings = {
        learningRate: Number(field("learning_rate").value),
        epochs: Number(field("epochs").value),
      };
      training = new Training({
        rows: data.training.rows, labels, bias: start[0], weights: start.slice(1),
        learningRate: settings.learningRate, epochs: settings.epochs,
      });
      for (const button of labelButtons) {
        const row = Number(button.dataset.labelOf);
        button.setAttribute("aria-pressed", String(labels[row] !== data.training.labels[row]));
      }
      rest();
    };

    // Steps up to an epoch, but for no longer than a slice of a frame.
    const advance = (target) => {
      const end = performance.now() + 10;
      while (training.epoch < target) {
        training.step();
        if (training.epoch % 100 === 0 && performance.now() > end) return;
      }
    };
    const over = () => training.epoch >= settings.epochs;

    let hurry = false; // to the end, as fast as it goes
    let clock = 0;
    const playButton = root.querySelector("[data-play]");
    const play = player(playButton, {
      begin: () => {
        if (over()) {
          reset();
        }
        clock = Math.log(1 + training.epoch) / Math.log(1 + settings.epochs);
      },
      tick: (seconds) => {
        clock = hurry ? 1 : Math.min(1, clock + seconds / SECONDS);
        const target = Math.exp(clock * Math.log(1 + settings.epochs)) - 1;
        advance(clock === 1 ? settings.epochs : Math.floor(target));
        draw();
        return !over();
      },
      rest: () => { hurry = false; rest(); },
    });
    const runs = [playButton, ...root.querySelectorAll("[data-step], [data-end]")];

    root.querySelector("[data-step]").addEventListener("click", () => {
      play.stop();
      if (!over()) training.step();
      rest();
    });
    root.querySelector("[data-end]").addEventListener("click", () => {
      if (over()) return;
      hurry = true;
      if (!play.playing()) playButton.click();
    });
    root.querySelector("[data-reset]").addEventListener("click", reset);

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => {
      const { name } = event.target;
      if (parameters.includes(name)) {
        field("start").value = "own";
        start[parameters.indexOf(name)] = Number(event.target.value);
      }
      if (name === "start" || name === "seed") chooseStart();
      reset();
    });
    for (const button of labelButtons) {
      button.addEventListener("click", () => {
        const row = Number(button.dataset.labelOf);
        labels = labels.map((label, i) => (i === row ? 1 - label : label));
        reset();
      });
    }
    for (const button of root.querySelectorAll("button[data-preset]")) {
      button.addEventListener("click", () => {
        const preset = JSON.parse(button.dataset.preset);
        const flippedRows = preset.flipped_rows ?? [];
        field("start").value = "above";
        field("learning_rate").value = String(preset.learning_rate ?? data.learning_rate);
        field("epochs").value = String(preset.epochs ?? data.epochs[0]);
        labels = data.training.labels.map((label, i) => (flippedRows.includes(i) ? 1 - label : label));
        chooseStart();
        reset();
        playButton.click();
      });
    }

    field("learning_rate").value = String(data.learning_rate);
    field("epochs").value = String(data.epochs[0]);
    chooseStart();
    reset();
  };

  for (const block of document.querySelectorAll("#neuron [data-needs-script]")) block.hidden = false;
  for (const block of document.querySelectorAll("#neuron .no-script")) block.hidden = true;
  slide();
  live();
})();
