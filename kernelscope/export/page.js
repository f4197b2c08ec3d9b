"use strict";
// Everything that a kernel says becomes a text node or an attribute here, never markup: the page's policy
// forbids the browser anything else. Of a long session only what is in sight is in the document.
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const at = (id) => document.getElementById(id);
  const data = JSON.parse(at("data").textContent);
  const texts = data.texts;
  const verdicts = data.verdicts.map(([word, short, tone, does, would]) => ({ word, short, tone, does, would }));
  const legend = data.legend.map((place) => verdicts[place]);
  const KIND = { attached: 0, run: 1, between: 2 };

  // The session, as objects.

  const moments = data.moments.map((m, index) => ({
    index, kind: m[0], epoch: m[1], count: m[2], code: texts[m[3]], status: texts[m[4]], started: texts[m[5]],
    seconds: m[6], rerunOf: m[7], cell: m[8], local: m[9] || [], cut: m[10] || [], codeCut: m[11], changes: [],
  }));
  const changeAt = (place) => {
    const c = data.changes[place];
    return c && {
      verdict: verdicts[c[0]], name: texts[c[1]], cls: texts[c[2]], gen: c[3], before: c[4], id: c[5], idBefore: c[6],
      fitted: c[7], identity: texts[c[8]], learned: texts[c[9]], certainty: texts[c[10]], said: texts[c[11]],
      evidence: c[12].map((t) => texts[t]), params: c[13].map((p) => p.map((t) => texts[t])),
      kept: c[14].map((t) => texts[t]), stale: c[15].map((t) => texts[t]), parts: c[16], local: c[17],
    };
  };
  const holding = (h) => ({
    moment: h[0], change: h[1], alive: h.length > 2, gen: h[2], fitted: h[3], cls: texts[h[4]], id: h[5], params: h[6], learned: h[7],
  });
  const rows = data.rows.map((r, index) => ({
    index, name: texts[r[0]], whole: r[1], label: texts[r[2]], track: r[3].map(holding), parts: [],
  }));
  for (const row of rows) {
    if (row.whole !== null) rows[row.whole].parts.push(row);
    row.marked = row.track.filter((held) => held.change !== null).map((held) => held.moment);
    row.latest = [...row.track].reverse().find((held) => held.alive);
    row.cls = row.latest ? shortOf(row.latest.cls) : "";
    row.gone = !row.track.length || !row.track[row.track.length - 1].alive;
    if (row.whole === null) for (const held of row.track) if (held.change !== null) moments[held.moment].changes.push([row, held]);
  }
  const cells = data.cells.map(([code, runs, again, effects, outlook], index) => ({
    index, code: texts[code], runs, again, outlook, effects: effects.map((e) => ({ name: texts[e[0]], verdict: verdicts[e[1]], times: e[2], of: e[3] })),
  }));
  const changed = moments.filter((m) => m.changes.length || m.local.length).map((m) => m.index);
  const prelude = moments.length && moments[0].count > 0 ? 34 : 0;

  function shortOf(cls) { return cls ? cls.slice(cls.lastIndexOf(".") + 1) : "model"; }
  /** How many of `list`, ascending, are at most `value`. */
  function upTo(list, value, key = (x) => x) {
    let low = 0, high = list.length;
    while (low < high) { const mid = (low + high) >> 1; if (key(list[mid]) <= value) low = mid + 1; else high = mid; }
    return low;
  }
  const heldAt = (row, moment) => row.track[upTo(row.track, moment, (h) => h.moment) - 1];
  const hueOf = (moment, gen) => `g${(gen - 1 + 3 * (moments[moment].epoch - 1)) % 8}`;
  const toneOf = (held) => (held.gen === null ? "ofpart" : hueOf(held.moment, held.gen));
  function whenOf(m) {
    if (m.kind === KIND.run) return `In [${m.count}]`;
    if (m.kind === KIND.between) return `After In [${m.count}], between runs`;
    if (m.index === 0) return m.count ? `At the attach, after In [${m.count}]` : "At the attach";
    return m.count ? "Attached again" : "Kernel restarted";
  }
  const plural = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

  // Elements.

  function el(tag, given = {}, ...inner) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(given)) {
      if (value === undefined || value === null || value === false) continue;
      if (key === "class") made.className = value;
      else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...inner.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
    return made;
  }
  const SVG = "http://www.w3.org/2000/svg";
  function sign(verdict) {
    const svg = document.createElementNS(SVG, "svg"), use = document.createElementNS(SVG, "use");
    svg.setAttribute("class", `sign ${verdict.tone}`);
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `#v-${verdict.word}`);
    svg.append(use);
    return svg;
  }
  function placed(made, left, width) {
    made.style.left = `${left}px`;
    if (width !== undefined) made.style.width = `${width}px`;
    return made;
  }

  // Where the reader is.

  const WIDTHS = [24, 40, 12, 5];
  const place = { view: "timeline", row: 0, moment: Math.max(0, moments.length - 1), cell: 0, wanted: "", open: new Set(), width: 0 };
  let shown = [], listed = [], rowHeight = 36;
  const cw = () => WIDTHS[place.width];
  const xOf = (moment) => prelude + moment * cw();
  const row = () => rows[place.row];

  function relist() {
    const sought = place.wanted.toLowerCase();
    const fits = (r) => !sought || r.name.toLowerCase().includes(sought) || r.cls.toLowerCase().includes(sought);
    shown = rows.filter((r) => r.whole === null && fits(r)).flatMap((r) => (place.open.has(r.index) ? [r, ...r.parts] : [r]));
    listed = cells.filter((c) => !sought || c.code.toLowerCase().includes(sought) || c.effects.some((e) => e.name.toLowerCase().includes(sought)));
    if (shown.length && !shown.includes(row())) place.row = shown.find((r) => r.index === row().whole)?.index ?? shown[0].index;
    if (listed.length && !listed.includes(cells[place.cell])) place.cell = listed[0].index;
  }

  // The grid.

  const grid = at("grid");
  const axis = el("div", { class: "axis", role: "row" }), body = el("div", { role: "presentation", class: "sizer" }), sizer = el("div", { class: "sizer", role: "presentation" }, axis, body);
  grid.append(sizer);
  let namesWidth = 240;

  function measure() {
    namesWidth = parseFloat(getComputedStyle(root).getPropertyValue("--names")) * parseFloat(getComputedStyle(root).fontSize);
    sizer.style.width = `${namesWidth + xOf(moments.length) + 24}px`;
    body.style.height = `${Math.max(shown.length * rowHeight, grid.clientHeight - 30)}px`;
    grid.setAttribute("aria-rowcount", shown.length + 1);
    grid.setAttribute("aria-colcount", moments.length + 1);
  }

  function window_() {
    const wide = grid.clientWidth - namesWidth, left = grid.scrollLeft - prelude;
    return {
      first: Math.max(0, Math.floor(left / cw()) - 2),
      last: Math.min(moments.length, Math.ceil((left + wide) / cw()) + 2),
      top: Math.max(0, Math.floor(grid.scrollTop / rowHeight) - 1),
      bottom: Math.min(shown.length, Math.ceil((grid.scrollTop + grid.clientHeight) / rowHeight) + 1),
    };
  }

  let waiting = false;
  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  }
  function draw() {
    if (place.view === "cells") return drawCells();
    const view = window_(), base = namesWidth;
    axis.replaceChildren(...ticks(view.first, view.last, base, cw(), place.moment));
    const made = [placed(el("div", { class: "col" }), base + xOf(place.moment), cw())];
    for (const wall of walls(view.first, view.last)) made.push(placed(el("div", { class: "wall" }), base + xOf(wall) + cw() / 2 - 1));
    for (let i = view.top; i < view.bottom; i++) made.push(drawRow(shown[i], i, view, base));
    body.replaceChildren(...made);
    const cursor = at("cursor");
    if (cursor) grid.setAttribute("aria-activedescendant", "cursor"); else grid.removeAttribute("aria-activedescendant");
  }
  const walls = (first, last) => moments.slice(first, last).filter((m) => m.kind === KIND.attached).map((m) => m.index);

  function ticks(first, last, base, width, here, origin = 0) {
    const made = [el("div", { class: "corner", role: "columnheader" }, "name")];
    const longest = last > first ? String(moments[last - 1].count).length : 1;
    const stride = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((s) => s * width > longest * 7 + 12) ?? 2000;
    let free = -Infinity;
    for (let i = first; i < last; i++) {
      const m = moments[i], x = base + prelude + (i - origin) * width + width / 2;
      if (m.kind === KIND.attached && i > 0) {
        made.push(placed(el("span", { class: "tick new" }, m.count ? "again" : `epoch ${m.epoch}`), x + 4));
        free = x + 54;
      } else if (i === here) {
        made.push(placed(el("span", { class: "tick here", "data-m": i, "aria-hidden": "true" }, m.kind === KIND.attached ? "attach" : m.count), x));
      } else if (m.kind === KIND.run && (m.count % stride === 0 || moments[i - 1]?.kind === KIND.attached) && x > free && Math.abs(i - here) * width > longest * 7 + 10) {
        made.push(placed(el("span", { class: "tick", "data-m": i, "aria-hidden": "true" }, m.count), x));
        free = x + longest * 7 + 4;
      }
    }
    return made;
  }

  function drawRow(r, i, view, base) {
    const here = r === row();
    const made = el("div", { class: here ? "row here" : "row", role: "row", "aria-rowindex": i + 2, "data-row": r.index }, nameOf(r, here));
    made.style.top = `${i * rowHeight}px`;
    made.style.width = "100%";
    lifeline(made, r, view.first, view.last, base, cw(), 0);
    if (here) cursorIn(made, r, base);
    return made;
  }

  function nameOf(r, here) {
    const open = place.open.has(r.index);
    const fold = el("button", { class: r.parts.length ? "fold" : "fold none", tabindex: "-1", "data-fold": r.index, "aria-label": open ? "Hide its parts" : "Show its parts", "aria-expanded": r.parts.length ? String(open) : null }, open ? "▾" : "▸");
    const kind = `name${r.gone ? " gone" : ""}${r.whole === null ? "" : " part"}`;
    return el("div", { class: kind, role: "rowheader", title: `${r.name}${r.cls ? `: ${r.cls}` : ""}`, "aria-selected": here ? "true" : null }, r.whole === null ? fold : null, el("b", {}, r.label), el("small", {}, r.cls));
  }

  /** The line, the glyphs and the numbers of one row over the columns [first, last). */
  function lifeline(into, r, first, last, base, width, origin) {
    const mid = (moment) => base + prelude + (moment - origin) * width + width / 2;
    const track = r.track, begin = Math.max(0, upTo(track, first, (h) => h.moment) - 1);
    if (first === 0 && prelude && track.length && track[0].moment === 0 && track[0].alive) into.append(placed(el("div", { class: "line hatch" }), base + 4, prelude + width / 2 - 6));
    for (let k = begin; k < track.length && track[k].moment < last; k++) {
      const held = track[k], next = track[k + 1], m = moments[held.moment];
      const from = Math.max(held.moment, first), to = next ? Math.min(next.moment, last) : last;
      if (held.alive && to > from - 1) {
        const left = held.moment < first ? mid(first) - width / 2 : mid(from);
        const ends = next && next.moment <= last ? mid(next.moment) - (moments[next.moment].kind === KIND.attached ? 2 : 0) : mid(last - 1) + width / 2;
        into.append(placed(el("div", { class: `line ${toneOf(held)}${held.fitted ? "" : " bare"}` }), left, Math.max(0, Math.min(ends, mid(last - 1) + width / 2) - left)));
      }
      if (held.moment < first) continue;
      const change = held.change === null ? null : data.changes[held.change];
      if (change && width >= 10) {
        const verdict = verdicts[change[0]], there = here(r, held.moment);
        into.append(placed(el("div", { class: `mark${there ? " sel" : ""}`, role: "gridcell", id: there ? "cursor" : null, "aria-colindex": held.moment + 2, "aria-selected": String(there), "aria-label": `${whenOf(m)}, ${r.name}: ${verdict.word}`, "data-m": held.moment }, sign(verdict)), mid(held.moment)));
      } else if (change) {
        const verdict = verdicts[change[0]];
        const tick = placed(el("div", { class: "mark", "data-m": held.moment }, sign(verdict)), mid(held.moment));
        tick.style.transform = "scale(.6)";
        into.append(tick);
      }
      const numbered = held.alive && held.gen !== null && (!change ? m.kind === KIND.attached : ["new", "recreated", "rebound"].includes(texts[change[8]]));
      if (numbered && width >= 10) into.append(placed(el("span", { class: `num ${toneOf(held)}`, "aria-hidden": "true" }, held.gen), mid(held.moment) + (change ? 0 : 12)));
    }
  }
  const here = (r, moment) => place.view === "timeline" && r === row() && moment === place.moment;

  function cursorIn(made, r, base) {
    const held = heldAt(r, place.moment);
    if (held && held.moment === place.moment && held.change !== null && cw() >= 10) return;
    const label = `${whenOf(moments[place.moment])}, ${r.name}: ${held && held.alive ? "left as it was" : "no model"}`;
    made.append(placed(el("div", { class: "quiet", role: "gridcell", id: "cursor", "aria-colindex": place.moment + 2, "aria-selected": "true", "aria-label": label }), base + xOf(place.moment) + cw() / 2));
  }

  // Moves.

  function reveal() {
    const i = shown.indexOf(row()), top = i * rowHeight, high = grid.clientHeight - 31 - rowHeight;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top > grid.scrollTop + high) grid.scrollTop = top - high;
    const x = xOf(place.moment), wide = grid.clientWidth - namesWidth, margin = Math.min(3 * cw(), wide / 4);
    if (x - margin < grid.scrollLeft) grid.scrollLeft = x - margin;
    else if (x + cw() + margin > grid.scrollLeft + wide) grid.scrollLeft = x + cw() + margin - wide;
  }
  function go(moment, r) {
    if (moment !== undefined && moments.length) place.moment = Math.max(0, Math.min(moments.length - 1, moment));
    if (r) {
      place.row = r.index;
      if (!shown.includes(r)) { if (r.whole !== null) place.open.add(r.whole); place.wanted = at("filter").value = ""; refit(); }
    }
    reveal();
    soon();
    inspect();
  }
  function refit() { relist(); drawLegend(); measure(); at("empty").hidden = shown.length > 0; at("empty").textContent = rows.length ? "No name has this in it." : "No model was seen."; soon(); }
  function moveRow(by) {
    if (!shown.length) return;
    const i = Math.max(0, Math.min(shown.length - 1, shown.indexOf(row()) + by));
    go(place.moment, shown[i]);
  }
  function jump(places, by) {
    const i = by > 0 ? upTo(places, place.moment) : upTo(places, place.moment - 1) - 1;
    if (i >= 0 && i < places.length) go(places[i]);
  }
  /** To the next change of a kind, in whatever row; after the last comes the first. */
  function nextOf(verdict) {
    const all = [];
    for (const r of rows) if (r.whole === null) for (const held of r.track) if (held.change !== null && verdicts[data.changes[held.change][0]] === verdict) all.push([held.moment, r]);
    all.sort((a, b) => a[0] - b[0] || a[1].index - b[1].index);
    const after = all.find(([moment, r]) => moment > place.moment || (moment === place.moment && r.index > place.row));
    const [moment, r] = after ?? all[0];
    look("timeline");
    go(moment, r);
  }

  // The inspector.

  const inspector = at("inspector"), live = at("live");
  function h3(text) { return el("h3", {}, text); }
  function listOf(items, kind = "") { return el("ul", { class: kind }, items.map((one) => el("li", {}, one))); }
  const pill = (certainty) => el("span", { class: `pill ${certainty}`, title: SURE[certainty] }, certainty);
  const SURE = { observed: "it was seen happening", inferred: "from the state before and after, and from the cell's source", unknown: "it changed, and what is known does not say how" };

  function inspect() {
    clearTimeout(inspect.later);
    remember();
    if (place.view === "cells") return inspectCell();
    const r = row(), m = moments[place.moment];
    if (!r || !m) { inspector.replaceChildren(el("p", { class: "dim" }, "Nothing was seen yet.")); return; }
    const held = heldAt(r, m.index), change = held && held.moment === m.index && held.change !== null ? changeAt(held.change) : null;
    const steps = el("span", { class: "steps" }, el("button", { title: "The change before, in this row (<)", "aria-label": "The change before", onclick: () => jump(row().marked, -1) }, "‹"), el("button", { title: "The next change in this row (>)", "aria-label": "The next change", onclick: () => jump(row().marked, 1) }, "›"));
    const made = [el("div", { class: "where" }, el("span", {}, `${whenOf(m)}${moments[moments.length - 1].epoch > 1 ? `, epoch ${m.epoch}` : ""}`), m.status && m.status !== "ok" ? el("span", { class: "warn" }, m.status) : null, steps)];
    made.push(...(change ? told(r, held, change) : quiet(r, held, m)));
    if (change || held?.alive) made.push(...parameters(held, change));
    made.push(...run(m, r));
    inspector.replaceChildren(...made);
    inspector.scrollTop = 0;
    const said = change ? `${whenOf(m)}. ${r.name}: ${change.verdict.word}, ${change.certainty}. ${change.said}` : `${whenOf(m)}. ${r.name}: ${held?.alive ? "left as it was" : "no model"}`;
    inspect.later = setTimeout(() => { live.textContent = said; }, 250);
  }
  function gens(held, change) {
    const swatch = (tone, n) => [el("span", { class: `swatch ${tone}` }), el("b", {}, n)];
    const told = ["generation"];
    if (change.before !== null && change.before !== change.gen) told.push(...swatch(hueOf(held.moment, change.before), change.before), change.gen === null ? "" : "→");
    if (change.gen !== null) told.push(...swatch(hueOf(held.moment, change.gen), change.gen));
    return told.length > 1 ? el("span", { class: "gens" }, told) : null;
  }
  function told(r, held, change) {
    const made = [
      el("h2", {}, el("code", {}, r.name)),
      el("div", { class: "facts" }, el("span", { class: `badge ${change.verdict.tone}` }, sign(change.verdict), change.verdict.word), gens(held, change), pill(change.certainty)),
      el("p", { class: "said" }, change.said),
      h3({ observed: "Seen", inferred: "Inferred from", unknown: "Known" }[change.certainty]),
      listOf(change.evidence, "evidence"),
    ];
    if (change.params.length) made.push(h3("Changed parameters"), el("table", {}, change.params.map(([name, before, after]) => el("tr", {}, el("td", {}, name), el("td", {}, el("span", { class: "old-value" }, before), " → ", el("span", { class: "new-value" }, after))))));
    if (change.kept.length) made.push(h3("File"), listOf(change.kept));
    if (change.stale.length) made.push(h3("Still held by"), listOf(change.stale.map((name) => toRow(name) ?? name)));
    if (change.parts.length) made.push(h3("Its parts"), listOf(change.parts.map((p) => partOf(changeAt(p)))));
    const axes = [["identity", change.identity], ["learned", change.learned], ["class", change.cls], ["object now", change.id], ["object before", change.idBefore]];
    made.push(el("details", {}, el("summary", {}, "Identity, class and addresses"), el("table", {}, axes.filter(([, v]) => v !== undefined && v !== null).map(([k, v]) => el("tr", {}, el("td", {}, k), el("td", {}, v))))));
    return made;
  }
  const rowNamed = (name) => rows.find((r) => r.name === name);
  function toRow(name) {
    const found = rowNamed(name);
    return found ? el("button", { class: "link", onclick: () => go(place.moment, found) }, name) : null;
  }
  const partOf = (part) => [sign(part.verdict), " ", el("b", { class: part.verdict.tone }, part.verdict.word), " ", toRow(part.name) ?? part.name];
  function quiet(r, held, m) {
    const made = [el("h2", {}, el("code", {}, r.name))];
    const state = held && held.alive ? [el("span", { class: "gens" }, held.gen === null ? "a part without a name" : ["generation ", el("span", { class: `swatch ${toneOf(held)}` }), el("b", {}, held.gen)]), el("span", { class: "pill" }, shortOf(held.cls)), el("span", { class: "pill" }, held.fitted ? "has learned" : "nothing learned")] : null;
    const word = m.kind === KIND.attached && held?.alive ? "It was there already; its history is not known." : held?.alive ? "Left as it was." : "No model here at this moment.";
    made.push(el("p", { class: "said dim" }, word));
    if (state) made.push(el("div", { class: "facts" }, state));
    if (m.changes.length) made.push(h3(m.kind === KIND.run ? "This run changed" : "Changed here"), listOf(m.changes.map(([other, h]) => partOf({ verdict: verdicts[data.changes[h.change][0]], name: other.name }))));
    return made;
  }
  function pairsOf(set) {
    const numbers = data.sets[set] ?? [], made = [];
    for (let i = 0; i < numbers.length; i += 2) made.push([texts[numbers[i]], texts[numbers[i + 1]]]);
    return made;
  }
  function parameters(held, change) {
    if (!held.alive) return [];
    const tell = (title, pairs) => (pairs.length ? [el("details", {}, el("summary", {}, `${title} (${pairs.length})`), el("table", {}, pairs.map(([k, v]) => el("tr", {}, el("td", {}, k), el("td", {}, v)))))] : []);
    return [...tell(change ? "All parameters after it" : "Parameters", pairsOf(held.params)), ...tell("What it has learned", pairsOf(held.learned))];
  }
  function run(m, r) {
    if (m.kind !== KIND.run) return [];
    const cell = cells[m.cell], made = [];
    if (m.local.length) made.push(h3("Inside the call"), listOf(m.local.map((place_) => changeAt(place_).said)));
    if (m.cut.length) made.push(h3("Not looked at"), listOf(m.cut));
    if (cell.again) made.push(h3("Run again, this cell"), does(cell));
    const others = cell.runs.slice(-40);
    made.push(h3(`The cell${cell.runs.length > 1 ? `, run ${plural(cell.runs.length, "time")}` : ""}`), el("div", { class: "runs-of" }, others.map((o) => (o === m.index ? el("span", { class: "this" }, `[${m.count}]`) : el("button", { class: "link", title: whenOf(moments[o]), onclick: () => go(o, r) }, `[${moments[o].count}]`)))));
    made.push(source(m.code));
    if (m.codeCut) made.push(el("p", { class: "dim" }, `Its first ${m.codeCut.toLocaleString("en")} characters.`));
    const when = m.started ? ` at ${m.started.slice(0, 19).replace("T", " ")} UTC` : "";
    made.push(el("p", { class: "dim" }, `${m.status} after ${m.seconds} s${when}`));
    return made;
  }
  const TOKENS = /(#[^\n]*)|((?:\b[rbfuRBFU]{1,2})?(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))|\b(and|as|assert|async|await|break|class|continue|def|del|elif|else|except|False|finally|for|from|global|if|import|in|is|lambda|None|nonlocal|not|or|pass|raise|return|True|try|while|with|yield)\b|\b(\d[\w.]*)/g;
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

  // The cells.

  const CELL = 52, list = at("list"), cellSizer = el("div", { class: "sizer", role: "presentation" });
  list.append(cellSizer);
  const SAYS_LITTLE = /^(import |from |def |async def |class |[@#%)\]}\s]|with |if |for )/;
  function headline(code) {
    const lines = code.split("\n").filter((line) => line.trim());
    const line = lines.find((one) => !SAYS_LITTLE.test(one)) ?? lines.find((one) => !one.trim().startsWith("#")) ?? lines[0] ?? "(empty cell)";
    return lines.length > 1 ? `${line.trim()} …` : line.trim();
  }
  function does(cell) {
    const made = el("span", { class: "does" });
    if (cell.again) {
      if (!cell.effects.length) made.append(el("span", { class: "dim" }, `leaves every model alone, ${cell.again} of ${plural(cell.again, "time")}`));
      cell.effects.forEach((e, i) => made.append(i ? " · " : "", sign(e.verdict), ` ${e.verdict.does} `, el("b", {}, e.name), el("span", { class: "dim" }, ` ${e.times} of ${plural(e.of, "time")}`)));
      return made;
    }
    made.classList.add("would");
    const [forecasts, doubt] = cell.outlook ?? [[], ""];
    if (cell.outlook && forecasts.length) {
      forecasts.forEach(([name, verdict, sure, reason], i) => {
        made.append(i ? " · " : "");
        if (verdict === null) made.append("cannot tell for ", el("b", {}, texts[name]));
        else made.append(sign(verdicts[verdict]), ` ${sure ? "would" : "may"} ${verdicts[verdict].would} `, el("b", {}, texts[name]));
        if (i === forecasts.length - 1) made.append(`: ${texts[reason]}`);
      });
    } else if (cell.outlook && doubt === null) made.append("would leave every model alone");
    else if (cell.effects.length) {
      made.append("ran once: ");
      cell.effects.forEach((e, i) => made.append(i ? " · " : "", sign(e.verdict), ` ${e.verdict.word} `, el("b", {}, e.name)));
    } else made.append("ran once: left every model alone");
    return made;
  }
  function drawCells() {
    cellSizer.style.height = `${listed.length * CELL}px`;
    list.setAttribute("aria-label", `Cells, ${listed.length}, and what running each of them again did`);
    const top = Math.max(0, Math.floor(list.scrollTop / CELL) - 2), bottom = Math.min(listed.length, Math.ceil((list.scrollTop + list.clientHeight) / CELL) + 2);
    const made = [];
    for (let i = top; i < bottom; i++) {
      const cell = listed[i], here_ = cell.index === place.cell;
      const runs = cell.runs.slice(-6).map((o, k, all) => (k && moments[o].epoch !== moments[all[k - 1]].epoch ? `┃ [${moments[o].count}]` : `[${moments[o].count}]`)).join(" ");
      const line = el("div", { class: here_ ? "cell here" : "cell", role: "option", id: here_ ? "option" : null, "aria-selected": String(here_), "aria-posinset": i + 1, "aria-setsize": listed.length, "data-cell": cell.index }, el("code", {}, headline(cell.code)), el("span", { class: "runs" }, cell.runs.length > 6 ? `… ${runs}` : runs), does(cell));
      line.style.top = `${i * CELL}px`;
      made.push(line);
    }
    cellSizer.replaceChildren(...made);
    list.setAttribute("aria-activedescendant", "option");
  }
  function inspectCell() {
    const cell = cells[place.cell];
    if (!cell) { inspector.replaceChildren(el("p", { class: "dim" }, "No cell ran.")); return; }
    const made = [el("h2", {}, cell.again ? `Run again ${plural(cell.again, "time")}` : `Run ${plural(cell.runs.length, "time")}`), does(cell)];
    if (!cell.again) made.push(el("p", { class: "dim" }, cell.outlook && cell.outlook[1] !== null ? `Not sure: ${texts[cell.outlook[1]]}` : "A forecast is no verdict: nothing of it has been seen."));
    made.push(h3("Its runs"), listOf(cell.runs.slice(-60).map((o) => {
      const m = moments[o];
      const link = el("button", { class: "link", onclick: () => { look("timeline"); go(o, m.changes[0]?.[0]); } }, whenOf(m));
      const what = m.changes.length ? m.changes.map(([r, h]) => [" ", sign(verdicts[data.changes[h.change][0]]), ` ${verdicts[data.changes[h.change][0]].word} `, el("b", {}, r.name)]).flat() : [el("span", { class: "dim" }, " left every model alone")];
      return el("span", {}, link, m.rerunOf !== null ? el("span", { class: "dim" }, ` again after [${m.rerunOf}]`) : null, what);
    })), h3("Source"), source(cell.code));
    inspector.replaceChildren(...made);
    inspector.scrollTop = 0;
    inspect.later = setTimeout(() => { live.textContent = `${headline(cell.code)}: ${inspector.querySelector(".does").textContent}`; }, 250);
  }
  function moveCell(by) {
    if (!listed.length) return;
    const i = Math.max(0, Math.min(listed.length - 1, listed.indexOf(cells[place.cell]) + by));
    place.cell = listed[i].index;
    const top = i * CELL;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + CELL > list.scrollTop + list.clientHeight) list.scrollTop = top + CELL - list.clientHeight;
    soon();
    inspect();
  }

  // Views, themes, help.

  function look(view) {
    if (place.view === view) return;
    place.view = view;
    for (const name of ["timeline", "cells"]) {
      at(name).hidden = name !== view;
      at(`tab-${name}`).setAttribute("aria-selected", String(name === view));
      at(`tab-${name}`).tabIndex = name === view ? 0 : -1;
    }
    hideTip();
    draw();
    inspect();
    (view === "cells" ? list : grid).focus({ preventScroll: true });
  }
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  function theme(wanted) {
    root.dataset.theme = wanted;
    try { localStorage.setItem("kernelscope-theme", wanted); } catch { /* a page in a sandbox keeps nothing */ }
    nameTheme();
  }
  function nameTheme() { at("theme").textContent = isDark() ? "☀ Light" : "☾ Dark"; }
  function zoom() {
    const x = place.moment;
    place.width = (place.width + 1) % WIDTHS.length;
    measure();
    grid.scrollLeft = xOf(x) - (grid.clientWidth - namesWidth) / 2;
    soon();
  }
  function fold(r, want) {
    const whole = r.whole === null ? r : rows[r.whole];
    if (!whole.parts.length) return;
    const open = want ?? !place.open.has(whole.index);
    if (open) place.open.add(whole.index); else { place.open.delete(whole.index); if (row() !== whole && row().whole === whole.index) place.row = whole.index; }
    refit();
    reveal();
    inspect();
  }
  const KEYS = [
    ["← ↓ ↑ →, h j k l", "move"], ["< >  or  , .", "previous and next change in this row"], ["{ }", "previous and next run that changed any model"],
    ["g G", "first and last row"], ["0 $", "first and last run"], ["page up, page down", "a page of rows"], ["enter", "to the evidence; esc comes back"], ["o", "show or hide the parts of this row"],
    ["c", "the cells, and what running them again did; back"], ["/", "filter; esc clears it"], ["z", "wider or narrower columns"], ["t", "light or dark"], ["?", "this help"],
  ];
  function help() {
    const box = at("help");
    if (box.open) return;
    box.replaceChildren(
      el("button", { onclick: () => box.close() }, "Close"), el("h2", {}, "Keys and glyphs"),
      el("div", { class: "two" }, el("dl", {}, KEYS.map(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)])), el("dl", {}, legend.map((v) => [el("dt", {}, sign(v), ` ${v.word}`), el("dd", {}, v.short)]))),
      el("p", { class: "dim" }, "A row is a name that holds a model; a column is a run of a cell. The line changes its colour where the name got another object, and two rows of one colour are one object under two names. The number beside a glyph is the object's: its generation. A thin line has learned nothing yet; a dashed one was there before the attach. A wall is a restart of the kernel."));
    box.showModal();
  }
  function drawLegend() {
    if (drawLegend.done) return;
    drawLegend.done = true;
    const seen = new Map();
    for (const r of rows) if (r.whole === null) for (const held of r.track) if (held.change !== null) { const v = verdicts[data.changes[held.change][0]]; seen.set(v, (seen.get(v) ?? 0) + 1); }
    const order = legend.filter((v) => seen.has(v));
    at("legend").replaceChildren(...order.map((v) => el("button", { title: `${v.short}: go to the next`, "aria-label": `${v.word}, ${seen.get(v)}: go to the next`, onclick: () => nextOf(v) }, sign(v), v.word, el("small", {}, seen.get(v)))));
  }

  // A link to a change: #m<moment>.r<row>.

  function remember() {
    clearTimeout(remember.later);
    remember.later = setTimeout(() => { try { history.replaceState(null, "", `#m${place.moment}.r${place.row}`); } catch { /* not in a sandbox */ } }, 400);
  }
  function recall() {
    const found = /^#m(\d+)\.r(\d+)$/.exec(location.hash);
    if (!found || !rows[found[2]] || !moments[found[1]]) return false;
    const r = rows[Number(found[2])];
    if (r.whole !== null) place.open.add(r.whole);
    place.row = r.index;
    place.moment = Number(found[1]);
    return true;
  }
  /** The latest change that took something away, else the latest change. */
  function beginning() {
    let best = null;
    for (const r of rows) if (r.whole === null) for (const held of r.track) if (held.change !== null) {
      const rank = [verdicts[data.changes[held.change][0]].word === "reset" ? 1 : 0, held.moment];
      if (!best || rank[0] > best.rank[0] || (rank[0] === best.rank[0] && rank[1] > best.rank[1])) best = { rank, row: r.index, moment: held.moment };
    }
    if (best) { place.row = best.row; place.moment = best.moment; }
  }

  // The pointer.

  const tip = at("tip");
  function hideTip() { tip.hidden = true; }
  function showTip(target, r, m) {
    const held = heldAt(r, m), change = held && held.moment === m && held.change !== null ? changeAt(held.change) : null;
    if (!change) return hideTip();
    tip.replaceChildren(el("p", {}, el("span", { class: `badge ${change.verdict.tone}` }, sign(change.verdict), change.verdict.word), " ", el("span", { class: "dim" }, `${whenOf(moments[m])} · ${change.certainty}`)), change.said, listOf(change.evidence.slice(0, 5)));
    tip.hidden = false;
    const box = target.getBoundingClientRect(), own = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(innerWidth - own.width - 8, box.left + box.width / 2 - own.width / 2))}px`;
    tip.style.top = `${box.bottom + own.height + 14 > innerHeight ? Math.max(8, box.top - own.height - 8) : box.bottom + 8}px`;
  }
  grid.addEventListener("mouseover", (event) => {
    const mark = event.target.closest(".mark"), line = event.target.closest("[data-row]");
    if (mark && line) showTip(mark, rows[line.dataset.row], Number(mark.dataset.m)); else hideTip();
  });
  grid.addEventListener("mouseleave", hideTip);
  grid.addEventListener("click", (event) => {
    const line = event.target.closest("[data-row]"), folded = event.target.closest("[data-fold]"), tick = event.target.closest(".tick[data-m]");
    if (folded) return fold(rows[folded.dataset.fold]);
    if (tick) return go(Number(tick.dataset.m));
    if (!line) return;
    if (event.target.closest(".name")) return go(place.moment, rows[line.dataset.row]);
    const x = event.clientX - grid.getBoundingClientRect().left + grid.scrollLeft - namesWidth - prelude;
    const mark = event.target.closest(".mark");
    go(mark ? Number(mark.dataset.m) : Math.floor(x / cw()), rows[line.dataset.row]);
  });
  list.addEventListener("click", (event) => {
    const line = event.target.closest("[data-cell]");
    if (line) { place.cell = Number(line.dataset.cell); moveCell(0); }
  });
  for (const scroller of [grid, list]) scroller.addEventListener("scroll", () => { hideTip(); soon(); }, { passive: true });

  // The keyboard.

  function onTimeline(key) {
    const page = Math.max(1, Math.floor(grid.clientHeight / rowHeight) - 2);
    const moves = {
      ArrowLeft: () => go(place.moment - 1), h: () => go(place.moment - 1), ArrowRight: () => go(place.moment + 1), l: () => go(place.moment + 1),
      ArrowUp: () => moveRow(-1), k: () => moveRow(-1), ArrowDown: () => moveRow(1), j: () => moveRow(1), PageUp: () => moveRow(-page), PageDown: () => moveRow(page),
      "<": () => jump(row().marked, -1), ",": () => jump(row().marked, -1), ">": () => jump(row().marked, 1), ".": () => jump(row().marked, 1),
      "{": () => jump(changed, -1), "}": () => jump(changed, 1), g: () => moveRow(-Infinity), G: () => moveRow(Infinity),
      0: () => go(0), Home: () => go(0), $: () => go(moments.length - 1), End: () => go(moments.length - 1),
      o: () => fold(row()), " ": () => fold(row()), z: zoom,
    };
    return rows.length ? moves[key] : undefined;
  }
  function onCells(key) {
    const page = Math.max(1, Math.floor(list.clientHeight / CELL) - 1);
    return { ArrowUp: () => moveCell(-1), k: () => moveCell(-1), ArrowDown: () => moveCell(1), j: () => moveCell(1), PageUp: () => moveCell(-page), PageDown: () => moveCell(page), g: () => moveCell(-Infinity), G: () => moveCell(Infinity), Home: () => moveCell(-Infinity), End: () => moveCell(Infinity) }[key];
  }
  function anywhere(key) {
    return { "/": () => { at("filter").focus(); at("filter").select(); }, "?": help, t: () => theme(isDark() ? "light" : "dark"), c: () => look(place.view === "cells" ? "timeline" : "cells"),
      Enter: () => inspector.focus(), Escape: () => { if (place.wanted) { place.wanted = at("filter").value = ""; refit(); inspect(); } (place.view === "cells" ? list : grid).focus({ preventScroll: true }); } }[key];
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || at("help").open) return;
    const typing = event.target.matches("input"), scroller = place.view === "cells" ? list : grid;
    if (typing) {
      if (event.key === "Escape" && !event.target.value) { event.preventDefault(); scroller.focus(); }
      else if (event.key === "Enter" || event.key === "ArrowDown") { event.preventDefault(); scroller.focus(); }
      return;
    }
    const onButton = event.target.closest("button, summary"), reading = event.target.closest("#inspector");
    if (onButton && (event.key === "Enter" || event.key === " ")) return;
    if (reading && /^(Arrow|Page|Home|End| )/.test(event.key)) return;
    if (event.target.role === "tab" && /^Arrow(Left|Right)$/.test(event.key)) { event.preventDefault(); look(place.view === "cells" ? "timeline" : "cells"); at(`tab-${place.view}`).focus(); return; }
    const act = (place.view === "cells" ? onCells : onTimeline)(event.key) ?? anywhere(event.key);
    if (!act) return;
    event.preventDefault();
    hideTip();
    act();
  });
  at("filter").addEventListener("input", (event) => { place.wanted = event.target.value; refit(); if (place.view === "cells") { list.scrollTop = 0; moveCell(0); } else if (shown.length) { reveal(); inspect(); } });
  at("tab-timeline").addEventListener("click", () => look("timeline"));
  at("tab-cells").addEventListener("click", () => look("cells"));
  at("theme").addEventListener("click", () => theme(isDark() ? "light" : "dark"));
  at("zoom").addEventListener("click", zoom);
  at("ask").addEventListener("click", help);
  addEventListener("resize", () => { measure(); soon(); });
  addEventListener("hashchange", () => { if (recall()) { refit(); go(place.moment, row()); } });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);

  // On paper: the timeline in bands, one below the other.

  const BAND = { columns: 26, width: 17, names: 136, most: 40 };
  function bands() {
    const made = [], total = Math.ceil(moments.length / BAND.columns);
    const whole = rows.filter((r) => r.whole === null);
    for (let b = 0; b < Math.min(total, BAND.most); b++) {
      const first = b * BAND.columns, last = Math.min(moments.length, first + BAND.columns);
      const lines = whole.filter((r) => r.track.some((h, k) => h.moment < last && (h.alive || h.moment >= first) && (k + 1 >= r.track.length || r.track[k + 1].moment >= first)));
      const band = el("div", { class: "band" }, el("div", { class: "axis" }, ticks(first, last, BAND.names, BAND.width, -1, first)));
      for (const wall of walls(first, last)) band.append(placed(el("div", { class: "wall" }), BAND.names + prelude + (wall - first) * BAND.width + BAND.width / 2 - 1));
      for (const r of lines.slice(0, 60)) {
        const line = el("div", { class: "row" }, nameOf(r, false));
        lifeline(line, r, first, last, BAND.names, BAND.width, first);
        band.append(line);
      }
      if (lines.length) made.push(band);
    }
    if (total > BAND.most) made.push(el("p", {}, `The first ${(BAND.most * BAND.columns).toLocaleString("en")} of ${moments.length.toLocaleString("en")} columns are drawn here.`));
    made.push(el("p", { class: "key" }, legend.map((v) => el("span", {}, sign(v), ` ${v.word}`)), el("span", {}, "the number beside a glyph: which object, its generation")));
    at("bands").replaceChildren(...made);
  }
  addEventListener("beforeprint", () => { const view = place.view; place.view = "paper"; bands(); place.view = view; });
  addEventListener("afterprint", () => at("bands").replaceChildren());

  // Begin.

  try { const kept = localStorage.getItem("kernelscope-theme"); if (kept === "dark" || kept === "light") root.dataset.theme = kept; } catch { /* as above */ }
  document.querySelector("h1").textContent = data.title;
  at("summary").textContent = data.summary.join(" · ");
  nameTheme();
  if (!recall()) beginning();
  refit();
  if (rows.length) { reveal(); draw(); }
  inspect();
  grid.focus({ preventScroll: true });
})();
