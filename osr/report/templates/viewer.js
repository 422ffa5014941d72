/* Before and after: two pictures on top of each other, the left one clipped at the divider. */
if ($("stage")) {
  const stage = $("stage"), range = $("divider"), layers = { left: $("left-layer"), right: $("right-layer") };
  const columns = [...new Set(data.images.map((image) => image.column))];
  const state = { image: data.images.find((image) => image.rank === "median" && image.side !== "even") ?? data.images[0], left: "input", right: data.first, view: "picture", gain: 4 };

  /* Divider */
  const title = (name) => data.titles[name] ?? name;
  const move = divider(stage, range, () => {
    range.setAttribute("aria-valuetext", `${Math.round(range.value)} % ${title(state.left)}, the rest ${title(state.right)}`);
  });

  /* Pictures and maps of differences */
  const colours = [[0, 0, 4], [61, 15, 95], [149, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 220]];
  const table = Array.from({ length: 256 }, (_, i) => {
    const place = (i / 255) * (colours.length - 1), k = Math.min(Math.floor(place), colours.length - 2);
    return colours[k].map((value, c) => value + (place - k) * (colours[k + 1][c] - value));
  });
  const paint = async (canvas, key, image) => {
    const map = new Image();
    canvas.dataset.wanted = key ?? "";
    if (key) { map.src = data.uris[key]; await map.decode(); }
    if (canvas.dataset.wanted !== (key ?? "")) return;
    [canvas.width, canvas.height] = key ? [map.width, map.height] : [image.width, image.height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (key) context.drawImage(map, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height), values = pixels.data;
    for (let i = 0; i < values.length; i += 4) {
      const levels = (values[i] / data.differenceScale) ** 2;
      const colour = table[Math.min(255, Math.round(levels * state.gain))];
      [values[i], values[i + 1], values[i + 2], values[i + 3]] = [...colour, 255];
    }
    context.putImageData(pixels, 0, 0);
  };
  const draw = () => {
    const { image } = state, maps = state.view === "difference";
    stage.parentElement.style.setProperty("--ratio", image.width / image.height);
    for (const side of ["left", "right"]) {
      const name = state[side], canvas = layers[side].querySelector("canvas"), picture = layers[side].querySelector("img");
      picture.src = data.uris[image.pictures[name]];
      picture.alt = `${title(name)}, ${image.column}, ${image.image}`;
      picture.hidden = maps;
      canvas.hidden = !maps;
      canvas.setAttribute("aria-label", `Difference between ${title(name)} and the ground truth, magnified ${state.gain} times`);
      if (maps) paint(canvas, image.maps[name], image);
      $(`${side}-name`).textContent = title(name);
      $(`${side}-score`).textContent = image.scores[name] ?? "";
    }
    $("map-scale").hidden = $("magnify").hidden = !maps;
    $("map-most").textContent = `${(255 / state.gain).toFixed(state.gain > 8 ? 1 : 0)} levels`;
    $("what").textContent = `${image.image}, ${image.rank} of ${image.column}`;
    move();
  };

  /* Choices */
  const fill = (select, options, chosen) => {
    select.replaceChildren(...options.map(([value, text]) => make("option", { value, textContent: text, selected: value === chosen })));
  };
  const choose = (image) => {
    const changed = state.image;
    state.image = image;
    for (const side of ["left", "right"]) {
      if (!(state[side] in image.pictures)) state[side] = side === "left" ? "input" : data.first in image.pictures ? data.first : "truth";
      fill($(side), Object.keys(image.pictures).map((name) => [name, title(name)]), state[side]);
    }
    fill($("column"), columns.map((name) => [name, name]), image.column);
    const others = data.images.filter((other) => other.column === image.column);
    $("image").replaceChildren(...others.map((other) => make("button", {
      type: "button", textContent: other.rank, title: other.image, onclick: () => choose(other), ariaPressed: String(other === image),
    })));
    for (const card of document.querySelectorAll(".shot")) card.setAttribute("aria-current", String(data.images[card.dataset.index] === image));
    if (changed !== image && document.activeElement?.tagName === "BODY") $("image").querySelector("[aria-pressed=true]")?.focus({ preventScroll: true });
    draw();
  };
  $("column").onchange = () => choose(data.images.find((image) => image.column === $("column").value));
  for (const side of ["left", "right"]) $(side).onchange = () => { state[side] = $(side).value; draw(); };
  for (const [group, field] of [["view", "view"], ["magnify", "gain"]]) {
    $(group).onclick = (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      state[field] = field === "gain" ? Number(button.value) : button.value;
      press($(group), button);
      draw();
    };
  }

  /* Worst, median and best: each a picture whose left half is the input. */
  const half = (image, name) => make("img", { src: data.uris[image.pictures[name]], alt: "", decoding: "async" });
  for (const name of columns) {
    const shots = make("div", { className: "shots" });
    data.images.forEach((image, index) => {
      if (image.column !== name) return;
      const result = data.first in image.pictures ? data.first : "input";
      const badge = make("span", { className: `badge ${image.side}`, textContent: image.badge });
      const shot = make("button", { type: "button", className: "shot", ariaLabel: `${image.rank} of ${name}: ${image.image}, ${image.badge}`, onclick: () => { choose(image); $("viewer").scrollIntoView({ block: "nearest" }); } },
        make("span", { className: "pair" }, half(image, "input"), half(image, result), badge),
        make("small", { textContent: `${image.rank}: ${image.image}` }));
      shot.dataset.index = index;
      shots.append(shot);
    });
    $("gallery").append(make("article", {}, make("h3", { textContent: name }), shots));
  }

  globalThis.viewer = {
    jump(column, model) {
      const image = data.images.find((other) => other.column === column);
      if (!image) return;
      if (model in image.pictures) [state.left, state.right] = ["input", model];
      choose(image);
      $("viewer").scrollIntoView({ block: "start" });
    },
  };
  choose(state.image);
}
