// The selected change: what happened, how it is known, and the cell that did it.

const inspector = at("inspector"),
  live = at("live");

function h3(text) {
  return el("h3", {}, text);
}

function listOf(items, kind = "") {
  return el(
    "ul",
    { class: kind },
    items.map((one) => el("li", {}, one)),
  );
}
const pill = (certainty) => el("span", { class: `pill ${certainty}`, title: SURE[certainty] }, certainty);
const SURE = {
  observed: "it was seen happening",
  inferred: "from the state before and after, and from the cell's source",
  unknown: "it changed, and what is known does not say how",
};

function inspect() {
  clearTimeout(inspect.later);
  remember();
  if (place.view === "cells") return inspectCell();
  const r = row(),
    m = moments[place.moment];
  if (!r || !m) {
    inspector.replaceChildren(el("p", { class: "dim" }, "Nothing was seen yet."));
    return;
  }
  const held = heldAt(r, m.index),
    change = held && held.moment === m.index && held.change !== null ? changeAt(held.change) : null;
  const steps = el(
    "span",
    { class: "steps" },
    el(
      "button",
      {
        title: "The change before, in this row (<)",
        "aria-label": "The change before",
        onclick: () => jump(row().marked, -1),
      },
      "‹",
    ),
    el(
      "button",
      {
        title: "The next change in this row (>)",
        "aria-label": "The next change",
        onclick: () => jump(row().marked, 1),
      },
      "›",
    ),
  );
  const made = [
    el(
      "div",
      { class: "where" },
      el("span", {}, `${whenOf(m)}${moments[moments.length - 1].epoch > 1 ? `, epoch ${m.epoch}` : ""}`),
      m.status && m.status !== "ok" ? el("span", { class: "warn" }, m.status) : null,
      steps,
    ),
  ];
  made.push(...(change ? describeChange(r, held, change) : quiet(r, held, m)));
  if (change || held?.alive) made.push(...parameters(held, change));
  made.push(...run(m, r));
  inspector.replaceChildren(...made);
  inspector.scrollTop = 0;
  const sentence = change
    ? `${whenOf(m)}. ${r.name}: ${change.verdict.word}, ${change.certainty}. ${change.sentence}`
    : `${whenOf(m)}. ${r.name}: ${held?.alive ? "unchanged" : "no model"}`;
  inspect.later = setTimeout(() => {
    live.textContent = sentence;
  }, 250);
}

function gens(held, change) {
  const swatch = (tone, n) => [el("span", { class: `swatch ${tone}` }), el("b", {}, `#${n}`)];
  const parts = [];
  if (change.before !== null && change.before !== change.gen)
    parts.push(...swatch(hueOf(held.moment, change.before), change.before), change.gen === null ? "" : "→");
  if (change.gen !== null) parts.push(...swatch(hueOf(held.moment, change.gen), change.gen));
  return parts.length > 0 ? el("span", { class: "gens" }, parts) : null;
}

function describeChange(r, held, change) {
  const made = [
    el("h2", {}, el("code", {}, r.name)),
    el(
      "div",
      { class: "facts" },
      el("span", { class: `badge ${change.verdict.tone}` }, sign(change.verdict), change.verdict.word),
      gens(held, change),
      pill(change.certainty),
    ),
    el("p", { class: "sentence" }, change.sentence),
    h3({ observed: "Seen", inferred: "Inferred from", unknown: "Known" }[change.certainty]),
    listOf(change.evidence, "evidence"),
  ];
  if (change.params.length)
    made.push(
      h3("Changed parameters"),
      el(
        "table",
        {},
        change.params.map(([name, before, after]) =>
          el(
            "tr",
            {},
            el("td", {}, name),
            el(
              "td",
              {},
              el("span", { class: "old-value" }, before),
              " → ",
              el("span", { class: "new-value" }, after),
            ),
          ),
        ),
      ),
    );
  if (change.kept.length) made.push(h3("File"), listOf(change.kept));
  if (change.stale.length)
    made.push(h3("Still held by"), listOf(change.stale.map((name) => toRow(name) ?? name)));
  if (change.parts.length) made.push(h3("Its parts"), listOf(change.parts.map((p) => partOf(changeAt(p)))));
  const axes = [
    ["identity", change.identity],
    ["learned", change.learned],
    ["has learned", change.fitted === null ? null : change.fitted ? "yes" : "no"],
    ["class", change.cls],
    ["object now", change.id],
    ["object before", change.idBefore],
  ];
  made.push(
    el(
      "details",
      {},
      el("summary", {}, "Identity, class and addresses"),
      el(
        "table",
        {},
        axes
          .filter(([, v]) => v !== undefined && v !== null)
          .map(([k, v]) => el("tr", {}, el("td", {}, k), el("td", {}, v))),
      ),
    ),
  );
  return made;
}
const rowNamed = (name) => rows.find((r) => r.name === name);

