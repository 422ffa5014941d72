"use strict";
/* The first two pictures of each figure "compare" on top of each other, with a divider between them. */
for (const figure of document.querySelectorAll("figure.compare")) {
  const [before, after] = figure.querySelectorAll("img");
  const stage = document.createElement("div"), range = document.createElement("input");
  stage.className = "stage";
  Object.assign(range, { type: "range", min: 0, max: 100, value: 50, ariaLabel: `Divider: ${before.alt}, and its result` });
  before.before(stage);
  stage.append(after, before, range, document.createElement("i"));
  const move = () => stage.style.setProperty("--x", `${range.value}%`);
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
}
