"use strict";
/* The divider between two pictures on top of each other, of the report, the demo and the gallery: the range sets
   --x of the stage, and dragging in the stage sets the range. Returns what draws it; moved is called after that. */
function divider(stage, range, moved = () => {}) {
  const move = () => {
    stage.style.setProperty("--x", `${range.value}%`);
    moved();
  };
  const drag = (event) => {
    const box = stage.getBoundingClientRect();
    range.value = ((event.clientX - box.left) / box.width) * 100;
    move();
  };
  range.oninput = move;
  stage.onpointerdown = (event) => {
    if (event.button) return;
    stage.setPointerCapture(event.pointerId);
    stage.onpointermove = drag;
    drag(event);
    range.focus({ preventScroll: true, focusVisible: false });
    event.preventDefault();
  };
  stage.onpointerup = stage.onpointercancel = () => { stage.onpointermove = null; };
  return move;
}
