// Poses in 3D on a plain canvas: the virtual camera, floor, frustum, bodies.
// World = axes of the camera held level, in mm: x right, y down, z forward.
const view = {};
const aim = (yaw, pitch) => Object.assign(view, {
  target: [...data.middle], yaw, pitch, distance: 2.6 * (state.follow ? data.group : data.size), lens: null,
});
const ways = Array.from({ length: data.frames }, (_, frame) => { // from the middle to where people are
  const roots = people.flatMap((p) => {
    const f = frameOf(p, frame);
    return p.seen[f] ? [[p.root[f * 3], p.root[f * 3 + 2]]] : [];
  });
  return roots.length ? [0, 1].map((i) => roots.reduce((sum, r) => sum + r[i], 0) / roots.length - data.middle[2 * i]) : null;
});
const seenWays = ways.map((way, frame) => [frame, way]).filter(([, way]) => way);
function wayAt(frame) { // a mean over about a second, so that the view glides
  const reach = Math.round(data.fps / 2), near = seenWays.filter(([f]) => Math.abs(f - frame) <= reach);
  const used = near.length ? near : seenWays.slice(0, 1);
  return used.length ? [0, 1].map((i) => used.reduce((sum, [, way]) => sum + way[i], 0) / used.length) : [0, 0];
}
const views = {
  R: ["Scene", () => aim(-0.62, 0.3)],
  C: ["Camera", () => {
    const z = Math.max(500, unlevelled(data.middle)[2]);
    Object.assign(view, { target: [0, 0, z], yaw: 0, pitch: 0, distance: z, lens: data.focal });
  }],
  F: ["Front", () => aim(0, 0.05)],
  G: ["Side", () => aim(-Math.PI / 2, 0.05)],
  T: ["Top", () => aim(0, Math.PI / 2 - 0.01)],
};
let eye, axes, focal, middleX, middleY;
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
function prepareView(w, h) {
  const [cy, sy, cp, sp] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)];
  const right = [cy, 0, -sy], forward = [sy * cp, sp, cy * cp];
  const down = [-sy * sp, cp, -cy * sp];
  axes = [right, down, forward];
  if (view.lens) axes = axes.map(levelled); // as the camera hangs
  const [wx, wz] = state.follow && !view.lens ? wayAt(state.frame) : [0, 0];
  const target = view.lens ? levelled(view.target) : view.target;
  eye = [wx, 0, wz].map((way, i) => target[i] + way - view.distance * axes[2][i]);
  focal = view.lens ? view.lens * Math.min(w / data.width, h / data.height) : 1.15 * Math.min(w, h);
  [middleX, middleY] = [w / 2, h / 2];
}
const seenFrom = (p) => { const d = p.map((v, i) => v - eye[i]); return axes.map((a) => dot(a, d)); };
const flat = ([x, y, z]) => [middleX + (focal * x) / z, middleY + (focal * y) / z];
const NEAR = 40;
function segment(a, b) { // of two world points, on screen, cut at the near plane; null if behind
  let [p, q] = [seenFrom(a), seenFrom(b)];
  if (p[2] < NEAR && q[2] < NEAR) return null;
  const cut = (from, to) => {
    const k = (NEAR - from[2]) / (to[2] - from[2]);
    return from.map((v, i) => v + k * (to[i] - v));
  };
  if (p[2] < NEAR) p = cut(p, q);
  if (q[2] < NEAR) q = cut(q, p);
  return [flat(p), flat(q)];
}


// ---- drawing in 3D
const RADII = { hip: 46, knee: 44, ankle: 34, spine: 50, neck: 46, shoulder: 36, elbow: 32, wrist: 26, nose: 30, head_top: 72 };
const radius = (name) => RADII[name.replace(/^(left|right)_/, "")] || 34;
const colourOf = (person, side) => (state.colouring === "side" ? data.colours[side] : person.colour);
const shade = (side) => (state.colouring === "side" ? 1 : { left: 1.12, middle: 1, right: 0.78 }[side]);
let spots = []; // where joints are on screen, for the tooltip

