"use strict";
// The vein in a browser: turn it, go through time, read values. Plain WebGL 1, no library.
// What needs no page is a function of `Viewer`, so that it can be tested without one.

const Viewer = (() => {
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));

  // Text of base64 → numbers: the writer's integers, little-endian.
  function unpack(text, type) {
    const raw = bytes(text);
    return new type(raw.buffer, 0, raw.byteLength / type.BYTES_PER_ELEMENT);
  }

  // Quantised positions → millimetres about the middle of the vein.
  function positions(data) {
    const whole = unpack(data.points, Uint16Array);
    return Float32Array.from(whole, (n, i) => data.low[i % 3] + n * data.step - data.centre[i % 3]);
  }

  // The value of a field at a point and time; NaN where there is none.
  function value(field, levels, count, step, point) {
    const level = levels[step * count + point];
    return level === 255 ? NaN : field.low + (field.high - field.low) * level / 254;
  }

  // Share of the colour bar, 0 to 1, of a value.
  const share = (number, range) => Math.min(1, Math.max(0, (number - range[0]) / (range[1] - range[0])));

  // Rotation by two angles, row by row: right, up, towards the eye. At (0, 0) seen from the front.
  function rotation(turn, tilt) {
    const [c, s, d, e] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
    return [c, s, 0, s * e, -c * e, d, s * d, -c * d, -e];
  }

  // A point on the screen, -1 to 1 across the smaller side, and its depth towards the eye.
  function project(view, x, y, z) {
    const r = view.rotation, k = view.zoom;
    return [k * (r[0] * x + r[1] * y + r[2] * z) + view.shift[0],
            k * (r[3] * x + r[4] * y + r[5] * z) + view.shift[1],
            r[6] * x + r[7] * y + r[8] * z];
  }

  // The foremost point within `reach` of a place on the screen, or -1.
  function pick(view, where, at, reach) {
    let best = -1, depth = -Infinity;
    for (let i = 0; i < where.length / 3; i++) {
      const [x, y, z] = project(view, where[3 * i], where[3 * i + 1], where[3 * i + 2]);
      if (Math.hypot(x - at[0], y - at[1]) <= reach && z > depth) { best = i; depth = z; }
    }
    return best;
  }

  // Where labels of places stand: in the margin of their side, none nearer than `gap` to the next.
  function margins(places, margin, gap) {
    const made = [];
    for (const side of [-1, 1]) {
      const here = places.map((place, which) => ({ which, x: side * margin, y: place[1], at: place[0] }))
        .filter(mark => (mark.at < 0 ? -1 : 1) === side).sort((a, b) => b.y - a.y);
      for (let i = 1; i < here.length; i++) here[i].y = Math.min(here[i].y, here[i - 1].y - gap);
      made.push(...here);
    }
    return made;
  }

  // Unit normals at points from lists of triangles, area-weighted.
  function normals(where, lists) {
    const sum = new Float32Array(where.length);
    for (const triangles of lists) for (let t = 0; t < triangles.length; t += 3) {
      const [a, b, c] = [triangles[t], triangles[t + 1], triangles[t + 2]].map(n => 3 * n);
      const u = [0, 1, 2].map(k => where[b + k] - where[a + k]);
      const v = [0, 1, 2].map(k => where[c + k] - where[a + k]);
      const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
      for (const corner of [a, b, c]) for (let k = 0; k < 3; k++) sum[corner + k] += n[k];
    }
    for (let i = 0; i < sum.length; i += 3) {
      const size = Math.hypot(sum[i], sum[i + 1], sum[i + 2]) || 1;
      for (let k = 0; k < 3; k++) sum[i + k] /= size;
    }
    return sum;
  }

  // A number with two digits and the decimal sign of the page.
  function shown(number, decimal) {
    if (!Number.isFinite(number)) return "–";
    const places = number === 0 ? 0 : Math.max(0, Math.min(4, 1 - Math.floor(Math.log10(Math.abs(number)))));
    return number.toFixed(places).replace(".", decimal);
  }

  return { unpack, positions, value, share, rotation, project, pick, margins, normals, shown };
})();

if (typeof module !== "undefined") module.exports = Viewer;
