/* The first two pictures of each figure "compare" on top of each other, with a divider between them
   (osr/web/divider.js). */
for (const figure of document.querySelectorAll("figure.compare")) {
  const [before, after] = figure.querySelectorAll("img");
  const stage = document.createElement("div"), range = document.createElement("input");
  stage.className = "stage";
  Object.assign(range, { type: "range", min: 0, max: 100, value: 50, ariaLabel: `Divider: ${before.alt}, and its result` });
  before.before(stage);
  stage.append(after, before, range, document.createElement("i"));
  divider(stage, range);
}
