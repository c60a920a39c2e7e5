// Time and controls: the player's buttons, mouse, touch and keys. Comes last and starts the page.
// Drawing belongs to page_space.js and page_picture.js.
// ---- time
let clock = 0, before = 0;
function go(frame, keepClock) {
  state.frame = clamp(Math.floor(frame), 0, data.frames - 1);
  if (!keepClock) clock = state.frame;
  $("timeline").value = state.frame;
  const [t, all] = [state.frame / data.fps, (data.frames - 1) / data.fps];
  $("readout").textContent = `frame ${state.frame + 1} / ${data.frames} · ${t.toFixed(2)} / ${all.toFixed(2)} s`;
  state.dirty = true;
}
function play(on) {
  state.playing = on && !photo;
  if (state.playing && state.frame >= data.frames - 1) go(0);
  $("play").textContent = state.playing ? "❚❚" : "▶";
  $("play").setAttribute("aria-label", state.playing ? "Pause" : "Play");
}
function tick(now) {
  const passed = clamp((now - before) / 1000, 0, 0.25);
  before = now;
  if (state.playing) {
    clock += passed * data.fps * state.speed;
    if (clock >= data.frames) {
      if ($("loop").checked) clock %= data.frames;
      else { clock = data.frames - 1; play(false); }
    }
    if (Math.floor(clock) !== state.frame) go(clock, true);
  }
  if (state.dirty) {
    state.dirty = false;
    drawSpace();
    if (state.picture) drawPicture();
    drawAngles();
  }
  requestAnimationFrame(tick);
}

// ---- controls
const make = (tag, attributes = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
};
function checkbox(id, text, checked, change, note = "", colour = null) {
  const input = make("input", { type: "checkbox", id, checked });
  input.addEventListener("change", () => change(input.checked));
  const label = make("label", { className: "row" }, input);
  if (colour) {
    const swatch = make("span", { className: "swatch" });
    swatch.style.background = rgb(colour);
    label.append(swatch);
  }
  label.append(make("span", { className: "name", textContent: text, title: text }), make("span", { className: "note", textContent: note }));
  return label;
}
const toggle = (id) => { const box = $(id); if (box) box.click(); };
const options = [
  ...(data.body ? [["bodies", "Bodies"]] : []),
  ["picture", data.clip ? "Video" : "Image plane"], ["keypoints", "2D keypoints"], ["projected", "Projected 3D pose"], ["frustum", "Camera"],
  ["grid", "Floor"], ["paths", "Paths on the floor"], ["names", "Joint names"],
  ["follow", "Follow people"],
];
options.forEach(([key, text]) => $("options").append(checkbox(`show-${key}`, text, state[key], (on) => {
  state[key] = on;
  document.body.classList.toggle("no-picture", !state.picture);
  state.dirty = true;
})));
people.forEach((person, i) => {
  const share = person.seen.filter(Boolean).length / Math.max(1, person.frames);
  $("people").append(checkbox(`person-${i + 1}`, person.label, true, (on) => {
    person.shown = on;
    state.dirty = true;
    drawPresence();
  }, photo ? "" : `${Math.round(100 * share)}%`, person.colour));
});
if (!people.length) $("people").append(make("span", { className: "note", textContent: "nobody was found" }));
Object.entries(views).forEach(([key, [name, set]]) => {
  const button = make("button", { textContent: name, title: `${name} (${key})`, id: `view-${key}` });
  button.addEventListener("click", () => { set(); state.dirty = true; });
  $("views").append(button);
});
function legend() {
  $("legend").replaceChildren(...(state.colouring === "side" ? ["left", "right"] : []).map((side) => {
    const swatch = make("span", { className: "swatch" });
    swatch.style.background = rgb(data.colours[side]);
    return make("span", {}, swatch, `${side} side`);
  }));
}
const facts = [photo ? "photo" : `${data.frames} frames`, ...(photo ? [] : [`${+data.fps.toFixed(2)} frames/s`]), `overpose ${data.version}`];
$("facts").textContent = facts.join(" · ");
[["image", `${data.width} × ${data.height} px`],
  ["focal", `${data.focal.toFixed(0)} px${data.focalIsEstimated ? " (estimated)" : ""}`],
  ["model", data.model], ...(data.clip ? [["video", data.clip.name]] : [])]
  .forEach(([term, text]) => $("camera").append(make("dt", { textContent: term }), make("dd", { textContent: text })));
$("colouring").value = state.colouring;
$("colouring").addEventListener("change", () => { state.colouring = $("colouring").value; legend(); state.dirty = true; });
$("timeline").max = data.frames - 1;
$("timeline").addEventListener("input", () => go(+$("timeline").value));
$("play").addEventListener("click", () => play(!state.playing));
$("back").addEventListener("click", () => { play(false); go(state.frame - 1); });
$("forth").addEventListener("click", () => { play(false); go(state.frame + 1); });
$("speed").addEventListener("input", () => {
  state.speed = clamp(10 ** +$("speed").value, 0.1, 2);
  $("speed-value").textContent = `${state.speed.toFixed(state.speed < 0.95 ? 2 : 1)}×`;
});
$("help-button").addEventListener("click", () => {
  $("help").hidden = !$("help").hidden;
  $("help-button").setAttribute("aria-expanded", String(!$("help").hidden));
});

