"use strict";
const $ = (id) => document.getElementById(id);
const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};
const presets = ["none", "noise:25", "jpeg:20", "noise:25+jpeg:40", "rain:0.3,angle=12", "haze:1.2", "low_resolution:2"];
const titles = { before: "Input", original: "Original" };

let photo = null; // the file
let session = null; // of that file: { token, stream }; the server keeps its files as long as the stream is open
let newest = 0; // number of the newest request; answers to older ones are ignored

/* Server */
const ask = async (path, request) => {
  let answer;
  try { answer = await fetch(path, request); } catch { throw Error("The server does not answer. Is osr demo running?"); }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Error(body.error ?? `The server failed with status ${answer.status}.`);
  return body;
};
const address = (rest) => `session/${session.token}/${rest}`;
const close = () => { session?.stream.close(); session = null; };
const open = () => new Promise((resolve, reject) => {
  const stream = new EventSource("session");
  stream.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.token) resolve({ token: event.token, stream });
    else if (session?.stream === stream) follow(event);
  };
  stream.onerror = () => { // without it the browser would connect again, to another session
    stream.close();
    if (session?.stream === stream) session = null;
    reject(Error("No connection to the server, or too many pages are open."));
  };
});

/* What is going on */
const follow = (event) => {
  if (event.ahead) doing(`${event.ahead} ahead in the queue`);
  else if (event.done) doing(`Restoring, ${Math.round(100 * event.done)} %`, event.done);
};
const fail = (text) => {
  $("error").hidden = !text;
  $("error").textContent = text ?? "";
};
const doing = (text, share) => {
  $("status").hidden = !text;
  $("doing").textContent = text ?? "";
  if (share) $("progress").value = share; else $("progress").removeAttribute("value");
};
const attempt = async (work) => {
  const number = ++newest, current = () => number === newest;
  fail(null);
  try { await work(current); } catch (error) { if (current()) fail(error.message); }
  if (current()) doing(null);
};

/* Restoring */
const choose = (file) => {
  if (!file) return;
  close();
  photo = file;
  $("name").textContent = file.name;
  $("chosen").hidden = false;
  $("restore").disabled = false;
  $("view").hidden = $("inside").hidden = true;
  $("drop").hidden = false;
  $("drop").querySelector("b").textContent = "Drop another photograph here";
  URL.revokeObjectURL($("preview").src);
  $("preview").src = URL.createObjectURL(file);
  $("downloads").replaceChildren();
  restore();
};
const restore = () => attempt(async (current) => {
  if (!photo) return;
  if (!session) {
    doing("Uploading");
    const opened = await open();
    if (!current()) return opened.stream.close();
    session = opened;
    await ask(address(`photo?${new URLSearchParams({ name: photo.name })}`), { method: "PUT", body: photo });
    if (!current()) return;
  }
  doing("Restoring");
  const query = new URLSearchParams({ model: $("model").value, degradation: $("degradation").value });
  const made = await ask(address(`restore?${query}`), { method: "POST" });
  if (current()) show(made);
});
const show = (made) => {
  const number = newest, file = (name) => address(`files/${name}?${number}`);
  const choices = made.files.filter((name) => name in titles);
  const left = (name) => {
    $("before").src = file(name);
    $("before").alt = titles[name];
    for (const button of $("left").children) button.setAttribute("aria-pressed", String(button.value === name));
  };
  titles.before = made.degradation ? "Degraded" : "Input";
  $("left").replaceChildren(...choices.map((name) => make("button", { type: "button", value: name, textContent: titles[name], onclick: () => left(name) })));
  left("before");
  $("after").src = file("after");
  $("after").alt = "Restored";
  const width = Math.round(made.width * made.scale);
  $("stage").style.setProperty("--ratio", made.width / made.height);
  $("stage").style.setProperty("--size", `${width / devicePixelRatio}px`);
  const decibel = (value) => (value === null ? "equal" : `${value.toFixed(2)} dB`);
  $("facts").textContent = [
    `${made.width} × ${made.height} pixels, ${made.bits} bit`,
    made.scale < 1 && `shown at ${Math.round(100 * made.scale)} % of its size`,
    made.psnr && `PSNR against the original ${made.psnr.map(decibel).join(" → ")}`,
    `${made.seconds.toFixed(1)} s`,
    made.note,
  ].filter(Boolean).join("; ");
  const stem = photo.name.replace(/\.[^.]*$/, "");
  const link = (name, suffix) => make("a", { href: file(name), download: `${stem}-${name}${suffix}`, textContent: `Download ${name} (${suffix.slice(1).toUpperCase()})` });
  $("downloads").replaceChildren(link("restored", made.suffix), ...(made.degradation ? [link("degraded", ".png")] : []));
  $("drop").hidden = true;
  $("view").hidden = $("inside").hidden = false;
  $("waves").replaceChildren();
  $("look").hidden = false;
};
$("look").onclick = () => attempt(async (current) => {
  doing("Computing the waves");
  const { pictures } = await ask(address("inspect"), { method: "POST" });
  if (!current()) return;
  $("look").hidden = true;
  $("waves").replaceChildren(...pictures.map((picture) => make("figure", {},
    make("img", { src: address(`files/${picture.name}?${newest}`), alt: "" }),
    make("figcaption", {}, make("b", { textContent: picture.title }), picture.text))));
});

/* Choices */
$("preview").onload = () => { $("preview").hidden = false; };
$("preview").onerror = () => { $("preview").hidden = true; }; // a format that the browser cannot show
$("panel").onsubmit = (event) => { event.preventDefault(); restore(); };
$("file").onchange = () => choose($("file").files[0]);
$("other").onclick = () => $("file").click();
$("presets").append(...presets.map((text) => make("button", { type: "button", textContent: text, onclick: () => { $("degradation").value = text; restore(); } })));
ask("options").then(({ models, kinds, accept }) => {
  const describe = () => { $("summary").textContent = models.find((model) => model.value === $("model").value).summary; };
  $("file").accept = accept;
  $("kinds").textContent = kinds.join(", ");
  $("model").append(...models.map(({ value, title }) => new Option(title, value)));
  $("model").onchange = () => { describe(); restore(); };
  describe();
}).catch((error) => fail(error.message));
addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("over"); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("over"); });
addEventListener("drop", (event) => { event.preventDefault(); document.body.classList.remove("over"); choose(event.dataTransfer.files[0]); });

/* Divider */
{
  const stage = $("stage"), range = $("divider");
  const move = divider(stage, range, () => {
    range.setAttribute("aria-valuetext", `${range.value} % before, the rest restored`);
  });
  $("actual").onclick = () => {
    const actual = $("scroll").classList.toggle("actual");
    $("actual").setAttribute("aria-pressed", String(actual));
  };
  move();
}