function drawGrid(ctx) {
  const reach = data.size + 2500;
  const cell = reach < 7000 ? 500 : reach < 20000 ? 1000 : 5000;
  const [mx, mz] = [Math.round(data.middle[0] / cell) * cell, Math.round(data.middle[2] / cell) * cell];
  const n = Math.ceil(reach / cell), bands = [[], [], [], [], []];
  for (let i = -n; i <= n; i++) {
    for (let k = -n; k < n; k++) {
      const far = Math.hypot(i, k + 0.5) / n;
      if (far >= 1) continue;
      const band = bands[Math.floor(far * 5)];
      band.push(segment([mx + i * cell, data.floor, mz + k * cell], [mx + i * cell, data.floor, mz + (k + 1) * cell]));
      band.push(segment([mx + k * cell, data.floor, mz + i * cell], [mx + (k + 1) * cell, data.floor, mz + i * cell]));
    }
  }
  ctx.lineWidth = 1;
  bands.forEach((band, b) => strokeAll(ctx, band, `rgba(130,150,175,${0.34 * (1 - b / 5)})`));
}
function strokeAll(ctx, segments, style) {
  ctx.strokeStyle = style;
  ctx.beginPath();
  for (const s of segments) if (s) { ctx.moveTo(...s[0]); ctx.lineTo(...s[1]); }
  ctx.stroke();
}
function drawFrustum(ctx) {
  const depth = view.lens ? Math.max(0, data.middle[2]) + data.size + 1000 : clamp(0.22 * data.middle[2], 250, 1500);
  const [hx, hy] = [(depth * data.width) / 2 / data.focal, (depth * data.height) / 2 / data.focal];
  const corner = (u, v) => levelled([hx * (2 * u - 1), hy * (2 * v - 1), depth]);
  const image = currentPicture();
  if (image) drawPlane(ctx, image, corner);
  if (image && view.lens) { // dimmed, for the people in front of it
    ctx.fillStyle = "rgba(13,17,23,0.4)";
    ctx.beginPath();
    for (const c of [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)]) ctx.lineTo(...flat(seenFrom(c)));
    if (seenFrom(corner(0.5, 0.5))[2] > NEAR) ctx.fill();
  }
  const ring = [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)];
  const lines = ring.flatMap((c, i) => [segment([0, 0, 0], c), segment(c, ring[(i + 1) % 4])]);
  const tip = levelled([0, -hy * 1.45, depth]);
  if (!view.lens) for (const side of [-1, 1]) lines.push(segment(levelled([side * hx * 0.3, -hy * 1.12, depth]), tip));
  ctx.lineWidth = 1.5;
  strokeAll(ctx, lines, "rgba(255,214,140,0.75)");
}
function drawPlane(ctx, image, corner) { // a picture in perspective, by small triangles
  const n = 6, w = image.naturalWidth, h = image.naturalHeight;
  const triangle = (points) => {
    const seen = points.map(([u, v]) => seenFrom(corner(u, v)));
    if (seen.some((p) => p[2] < NEAR)) return;
    const [a, b, c] = seen.map(flat), [s, t, r] = points.map(([u, v]) => [u * w, v * h]);
    const det = (t[0] - s[0]) * (r[1] - s[1]) - (r[0] - s[0]) * (t[1] - s[1]);
    const solve = (i) => {
      const [p, q] = [b[i] - a[i], c[i] - a[i]];
      const ku = (p * (r[1] - s[1]) - q * (t[1] - s[1])) / det;
      const kv = (q * (t[0] - s[0]) - p * (r[0] - s[0])) / det;
      return [ku, kv, a[i] - ku * s[0] - kv * s[1]];
    };
    const [ax, bx, ox] = solve(0), [ay, by, oy] = solve(1);
    const [gx, gy] = [0, 1].map((i) => (a[i] + b[i] + c[i]) / 3);
    ctx.save();
    ctx.beginPath();
    for (const p of [a, b, c]) { // a little larger, so that no seams show
      const d = Math.hypot(p[0] - gx, p[1] - gy) || 1, k = 1 + 0.7 / d;
      ctx.lineTo(gx + (p[0] - gx) * k, gy + (p[1] - gy) * k);
    }
    ctx.clip();
    ctx.transform(ax, ay, bx, by, ox, oy);
    ctx.drawImage(image, 0, 0);
    ctx.restore();
  };
  for (let i = 0; i < n; i++) for (let k = 0; k < n; k++) {
    const [u, v, U, V] = [i / n, k / n, (i + 1) / n, (k + 1) / n];
    triangle([[u, v], [U, v], [u, V]]);
    triangle([[U, V], [u, V], [U, v]]);
  }
}
function drawShadow(ctx, person, joints) {
  const drop = ([x, , z]) => [x, data.floor, z];
  ctx.lineCap = "round";
  const near = seenFrom(drop(joints[0]))[2];
  ctx.lineWidth = clamp((focal * 60) / Math.max(near, 200), 2, 60);
  strokeAll(ctx, person.limbs.map(([p, j]) => segment(drop(joints[p]), drop(joints[j]))), "rgba(0,0,0,0.38)");
}
function drawPath(ctx, person) {
  const points = [], step = Math.max(1, Math.floor(person.frames / 600));
  for (let f = 0; f + step < person.frames; f += step) {
    if (!person.seen[f] || !person.seen[f + step]) continue;
    const at = (k) => [person.root[k * 3], data.floor, person.root[k * 3 + 2]];
    points.push(segment(at(f), at(f + step)));
  }
  ctx.lineWidth = 2;
  strokeAll(ctx, points, rgb(person.colour, 1, 0.6));
}
function capsule(ctx, a, b, ra, rb, colour, k) {
  const angle = Math.atan2(b[1] - a[1], b[0] - a[0]);
  let n = [-Math.sin(angle), Math.cos(angle)];
  if (n[0] * -0.5 + n[1] * -0.86 < 0) n = [-n[0], -n[1]];
  const r = Math.max(ra, rb), [x, y] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const fill = ctx.createLinearGradient(x + n[0] * r, y + n[1] * r, x - n[0] * r, y - n[1] * r);
  fill.addColorStop(0, rgb(colour, 1.22 * k));
  fill.addColorStop(0.45, rgb(colour, 0.98 * k));
  fill.addColorStop(1, rgb(colour, 0.5 * k));
  ctx.beginPath();
  ctx.arc(...b, rb, angle - Math.PI / 2, angle + Math.PI / 2);
  ctx.arc(...a, ra, angle + Math.PI / 2, angle - Math.PI / 2);
  ctx.closePath();
  ctx.fillStyle = fill;
  ctx.fill();
  ctx.lineWidth = 1.2;
  ctx.strokeStyle = "rgba(8,11,16,0.75)";
  ctx.stroke();
}
function drawPeople(ctx) {
  const parts = [];
  spots = [];
  for (const person of people) {
    const joints = person.shown && jointsOf(person), sticks = !(state.bodies && person.body);
    if (!joints) continue;
    const seen = joints.map(seenFrom), screen = seen.map(flat);
    const size = (name, z) => Math.max(1.5, (focal * radius(name)) / z);
    if (sticks) person.limbs.forEach(([p, j]) => {
      if (seen[p][2] < NEAR || seen[j][2] < NEAR) return;
      const side = person.sides[j], name = person.joints[j];
      const [ra, rb] = [size(name, seen[p][2]), size(name, seen[j][2]) * (name === "head_top" ? 1 : 0.86)];
      parts.push([(seen[p][2] + seen[j][2]) / 2, () =>
        capsule(ctx, screen[p], screen[j], ra, rb, colourOf(person, side), shade(side))]);
    });
    joints.forEach((joint, j) => {
      if (seen[j][2] < NEAR) return;
      const name = person.joints[j], r = clamp((focal * 15) / seen[j][2], 1.5, 14);
      if (sticks || state.names) parts.push([sticks ? seen[j][2] - radius(name) - 5 : 0, () => {
        ctx.beginPath();
        ctx.arc(...screen[j], r, 0, 7);
        ctx.fillStyle = "rgba(255,255,255,0.92)";
        ctx.fill();
        if (state.names) { ctx.font = "11px system-ui, sans-serif"; ctx.fillText(words(name), screen[j][0] + 8, screen[j][1] + 4); }
      }]);
      spots.push({ at: screen[j], z: seen[j][2], text: () =>
        `${person.label} · ${words(name)}\nx ${metres(joint[0])}  y ${metres(joint[1])}  z ${metres(joint[2])} m` });
    });
    if (people.length > 1) parts.push([0, () => {
      const top = screen.reduce((a, b) => (b[1] < a[1] ? b : a));
      ctx.font = "12px system-ui, sans-serif";
      ctx.textAlign = "center";
      ctx.fillStyle = rgb(person.colour);
      if (seen[0][2] > NEAR) ctx.fillText(person.label, top[0], top[1] - 14);
      ctx.textAlign = "start";
    }]);
  }
  parts.sort((a, b) => b[0] - a[0]).forEach(([, draw]) => draw());
}
const words = (name) => name.replaceAll("_", " ");
const metres = (mm) => (mm / 1000).toFixed(2);

function drawSpace() {
  const [ctx, w, h] = fitted($("space"));
  const ground = ctx.createLinearGradient(0, 0, 0, h);
  ground.addColorStop(0, "#18202b");
  ground.addColorStop(1, "#0d1117");
  ctx.fillStyle = ground;
  ctx.fillRect(0, 0, w, h);
  prepareView(w, h);
  if (state.frustum && view.lens) drawFrustum(ctx); // its picture is behind the people then
  if (state.grid) drawGrid(ctx);
  const shown = people.filter((p) => p.shown);
  if (state.paths) shown.forEach((p) => drawPath(ctx, p));
  if (state.grid && view.pitch > 0) shown.forEach((p) => { const j = jointsOf(p); if (j) drawShadow(ctx, p, j); });
  const middle = seenFrom(data.middle)[2], camera = seenFrom([0, 0, 0])[2];
  if (state.frustum && !view.lens && camera > middle) drawFrustum(ctx);
  if (state.bodies) drawBodies(ctx, w, h, shown);
  drawPeople(ctx);
  if (state.frustum && !view.lens && camera <= middle) drawFrustum(ctx);
}
