// Joint angles of one person: a table of their values now, and the chosen one's curve over time.
// What they are: docs/angles.md.
const curve = { person: 0, angle: null, hover: null, share: null };
const withAngles = people.filter((p) => Object.keys(p.angles).length);
const angleParts = [...new Set(withAngles.flatMap((p) => Object.keys(p.angles).map((name) => name.replace(/^(left|right)_/, ""))))];
const degrees = (v) => (Number.isFinite(v) ? `${Math.round(v) < 0 ? "−" : ""}${Math.abs(Math.round(v))}°` : "–");
const angleNow = (person, name, frame) => person.angles[name] && person.angles[name][frameOf(person, frame)];
const sidesOf = (person, part) => (person.angles[part] ? [[part, "middle"]]
  : ["left", "right"].map((side) => [`${side}_${part}`, side]).filter(([name]) => person.angles[name]));

function makeAngles() {
  $("angles-part").hidden = !withAngles.length;
  $("angle-person").replaceChildren(...withAngles.map((p, i) => Object.assign(document.createElement("option"), { value: i, textContent: p.label })));
  $("angle-person").hidden = withAngles.length < 2;
  $("angle-person").addEventListener("change", () => { curve.person = +$("angle-person").value; state.dirty = true; });
  $("angles").replaceChildren(...angleParts.map((part) => {
    const row = document.createElement("tr"), button = document.createElement("button");
    button.textContent = part.replaceAll("_", " ");
    button.id = `angle-${part}`;
    button.addEventListener("click", () => {
      curve.angle = curve.angle === part ? null : part;
      for (const each of angleParts) $(`angle-${each}`).setAttribute("aria-pressed", String(each === curve.angle));
      state.dirty = true;
    });
    row.append(document.createElement("th"), document.createElement("td"), document.createElement("td"));
    row.firstChild.append(button);
    return row;
  }));
  const at = (e) => Math.floor(((e.clientX - $("curve").getBoundingClientRect().left) / $("curve").clientWidth) * data.frames);
  $("curve").addEventListener("pointermove", (e) => {
    curve.hover = clamp(at(e), 0, data.frames - 1);
    state.dirty = true;
    if (e.buttons & 1) go(at(e));
  });
  $("curve").addEventListener("pointerdown", (e) => go(at(e)));
  $("curve").addEventListener("pointerleave", () => { curve.hover = null; state.dirty = true; });
  $("cycle").addEventListener("pointermove", (e) => {
    curve.share = clamp(Math.round((100 * (e.clientX - $("cycle").getBoundingClientRect().left)) / $("cycle").clientWidth), 0, 100);
    state.dirty = true;
  });
  $("cycle").addEventListener("pointerleave", () => { curve.share = null; state.dirty = true; });
}
function drawAngles() {
  const person = withAngles[curve.person];
  if (!person) return;
  angleParts.forEach((part, i) => {
    const cells = $("angles").rows[i].cells, own = sidesOf(person, part);
    [1, 2].forEach((column) => {
      const [name, side] = own[column - 1] || [];
      cells[column].textContent = name ? degrees(angleNow(person, name, state.frame)) : "";
      cells[column].style.color = name ? rgb(data.colours[side]) : "";
    });
  });
  const own = curve.angle && !photo ? sidesOf(person, curve.angle) : [];
  const means = own.map(([name, side]) => [name, side, person.cycles && person.cycles.means[name]]).filter(([, , mean]) => mean);
  $("curve-box").hidden = !own.length;
  $("cycle-box").hidden = !means.length;
  if (own.length) drawCurve(person, own);
  if (means.length) drawCycle(person, means);
}
// Empties a canvas, and draws lines at round degrees that hold all values; says where a value is.
function degreeAxis(canvas, values) {
  const [ctx, w, h] = fitted($(canvas));
  ctx.clearRect(0, 0, w, h);
  let [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const step = [5, 10, 20, 30, 45, 90].find((s) => high - low <= 4 * s) || 90;
  [low, high] = [Math.floor(low / step) * step, Math.max(Math.ceil(high / step), Math.floor(low / step) + 1) * step];
  const y = (v) => 6 + ((high - v) / (high - low)) * (h - 12);
  ctx.font = "11px system-ui, sans-serif";
  ctx.lineWidth = 1;
  for (let v = low; v <= high; v += step) {
    line(ctx, v === 0 ? "#4a5768" : "#262e39", [[0, y(v)], [w, y(v)]]);
    ctx.fillStyle = "#8d99a8";
    ctx.fillText(degrees(v), 4, clamp(y(v) - 3, 11, h - 2));
  }
  return [ctx, w, h, y];
}
function line(ctx, colour, points, width = 1) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.beginPath();
  points.forEach((p) => ctx.lineTo(...p));
  ctx.stroke();
}
const saidOf = (own, value) => own.map(([name, side]) => `${side === "middle" ? "" : `${side} `}${value(name)}`).join(" · ");
function drawCurve(person, own) {
  const [ctx, w, h, y] = degreeAxis("curve", own.flatMap(([name]) => [...person.angles[name]].filter(Number.isFinite)));
  const x = (frame) => ((frame + 0.5) / data.frames) * w;
  for (const [name, side] of own) {
    if (person.cycles && person.cycles.means[name]) { // where cycles begin, and the last one ends
      for (const at of new Set(person.cycles.spans[side].flat())) {
        const t = x((at / person.fps) * data.fps);
        line(ctx, rgb(data.colours[side], 1, 0.5), [[t, h - 9], [t, h]]);
      }
    }
    ctx.strokeStyle = rgb(data.colours[side]);
    ctx.lineWidth = 1.6;
    ctx.beginPath();
    let last = NaN;
    for (let frame = 0; frame < data.frames; frame++) {
      const v = angleNow(person, name, frame);
      if (Number.isFinite(v)) {
        if (Math.abs(v - last) < 180) ctx.lineTo(x(frame), y(v));
        else ctx.moveTo(x(frame), y(v));
      }
      last = v;
    }
    ctx.stroke();
  }
  const mark = (frame, colour) => line(ctx, colour, [[x(frame), 0], [x(frame), h]]);
  mark(state.frame, "#ff9f43");
  if (curve.hover !== null) mark(curve.hover, "#8d99a8");
  const shown = curve.hover ?? state.frame;
  const said = saidOf(own, (name) => degrees(angleNow(person, name, shown)));
  $("curve-readout").textContent = `${curve.angle.replaceAll("_", " ")} · ${(shown / data.fps).toFixed(2)} s · ${said}`;
}
function drawCycle(person, means) { // the mean over cycles, and a standard deviation about it
  const [ctx, w, h, y] = degreeAxis("cycle", means.flatMap(([, , m]) => [-1, 1].flatMap((k) => [...m.mean].map((v, i) => v + k * m.spread[i]))));
  const x = (i) => (i / 100) * w;
  for (const [, side, m] of means) {
    ctx.fillStyle = rgb(data.colours[side], 1, 0.22);
    ctx.beginPath();
    m.mean.forEach((v, i) => ctx.lineTo(x(i), y(v + m.spread[i])));
    for (let i = 100; i >= 0; i--) ctx.lineTo(x(i), y(m.mean[i] - m.spread[i]));
    ctx.fill();
    line(ctx, rgb(data.colours[side]), [...m.mean].map((v, i) => [x(i), y(v)]), 1.6);
  }
  const counts = [...new Set(means.map(([, , m]) => m.count))].join(" and ");
  if (curve.share === null) {
    $("cycle-readout").textContent = `mean ± SD of ${counts} ${person.cycles.title}`;
    return;
  }
  line(ctx, "#8d99a8", [[x(curve.share), 0], [x(curve.share), h]]);
  const said = saidOf(means, (name) => {
    const m = person.cycles.means[name];
    return `${degrees(m.mean[curve.share])} ± ${Math.round(m.spread[curve.share])}°`;
  });
  $("cycle-readout").textContent = `${curve.share} % · ${said}`;
}
