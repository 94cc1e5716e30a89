"use strict";
// Draws the vein and answers the mouse, the keys and the slider. `data` is the page's JSON.

const data = JSON.parse(document.getElementById("data").textContent);
const canvas = document.getElementById("view"), tip = document.getElementById("tip");
const slider = document.getElementById("time"), menu = document.getElementById("field");
const marks = document.getElementById("marks"), lines = document.getElementById("lines");
const where = Viewer.positions(data), count = where.length / 3;
const wall = Viewer.unpack(data.wall, Uint32Array), grey = Viewer.unpack(data.extension, Uint32Array);
const clots = data.clots.map(text => Viewer.unpack(text, Uint32Array));
const fields = data.fields.map(field => ({ ...field, levels: Viewer.unpack(field.levels, Uint8Array) }));
const palette = Viewer.unpack(data.palette, Uint8Array);
const view = { turn: 0, tilt: 0, zoom: data.zoom, shift: [0, 0], rotation: Viewer.rotation(0, 0) };
const gl = canvas.getContext("webgl", { antialias: true, preserveDrawingBuffer: true });
const number = n => Viewer.shown(n, data.decimal);

const SEEN = `attribute vec3 place, normal, colour; uniform mat3 rotation; uniform vec3 fit; uniform vec2 size, shift;
  varying vec3 tint; varying float light;
  void main() { vec3 p = rotation * place; light = 0.4 + 0.6 * abs((rotation * normal).z); tint = colour;
    gl_Position = vec4((p.xy * fit.x + shift) * size, -p.z * fit.y, 1.0); }`;
const PAINTED = `precision mediump float; varying vec3 tint; varying float light;
  void main() { gl_FragColor = vec4(tint * light, 1.0); }`;

function program() {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, SEEN], [gl.FRAGMENT_SHADER, PAINTED]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  return made;
}

const buffers = {};
function buffer(name, numbers) {
  const at = gl.getAttribLocation(shaders, name);
  buffers[name] ??= gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
  gl.bufferData(gl.ARRAY_BUFFER, numbers, gl.DYNAMIC_DRAW);
  gl.enableVertexAttribArray(at);
  gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 0, 0);
}

// A list of points by number, kept by the graphics card.
function kept(list) {
  const made = { buffer: gl.createBuffer(), length: list.length };
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, made.buffer);
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, list, gl.STATIC_DRAW);
  return made;
}

function paint(list, kind) {
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, list.buffer);
  gl.drawElements(kind, list.length, gl.UNSIGNED_INT, 0);
}

function flat(list, colour) {
  const at = gl.getAttribLocation(shaders, "colour");
  gl.disableVertexAttribArray(at);
  gl.vertexAttrib3f(at, ...colour);
  paint(list, gl.TRIANGLES);
}

// The edges of triangles: the wall as a net, through which the clot is seen.
function edges(list) {
  const made = new Uint32Array(list.length * 2);
  for (let t = 0; t < list.length; t += 3)
    made.set([list[t], list[t + 1], list[t + 1], list[t + 2], list[t + 2], list[t]], 2 * t);
  return made;
}

const step = () => Number(slider.value), field = () => fields[Number(menu.value)];

function colours() {
  const made = new Float32Array(3 * count), one = field();
  for (let i = 0; i < count; i++) {
    const here = Viewer.value(one, one.levels, count, step(), i);
    const level = Number.isNaN(here) ? -1 : Math.round(255 * Viewer.share(here, one.range));
    for (let k = 0; k < 3; k++) made[3 * i + k] = level < 0 ? 0.75 : palette[3 * level + k] / 255;
  }
  return made;
}

function draw() {
  const side = Math.min(canvas.clientWidth, canvas.clientHeight), ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  view.rotation = Viewer.rotation(view.turn, view.tilt);
  if (gl) {
    const r = view.rotation;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(1, 1, 1, 1);
    gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix3fv(uniform("rotation"), false, [r[0], r[3], r[6], r[1], r[4], r[7], r[2], r[5], r[8]]);
    gl.uniform3f(uniform("fit"), view.zoom, 0.9 / data.radius, 0);
    gl.uniform2f(uniform("size"), side / canvas.clientWidth, side / canvas.clientHeight);
    gl.uniform2f(uniform("shift"), ...view.shift);
    flat(lists.grey, [0.79, 0.81, 0.83]);
    flat(lists.clots[step()], [0.55, 0.1, 0.1]);
    buffer("colour", colours());
    if (document.getElementById("through").checked) paint(lists.net, gl.LINES); else paint(lists.wall, gl.TRIANGLES);
  }
  label(side);
  document.getElementById("when").textContent = data.times[step()];
  scale();
}

