// Joint angles of one person: a table of their values now, and the chosen one's curve over time.
// What they are: docs/angles.md.
const curve = { person: 0, angle: null, hover: null };
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
      $("curve-box").hidden = photo || !curve.angle;
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
  if (!curve.angle || photo) return;
  const own = sidesOf(person, curve.angle), [ctx, w, h] = fitted($("curve"));
  ctx.clearRect(0, 0, w, h);
  const values = own.flatMap(([name]) => [...person.angles[name]].filter(Number.isFinite));
  let [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const step = [5, 10, 20, 30, 45, 90].find((s) => high - low <= 4 * s) || 90;
  [low, high] = [Math.floor(low / step) * step, Math.max(Math.ceil(high / step), Math.floor(low / step) + 1) * step];
  const y = (v) => 6 + ((high - v) / (high - low)) * (h - 12), x = (frame) => ((frame + 0.5) / data.frames) * w;
  ctx.font = "11px system-ui, sans-serif";
  ctx.lineWidth = 1;
  for (let v = low; v <= high; v += step) {
    ctx.strokeStyle = v === 0 ? "#4a5768" : "#262e39";
    ctx.beginPath(); ctx.moveTo(0, y(v)); ctx.lineTo(w, y(v)); ctx.stroke();
    ctx.fillStyle = "#8d99a8";
    ctx.fillText(degrees(v), 4, clamp(y(v) - 3, 11, h - 2));
  }
  for (const [name, side] of own) {
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
  const mark = (frame, colour) => {
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1;
    ctx.beginPath(); ctx.moveTo(x(frame), 0); ctx.lineTo(x(frame), h); ctx.stroke();
  };
  mark(state.frame, "#ff9f43");
  if (curve.hover !== null) mark(curve.hover, "#8d99a8");
  const shown = curve.hover ?? state.frame;
  const said = own.map(([name, side]) => `${side === "middle" ? "" : `${side} `}${degrees(angleNow(person, name, shown))}`);
  $("curve-readout").textContent = `${curve.angle.replaceAll("_", " ")} · ${(shown / data.fps).toFixed(2)} s · ${said.join(" · ")}`;
}
