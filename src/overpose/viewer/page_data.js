// What the page shows: poses, keypoints and pictures out of the file, and the state of the player.
// All scripts of the page share one scope; this one comes first. No library, no network.
"use strict";
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const rgb = (c, k = 1, a = 1) => `rgba(${c.map((v) => Math.round(Math.min(255, v * k)))},${a})`;
const clamp = (v, low, high) => Math.min(high, Math.max(low, v));


function unpack({ scale, data: text }) {
  const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const view = new DataView(raw.buffer);
  return Float32Array.from({ length: raw.length / 2 }, (_, i) => {
    const value = view.getInt16(2 * i, true);
    return value === -32768 ? NaN : value * scale;
  });
}
const people = data.people.map((p) => {
  const person = { ...p, root: unpack(p.root), poses: unpack(p.poses), shown: true };
  person.keypoints = { ...p.keypoints, xy: unpack(p.keypoints.xy), score: unpack(p.keypoints.score) };
  person.angles = Object.fromEntries(Object.entries(p.angles).map(([name, packed]) => [name, unpack(packed)]));
  person.cycles = p.cycles && { ...p.cycles, means: Object.fromEntries(Object.entries(p.cycles.means).map(([name, m]) =>
    [name, { mean: unpack(m.mean), spread: unpack(m.spread), count: m.count }])) };
  const n = p.joints.length * 3;
  person.seen = Array.from({ length: p.frames }, (_, f) =>
    Number.isFinite(person.poses[f * n] + person.root[f * 3]));
  return person;
});
const state = {
  frame: 0, playing: false, speed: 1, dirty: true, colouring: people.length > 1 ? "person" : "side",
  picture: true, keypoints: true, projected: false, frustum: true, grid: true, names: false, paths: false, bodies: people.some((p) => p.body),
  follow: data.group < 0.75 * data.size,
};
const photo = data.frames <= 1;
const frameOf = (person, frame = state.frame) => Math.floor((frame / data.fps) * person.fps + 1e-3);

function jointsOf(person, f = frameOf(person)) {
  if (!person.seen[f]) return null;
  const n = person.joints.length;
  return Array.from({ length: n }, (_, j) =>
    [0, 1, 2].map((a) => person.root[f * 3 + a] + person.poses[(f * n + j) * 3 + a]));
}
// Axes of the camera in the frame shown to the level ones that everything is in, and back.
const level = () => data.levels[Math.min(state.frame, data.levels.length - 1)];
const levelled = (p) => level().map((row) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2]);
const unlevelled = (p) => [0, 1, 2].map((i) => level().reduce((sum, row, k) => sum + row[i] * p[k], 0));
function toImage(point) {
  const [x, y, z] = unlevelled(point);
  if (z <= 1) return null;
  const [k1, k2, p1, p2, k3] = data.distortion.length ? data.distortion : [0, 0, 0, 0, 0];
  const [u, v] = [x / z, y / z], r2 = u * u + v * v;
  const k = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)) + 2 * (p1 * v + p2 * u);
  return [data.principal[0] + data.focal * (u * k + p2 * r2), data.principal[1] + data.focal * (v * k + p1 * r2)];
}


// ---- pictures of the clip
const pictures = new Map();
function picture(index) {
  let image = pictures.get(index);
  if (!image) {
    image = new Image();
    image.onload = () => { image.ready = true; state.dirty = true; };
    image.src = `data:image/jpeg;base64,${data.clip.images[index]}`;
    pictures.set(index, image);
    if (pictures.size > 48) pictures.delete(pictures.keys().next().value);
  }
  return image;
}
let lastPicture = null;
function currentPicture() {
  if (!data.clip) return null;
  const count = data.clip.images.length;
  const at = Math.floor(((state.frame / data.fps) * data.clip.fps + 1e-3) / data.clip.step);
  const index = clamp(at, 0, count - 1);
  const image = picture(index);
  if (state.playing) for (let k = 1; k <= 6; k++) picture((index + k) % count);
  if (image.ready) lastPicture = image;
  return lastPicture;
}
