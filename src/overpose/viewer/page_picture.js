// The picture of the clip with keypoints and projected poses on it.
// Poses in 3D belong to page_space.js.
let flatSpots = [];
function drawPicture() {
  const [ctx, w, h] = fitted($("picture"));
  ctx.clearRect(0, 0, w, h);
  const k = Math.min((w - 16) / data.width, (h - 16) / data.height);
  const [x0, y0] = [(w - k * data.width) / 2, (h - k * data.height) / 2];
  const place = (p) => p && [x0 + k * p[0], y0 + k * p[1]];
  ctx.fillStyle = "#121821";
  ctx.fillRect(x0, y0, k * data.width, k * data.height);
  const image = currentPicture();
  if (image) ctx.drawImage(image, x0, y0, k * data.width, k * data.height);
  ctx.save();
  ctx.beginPath();
  ctx.rect(x0, y0, k * data.width, k * data.height);
  ctx.clip();
  flatSpots = [];
  ctx.lineCap = "round";
  const thick = clamp((k * data.height) / 220, 1.6, 4);
  for (const person of people) {
    if (!person.shown) continue;
    if (state.keypoints) drawKeypoints(ctx, person, place, thick);
    const joints = state.projected && jointsOf(person);
    if (!joints) continue;
    const at = joints.map((j) => place(toImage(j)));
    ctx.lineWidth = thick;
    ctx.setLineDash([thick * 2.2, thick * 2]);
    strokeAll(ctx, person.limbs.map(([p, j]) => at[p] && at[j] && [at[p], at[j]]), "rgba(255,255,255,0.95)");
    ctx.setLineDash([]);
  }
  ctx.restore();
}
function drawKeypoints(ctx, person, place, thick) {
  const { names, sides, edges, xy, score } = person.keypoints, n = names.length, f = frameOf(person);
  if (f >= person.frames) return;
  const at = names.map((_, i) => {
    const [x, y] = [xy[(f * n + i) * 2], xy[(f * n + i) * 2 + 1]];
    return Number.isFinite(x) && Number.isFinite(y) ? place([x, y]) : null;
  });
  const sure = (i) => (Number.isFinite(score[f * n + i]) ? clamp(score[f * n + i], 0, 1) : 1);
  for (const [a, b] of edges) {
    if (!at[a] || !at[b]) continue;
    const alpha = 0.2 + 0.75 * Math.min(sure(a), sure(b));
    const side = sides[a] === sides[b] ? sides[a] : "middle";
    ctx.lineWidth = thick;
    strokeAll(ctx, [[at[a], at[b]]], rgb(colourOf(person, side), shade(side), alpha));
  }
  at.forEach((p, i) => {
    if (!p) return;
    ctx.beginPath();
    ctx.arc(...p, thick * 0.9, 0, 7);
    ctx.fillStyle = `rgba(255,255,255,${0.25 + 0.7 * sure(i)})`;
    ctx.fill();
    flatSpots.push({ at: p, z: 0, text: () => `${person.label} · ${words(names[i])}\nscore ${sure(i).toFixed(2)}` });
  });
}
function fitted(canvas) {
  const ratio = window.devicePixelRatio || 1, [w, h] = [canvas.clientWidth, canvas.clientHeight];
  const [W, H] = [Math.max(1, Math.round(w * ratio)), Math.max(1, Math.round(h * ratio))];
  if (canvas.width !== W || canvas.height !== H) [canvas.width, canvas.height] = [W, H];
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  return [ctx, w, h];
}
function drawPresence() {
  const rows = people.slice(0, 6), canvas = $("presence");
  canvas.style.height = `${rows.length * 5}px`;
  const [ctx, w] = fitted(canvas);
  ctx.clearRect(0, 0, w, 99);
  rows.forEach((person, row) => {
    const across = w / ((data.frames / data.fps) * person.fps);
    for (let f = 0; f < person.frames; ) {
      let end = f + 1;
      while (end < person.frames && person.seen[end] === person.seen[f]) end++;
      ctx.fillStyle = person.seen[f] ? rgb(person.colour, 0.85, person.shown ? 1 : 0.3) : "#222a35";
      ctx.fillRect(f * across, row * 5, (end - f) * across, 3);
      f = end;
    }
  });
}
