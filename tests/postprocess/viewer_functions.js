// What test_viewer.py asks the viewer's functions; run by node with V (viewer.js) and data.
const V = require(process.argv[2]), data = require(process.argv[3]);

function asked() {
  const where = V.positions(data), count = where.length / 3;
  const levels = data.fields.map(f => V.unpack(f.levels, Uint8Array));
  const view = { rotation: V.rotation(0, 0), zoom: data.zoom, shift: [0, 0] };
  const hit = V.pick(view, where, [0, 0], 0.05), at = where.slice(3 * hit, 3 * hit + 3);
  const normal = V.normals(where, [V.unpack(data.wall, Uint32Array)]);
  return {
    where: [...where], hit, depth: V.project(view, ...at),
    none: V.pick(view, where, [0.99, 0], 0.01),
    pressure: V.value(data.fields[1], levels[1], count, 2, hit),
    gone: V.value(data.fields[0], new Uint8Array([255]), 1, 0, 0),
    turned: V.rotation(Math.PI / 2, 0),
    size: Math.hypot(...normal.slice(3 * hit, 3 * hit + 3)),
    shown: [0, 0.0312, 2.71, 123.4].map(n => V.shown(n, ",")),
    labels: V.margins([[0.1, 0.5], [0.2, 0.45], [-0.1, 0]], 0.8, 0.16),
  };
}
console.log(JSON.stringify(asked()));
