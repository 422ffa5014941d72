"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};
const press = (group, chosen) => {
  for (const button of group.querySelectorAll("button"))
    button.setAttribute("aria-pressed", String(button === chosen));
};

/* Theme: that of the system until the button is pressed. */
{
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const label = () => { $("theme").textContent = isDark() ? "Light" : "Dark"; };
  $("theme").hidden = false;
  $("theme").onclick = () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); };
  dark.addEventListener("change", label);
  label();
}

/* Matrix: what the cells show, and tooltips. */
{
  const heat = $("heat"), tip = $("tip");
  $("show").hidden = false;
  $("show").onclick = (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    heat.dataset.show = button.dataset.show;
    press($("show"), button);
  };
  const open = (cell) => {
    const [title, ...lines] = cell.dataset.tip.split("\n");
    tip.replaceChildren(make("b", { textContent: title }), ...lines.flatMap((line) => [line, make("br")]));
    tip.hidden = false;
    const box = cell.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2), document.documentElement.clientWidth - tip.offsetWidth - 8);
    const above = box.top - tip.offsetHeight - 8;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(above > 0 ? above : box.bottom + 8) + scrollY}px`;
    cell.setAttribute("aria-describedby", "tip");
  };
  const close = () => { tip.hidden = true; };
  for (const cell of heat.querySelectorAll("td button")) {
    cell.onmouseenter = cell.onfocus = () => open(cell);
    cell.onmouseleave = cell.onblur = close;
    cell.onclick = () => globalThis.viewer?.jump(cell.dataset.column, cell.dataset.model);
  }
  addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
}

/* Waves: one image at a time. */
if ($("wave-names")) {
  const show = (index) => {
    const wave = data.waves[index];
    press($("wave-names"), $("wave-names").children[index]);
    $("wave-parts").replaceChildren(...wave.parts.map((part) => make("figure", {},
      make("img", { src: data.uris[part.key], alt: `${part.title} of ${wave.name}` }),
      make("figcaption", {}, make("b", { textContent: part.title }), part.text))));
  };
  data.waves.forEach((wave, index) => $("wave-names").append(
    make("button", { type: "button", textContent: wave.name, onclick: () => show(index) })));
  show(0);
}