// ---- mouse, touch, keyboard
const orbit = (dx, dy) => {
  view.yaw += dx;
  view.pitch = clamp(view.pitch + dy, -1.5, 1.56);
  state.dirty = true;
};
const pan = (dx, dy) => { // in pixels
  const k = view.distance / focal;
  view.target = view.target.map((t, i) => t - k * (dx * axes[0][i] + dy * axes[1][i]));
  state.dirty = true;
};
const zoom = (factor) => {
  view.distance = clamp(view.distance * factor, 150, 200000);
  state.dirty = true;
};
const space = $("space"), fingers = new Map();
space.addEventListener("pointerdown", (e) => {
  space.setPointerCapture(e.pointerId);
  space.focus({ preventScroll: true });
  fingers.set(e.pointerId, [e.clientX, e.clientY]);
  $("tip").hidden = true;
});
space.addEventListener("pointermove", (e) => {
  const last = fingers.get(e.pointerId);
  if (!last) return tip(e, space, spots);
  const now = [e.clientX, e.clientY], [dx, dy] = [now[0] - last[0], now[1] - last[1]];
  if (fingers.size === 2) {
    const other = [...fingers].find(([id]) => id !== e.pointerId)[1];
    const span = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
    zoom(span(last) / span(now));
    pan(dx / 2, dy / 2);
  } else if (e.buttons & 6 || e.shiftKey) pan(dx, dy);
  else orbit(dx * 0.007, dy * 0.007);
  fingers.set(e.pointerId, now);
});
for (const end of ["pointerup", "pointercancel"]) space.addEventListener(end, (e) => fingers.delete(e.pointerId));
space.addEventListener("contextmenu", (e) => e.preventDefault());
space.addEventListener("wheel", (e) => {
  e.preventDefault();
  zoom(Math.exp(clamp(e.deltaY * (e.deltaMode ? 20 : 1), -240, 240) * 0.0014));
}, { passive: false });
function tip(e, canvas, list) {
  const box = canvas.getBoundingClientRect(), [x, y] = [e.clientX - box.left, e.clientY - box.top];
  const near = list.map((s) => [Math.hypot(s.at[0] - x, s.at[1] - y), s]).filter(([d]) => d < 12)
    .sort((a, b) => a[0] - b[0] || a[1].z - b[1].z)[0];
  $("tip").hidden = !near;
  if (!near) return;
  $("tip").textContent = near[1].text();
  const { offsetWidth: w, offsetHeight: h } = $("tip");
  $("tip").style.left = `${clamp(e.clientX + 14, 0, innerWidth - w - 4)}px`;
  $("tip").style.top = `${clamp(e.clientY + 14, 0, innerHeight - h - 4)}px`;
}
$("picture").addEventListener("pointermove", (e) => tip(e, $("picture"), flatSpots));
for (const c of [space, $("picture")]) c.addEventListener("pointerleave", () => { $("tip").hidden = true; });

const keys = {
  " ": () => play(!state.playing), home: () => go(0), end: () => go(data.frames - 1),
  arrowleft: (e) => { play(false); go(state.frame - (e.shiftKey ? 10 : 1)); },
  arrowright: (e) => { play(false); go(state.frame + (e.shiftKey ? 10 : 1)); },
  a: (e) => (e.shiftKey ? pan(40, 0) : orbit(-0.12, 0)), d: (e) => (e.shiftKey ? pan(-40, 0) : orbit(0.12, 0)),
  w: (e) => (e.shiftKey ? pan(0, 40) : orbit(0, 0.1)), s: (e) => (e.shiftKey ? pan(0, -40) : orbit(0, -0.1)),
  "+": () => zoom(0.88), "=": () => zoom(0.88), "-": () => zoom(1.14),
  k: () => toggle("show-keypoints"), p: () => toggle("show-projected"), n: () => toggle("show-names"), b: () => toggle("show-bodies"),
  "?": () => $("help-button").click(), escape: () => { $("help").hidden = true; },
};
addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.tagName === "SELECT") return;
  const key = e.key.toLowerCase(), onInput = e.target.tagName === "INPUT" || e.target.tagName === "BUTTON";
  if (onInput && key === " " && e.target.id !== "timeline") return;
  if (e.target.id === "speed" && /^(arrow|home|end)/.test(key)) return;
  const act = keys[key] || (views[e.key.toUpperCase()] && (() => $(`view-${e.key.toUpperCase()}`).click()))
    || (/^[1-9]$/.test(key) && (() => toggle(`person-${key}`)));
  if (!act) return;
  e.preventDefault();
  act(e);
});

const resized = () => { state.dirty = true; drawPresence(); };
new ResizeObserver(resized).observe(document.querySelector("main"));
new ResizeObserver(resized).observe($("space-panel"));
document.body.classList.toggle("photo", photo);
views.R[1]();
legend();
makeAngles();
go(0);
requestAnimationFrame((now) => { before = now; tick(now); });
