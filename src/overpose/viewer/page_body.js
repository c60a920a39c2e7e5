// Bodies: skinned by their bones, and drawn triangle by triangle with a depth for each pixel, so that
// no graphics hardware is needed. What is around them belongs to page_space.js.
const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const surface = data.body && (({ joints, weights, faces, coloured, parents }) => ({
  joints: bytesOf(joints), weights: bytesOf(weights), faces: new Uint16Array(bytesOf(faces).buffer), coloured, parents,
}))(data.body);
for (const person of people) {
  const b = person.body;
  if (b) person.body = { rest: unpack(b.rest), bones: unpack(b.bones), turns: unpack(b.turns), places: unpack(b.places) };
}
const NEUTRAL = [214, 214, 214];

function bonesOf(body, frame) { // 12 numbers a bone: rows of a rotation, each with its shift
  const { parents } = surface, { bones, turns, places } = body, result = new Float32Array(12 * parents.length);
  const heads = new Float32Array(3 * parents.length);
  parents.forEach((parent, b) => {
    const [x, y, z, w] = turns.subarray(4 * (frame * parents.length + b));
    const k = 2 / (x * x + y * y + z * z + w * w);
    const r = [1 - k * (y * y + z * z), k * (x * y - z * w), k * (x * z + y * w),
      k * (x * y + z * w), 1 - k * (x * x + z * z), k * (y * z - x * w),
      k * (x * z - y * w), k * (y * z + x * w), 1 - k * (x * x + y * y)];
    for (let i = 0; i < 3; i++) {
      heads[3 * b + i] = parent < 0 ? places[3 * frame + i] : heads[3 * parent + i];
      for (let j = 0; j < 3; j++) {
        result[12 * b + 4 * i + j] = r[3 * i + j];
        if (parent >= 0) heads[3 * b + i] += result[12 * parent + 4 * i + j] * (bones[3 * b + j] - bones[3 * parent + j]);
      }
    }
    for (let i = 0; i < 3; i++) {
      result[12 * b + 4 * i + 3] = heads[3 * b + i];
      for (let j = 0; j < 3; j++) result[12 * b + 4 * i + 3] -= r[3 * i + j] * bones[3 * b + j];
    }
  });
  return result;
}
function skinned(body, frame) { // vertices of a frame, in the axes that everything is in
  const { joints, weights } = surface, { rest } = body, bones = bonesOf(body, frame);
  const points = new Float32Array(rest.length);
  for (let v = 0, at = 0; at < rest.length; v += 4, at += 3) {
    const x = rest[at], y = rest[at + 1], z = rest[at + 2];
    let a = 0, b = 0, c = 0, all = 0;
    for (let k = v; k < v + 4; k++) {
      const w = weights[k], m = 12 * joints[k];
      if (!w) continue;
      a += w * (bones[m] * x + bones[m + 1] * y + bones[m + 2] * z + bones[m + 3]);
      b += w * (bones[m + 4] * x + bones[m + 5] * y + bones[m + 6] * z + bones[m + 7]);
      c += w * (bones[m + 8] * x + bones[m + 9] * y + bones[m + 10] * z + bones[m + 11]);
      all += w;
    }
    points[at] = a / all; points[at + 1] = b / all; points[at + 2] = c / all;
  }
  return points;
}
function vertexNormals(points) {
  const { faces } = surface, normals = new Float32Array(points.length);
  for (let f = 0; f < faces.length; f += 3) {
    const a = 3 * faces[f], b = 3 * faces[f + 1], c = 3 * faces[f + 2];
    const ux = points[b] - points[a], uy = points[b + 1] - points[a + 1], uz = points[b + 2] - points[a + 2];
    const vx = points[c] - points[a], vy = points[c + 1] - points[a + 1], vz = points[c + 2] - points[a + 2];
    const nx = uy * vz - uz * vy, ny = uz * vx - ux * vz, nz = ux * vy - uy * vx;
    for (const i of [a, b, c]) { normals[i] += nx; normals[i + 1] += ny; normals[i + 2] += nz; }
  }
  return normals;
}
let layer = null; // pixels of the bodies, and how near they are
function drawBodies(ctx, w, h, shown) {
  const bodies = shown.filter((p) => p.body && p.seen[frameOf(p)]);
  if (!bodies.length) return;
  if (!layer || layer.canvas.width !== w || layer.canvas.height !== h) {
    const canvas = Object.assign(document.createElement("canvas"), { width: w, height: h });
    layer = { canvas, image: new ImageData(w, h), near: new Float32Array(w * h) };
    layer.pixels = new Uint32Array(layer.image.data.buffer);
  }
  layer.pixels.fill(0);
  layer.near.fill(0);
  for (const person of bodies) rasterize(person, skinned(person.body, frameOf(person)), w, h);
  const own = layer.canvas.getContext("2d");
  own.putImageData(layer.image, 0, 0);
  ctx.drawImage(layer.canvas, 0, 0, w, h);
}
function rasterize(person, points, w, h) {
  const { faces, coloured } = surface, n = points.length / 3, normals = vertexNormals(points);
  const sx = new Float32Array(n), sy = new Float32Array(n), near = new Float32Array(n), light = new Float32Array(n);
  const [right, down, ahead] = axes, sun = [0, 1, 2].map((i) => -0.35 * right[i] - 0.5 * (i === 1) - 0.8 * ahead[i]);
  for (let v = 0, at = 0; v < n; v++, at += 3) {
    const x = points[at] - eye[0], y = points[at + 1] - eye[1], z = points[at + 2] - eye[2];
    const depth = ahead[0] * x + ahead[1] * y + ahead[2] * z;
    near[v] = depth > NEAR_MM ? 1 / depth : 0;
    sx[v] = middleX + focal * (right[0] * x + right[1] * y + right[2] * z) * near[v];
    sy[v] = middleY + focal * (down[0] * x + down[1] * y + down[2] * z) * near[v];
    const size = Math.hypot(normals[at], normals[at + 1], normals[at + 2]) || 1;
    const facing = (normals[at] * sun[0] + normals[at + 1] * sun[1] + normals[at + 2] * sun[2]) / size;
    light[v] = 0.34 + 0.72 * Math.max(0, facing);
  }
  for (let f = 0; f < faces.length; f += 3) {
    const a = faces[f], b = faces[f + 1], c = faces[f + 2];
    const area = (sx[b] - sx[a]) * (sy[c] - sy[a]) - (sx[c] - sx[a]) * (sy[b] - sy[a]);
    if (!near[a] || !near[b] || !near[c] || area >= 0) continue; // outside is anticlockwise on screen
    fillTriangle(f < 3 * coloured ? person.colour : NEUTRAL, [a, b, c], area, { sx, sy, near, light }, w, h);
  }
}
function fillTriangle(colour, [a, b, c], area, { sx, sy, near, light }, w, h) {
  const top = Math.max(0, Math.ceil(Math.min(sy[a], sy[b], sy[c]) - 0.5)), bottom = Math.min(h - 1, Math.floor(Math.max(sy[a], sy[b], sy[c]) - 0.5 + 1));
  const left = Math.max(0, Math.ceil(Math.min(sx[a], sx[b], sx[c]) - 0.5)), end = Math.min(w - 1, Math.floor(Math.max(sx[a], sx[b], sx[c]) - 0.5 + 1));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= end; x++) {
      const px = x + 0.5, py = y + 0.5;
      const ka = ((sx[b] - px) * (sy[c] - py) - (sx[c] - px) * (sy[b] - py)) / area;
      const kb = ((sx[c] - px) * (sy[a] - py) - (sx[a] - px) * (sy[c] - py)) / area, kc = 1 - ka - kb;
      if (ka < -1e-6 || kb < -1e-6 || kc < -1e-6) continue;
      const depth = ka * near[a] + kb * near[b] + kc * near[c], at = y * w + x;
      if (depth <= layer.near[at]) continue;
      layer.near[at] = depth;
      const k = ka * light[a] + kb * light[b] + kc * light[c];
      const [r, g, bl] = colour.map((v) => Math.min(255, v * k));
      layer.pixels[at] = 0xff000000 | (bl << 16) | (g << 8) | r;
    }
  }
}
const NEAR_MM = 40;