// Names in the margins with a line to their places, and the letters of the patient's directions.
function label(side) {
  marks.replaceChildren();
  lines.replaceChildren();
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const at = (x, y) => [width / 2 + x * side / 2, height / 2 - y * side / 2];
  const put = (text, x, y, kind) => {
    const made = document.createElement("span");
    made.className = kind;
    made.textContent = text;
    [made.style.left, made.style.top] = at(x, y).map(n => `${n}px`);
    marks.append(made);
  };
  const places = data.marks.map(mark =>
    Viewer.project(view, ...mark.point.map((n, k) => n - data.centre[k])));
  for (const mark of Viewer.margins(places, 0.72 * width / side, 0.16)) {
    put(data.marks[mark.which].text, mark.x, mark.y, data.marks[mark.which].quiet ? "name" : "mark");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const ends = [...at(mark.x, mark.y), ...at(...places[mark.which])];
    ["x1", "y1", "x2", "y2"].forEach((name, k) => line.setAttribute(name, ends[k]));
    lines.append(line);
  }
  const r = view.rotation, corner = [0.2 - width / side, -0.8];
  for (const [letter, k, sign] of data.letters) {
    if (Math.abs(r[6 + k]) < 0.97) put(letter, corner[0] + 0.14 * sign * r[k], corner[1] + 0.12 * sign * r[3 + k], "letter");
  }
}

function scale() {
  const one = field(), bar = document.getElementById("bar");
  const stops = Array.from({ length: 17 }, (_, i) => `rgb(${palette.slice(3 * i * 15, 3 * i * 15 + 3).join()})`);
  bar.style.background = `linear-gradient(to right, ${stops.join()})`;
  document.getElementById("low").textContent = number(one.range[0]);
  document.getElementById("high").textContent = `${one.beyond ? "≥ " : ""}${number(one.range[1])} ${one.unit}`;
}

function hover(event) {
  const side = Math.min(canvas.clientWidth, canvas.clientHeight), box = canvas.getBoundingClientRect();
  const at = [2 * (event.clientX - box.left - box.width / 2) / side, -2 * (event.clientY - box.top - box.height / 2) / side];
  const found = Viewer.pick(view, where, at, 20 / side);
  tip.hidden = found < 0;
  if (found < 0) return;
  tip.replaceChildren(...fields.map(one => {
    const line = document.createElement("div");
    line.textContent = `${one.label}: ${number(Viewer.value(one, one.levels, count, step(), found))} ${one.unit}`;
    return line;
  }));
  tip.style.left = `${event.clientX - box.left + 14}px`;
  tip.style.top = `${event.clientY - box.top + 14}px`;
}

const uniform = name => gl.getUniformLocation(shaders, name);
let shaders = null, lists = null, held = null;
if (gl) {
  gl.getExtension("OES_element_index_uint");
  shaders = program();
  gl.useProgram(shaders);
  lists = { wall: kept(wall), net: kept(edges(wall)), grey: kept(grey), clots: clots.map(kept) };
  buffer("place", where);
  const [outer, inner] = [[wall, grey], clots].map(lists => Viewer.normals(where, lists));
  buffer("normal", outer.map((n, i) => n || inner[i]));
} else document.getElementById("nogl").hidden = false;

canvas.addEventListener("pointerdown", event => { held = [event.clientX, event.clientY]; canvas.setPointerCapture?.(event.pointerId); });
canvas.addEventListener("pointerup", () => { held = null; });
canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
canvas.addEventListener("pointermove", event => {
  if (!held) return hover(event);
  const [dx, dy] = [event.clientX - held[0], event.clientY - held[1]];
  held = [event.clientX, event.clientY];
  tip.hidden = true;
  if (event.shiftKey) {
    const side = Math.min(canvas.clientWidth, canvas.clientHeight);
    view.shift = [view.shift[0] + 2 * dx / side, view.shift[1] - 2 * dy / side];
  } else turn(-0.01 * dx, 0.01 * dy);
  draw();
});
canvas.addEventListener("wheel", event => {
  event.preventDefault();
  view.zoom = Math.min(40 * data.zoom, Math.max(0.3 * data.zoom, view.zoom * Math.exp(-0.001 * event.deltaY)));
  draw();
}, { passive: false });
canvas.addEventListener("keydown", event => {
  const way = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
  if (!way) return;
  event.preventDefault();
  turn(...way);
  draw();
});
function turn(across, up) {
  view.turn += across;
  view.tilt = Math.min(1.57, Math.max(-1.57, view.tilt + up));
}
for (const input of [slider, menu, document.getElementById("through")]) input.addEventListener("input", draw);
document.getElementById("front").addEventListener("click", () => {
  Object.assign(view, { turn: 0, tilt: 0, zoom: data.zoom, shift: [0, 0] });
  draw();
});
window.addEventListener("resize", draw);
draw();