function toRow(name) {
  const found = rowNamed(name);
  return found ? el("button", { class: "link", onclick: () => go(place.moment, found) }, name) : null;
}
const partOf = (part) => [
  sign(part.verdict),
  " ",
  el("b", { class: part.verdict.tone }, part.verdict.word),
  " ",
  toRow(part.name) ?? part.name,
];

function quiet(r, held, m) {
  const made = [el("h2", {}, el("code", {}, r.name))];
  const state =
    held && held.alive
      ? [
          el(
            "span",
            { class: "gens" },
            held.gen === null
              ? "a part without a name"
              : [el("span", { class: `swatch ${toneOf(held)}` }), el("b", {}, `#${held.gen}`)],
          ),
          el("span", { class: "pill" }, shortOf(held.cls)),
          el("span", { class: "pill" }, held.fitted ? "has learned" : "nothing learned"),
        ]
      : null;
  const word =
    m.kind === KIND.attached && held?.alive
      ? "It was there already; its history is not known."
      : held?.alive
        ? "Left as it was."
        : "No model here at this moment.";
  made.push(el("p", { class: "sentence dim" }, word));
  if (state) made.push(el("div", { class: "facts" }, state));
  if (m.changes.length)
    made.push(
      h3(m.kind === KIND.run ? "This run changed" : "Changed here"),
      listOf(
        m.changes.map(([other, h]) =>
          partOf({ verdict: verdicts[data.changes[h.change][0]], name: other.name }),
        ),
      ),
    );
  return made;
}

function pairsOf(set) {
  const numbers = data.sets[set] ?? [],
    made = [];
  for (let i = 0; i < numbers.length; i += 2) made.push([texts[numbers[i]], texts[numbers[i + 1]]]);
  return made;
}

function parameters(held, change) {
  if (!held.alive) return [];
  const tell = (title, pairs) =>
    pairs.length
      ? [
          el(
            "details",
            {},
            el("summary", {}, `${title} (${pairs.length})`),
            el(
              "table",
              {},
              pairs.map(([k, v]) => el("tr", {}, el("td", {}, k), el("td", {}, v))),
            ),
          ),
        ]
      : [];
  return [
    ...tell(change ? "All parameters after it" : "Parameters", pairsOf(held.params)),
    ...tell("What it has learned", pairsOf(held.learned)),
  ];
}

function run(m, r) {
  if (m.kind !== KIND.run) return [];
  const cell = cells[m.cell],
    made = [];
  if (m.local.length)
    made.push(h3("Inside the call"), listOf(m.local.map((place_) => changeAt(place_).sentence)));
  if (m.cut.length) made.push(h3("Not looked at"), listOf(m.cut));
  if (cell.again) made.push(h3("Run again, this cell"), does(cell));
  const others = cell.runs.slice(-40);
  made.push(
    h3(`The cell${cell.runs.length > 1 ? `, run ${plural(cell.runs.length, "time")}` : ""}`),
    el(
      "div",
      { class: "runs-of" },
      others.map((o) =>
        o === m.index
          ? el("span", { class: "this" }, `[${m.count}]`)
          : el(
              "button",
              { class: "link", title: whenOf(moments[o]), onclick: () => go(o, r) },
              `[${moments[o].count}]`,
            ),
      ),
    ),
  );
  made.push(source(m.code));
  if (m.codeCut)
    made.push(el("p", { class: "dim" }, `Its first ${m.codeCut.toLocaleString("en")} characters.`));
  const when = m.started ? ` at ${m.started.slice(0, 19).replace("T", " ")} UTC` : "";
  made.push(el("p", { class: "dim" }, `${m.status} after ${m.seconds} s${when}`));
  return made;
}
const KEYWORDS =
  "and as assert async await break class continue def del elif else except False finally for from global if import in " +
  "is lambda None nonlocal not or pass raise return True try while with yield";
const QUOTED = [/"""[^]*?(?:"""|$)/, /'''[^]*?(?:'''|$)/, /"(?:\\.|[^"\\\n])*"?/, /'(?:\\.|[^'\\\n])*'?/];
const TOKENS = new RegExp(
  [
    /(#[^\n]*)/.source,
    `((?:\\b[rbfuRBFU]{1,2})?(?:${QUOTED.map((one) => one.source).join("|")}))`,
    `\\b(${KEYWORDS.replaceAll(" ", "|")})\\b`,
    /\b(\d[\w.]*)/.source,
  ].join("|"),
  "g",
);

function source(code) {
  const pre = el("pre", { tabindex: "0", "aria-label": "The cell's source" });
  let done = 0;
  for (const found of code.matchAll(TOKENS)) {
    const kind = found[1] ? "c" : found[2] ? "q" : found[3] ? "k" : "n";
    pre.append(code.slice(done, found.index), el("span", { class: kind }, found[0]));
    done = found.index + found[0].length;
  }
  pre.append(code.slice(done));
  return pre;
}
