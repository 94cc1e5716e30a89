// What test_viewer.py does in a browser: it is put at the end of the page and leaves what it saw.
const seen = {};

// A sum over the picture, which changes with it, and the share that is not white.
function picture() {
  const p = new Uint8Array(4 * canvas.width * canvas.height);
  gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, p);
  let sum = 0, ink = 0;
  for (let i = 0; i < p.length; i += 4) {
    sum = (sum * 31 + p[i] + 2 * p[i + 1] + 3 * p[i + 2]) % 1e9;
    ink += p[i] < 250;
  }
  return [sum, ink / (p.length / 4)];
}

const box = canvas.getBoundingClientRect();
const middle = [box.left + box.width / 2, box.top + box.height / 2];
canvas.setPointerCapture = () => {};
function pointer(kind, dx) {
  canvas.dispatchEvent(new PointerEvent(kind, {
    clientX: middle[0] + dx, clientY: middle[1], pointerId: 1, bubbles: true,
  }));
}
function set(input, value) {
  input.value = value;
  input.dispatchEvent(new Event("input"));
}

seen.gl = Boolean(gl);
seen.front = picture();
seen.labels = marks.querySelectorAll(".mark, .name").length;
pointer("pointermove", 0);
seen.tip = tip.hidden ? "" : tip.innerText;
pointer("pointerdown", 0);
pointer("pointermove", 90);
pointer("pointerup", 90);
seen.turned = picture();
seen.turn = view.turn;
document.getElementById("front").click();
seen.back = picture();
set(slider, 2);
seen.when = document.getElementById("when").textContent;
set(menu, 1);
seen.pressure = picture();
pointer("pointermove", 0);
seen.later = tip.innerText;
pointer("pointermove", 5 - box.width / 2);
seen.off = tip.hidden;
canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp" }));
seen.tilt = view.tilt;
canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -500 }));
seen.zoom = view.zoom / data.zoom;
document.body.textContent = `SEEN${JSON.stringify(seen)}SEEN`;
