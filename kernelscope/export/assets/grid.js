// The grid: of a long session only the rows and columns in sight are in the document.

const WIDTHS = [24, 40, 12, 5];
const place = {
  view: "timeline",
  row: 0,
  moment: Math.max(0, moments.length - 1),
  cell: 0,
  wanted: "",
  open: new Set(),
  width: 0,
};
const rowHeight = 40; // as in the style
let shown = [],
  listed = [];
const cw = () => WIDTHS[place.width];
const xOf = (moment) => prelude + moment * cw();
const row = () => rows[place.row];

function relist() {
  const sought = place.wanted.toLowerCase();
  const fits = (r) =>
    !sought || r.name.toLowerCase().includes(sought) || r.cls.toLowerCase().includes(sought);
  shown = rows
    .filter((r) => r.whole === null && fits(r))
    .flatMap((r) => (place.open.has(r.index) ? [r, ...r.parts] : [r]));
  listed = cells.filter(
    (c) =>
      !sought ||
      c.code.toLowerCase().includes(sought) ||
      c.effects.some((e) => e.name.toLowerCase().includes(sought)),
  );
  if (shown.length && !shown.includes(row()))
    place.row = shown.find((r) => r.index === row().whole)?.index ?? shown[0].index;
  if (listed.length && !listed.includes(cells[place.cell])) place.cell = listed[0].index;
}

const grid = at("grid");
const axis = el("div", { class: "axis", role: "row" }),
  body = el("div", { role: "presentation", class: "sizer" }),
  sizer = el("div", { class: "sizer", role: "presentation" }, axis, body);
grid.append(sizer);
let namesWidth = 240,
  reruns = 0;

function measure() {
  namesWidth =
    parseFloat(getComputedStyle(root).getPropertyValue("--names")) *
    parseFloat(getComputedStyle(root).fontSize);
  share();
  sizer.style.width = `${namesWidth + xOf(moments.length) + 24}px`;
  body.style.height = `${Math.max(shown.length * rowHeight, grid.clientHeight - 30)}px`;
  grid.setAttribute("aria-rowcount", shown.length + 1);
  grid.setAttribute("aria-colcount", moments.length + 1);
}

/** Where the grid is short, what lies below it is for what re-runs did. */
function share() {
  const wanted = Math.max(shown.length, 3) * rowHeight + 50,
    spare = at("timeline").clientHeight - wanted,
    short = spare > 150 && rows.length > 0 && reruns > 0;
  at("again").hidden = !short;
  grid.style.flex = short ? `0 0 ${wanted}px` : "";
}

function window_() {
  const wide = grid.clientWidth - namesWidth,
    left = grid.scrollLeft - prelude;
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
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

function draw() {
  if (place.view === "cells") return drawCells();
  const view = window_(),
    base = namesWidth;
  axis.replaceChildren(...ticks(view.first, view.last, base, cw(), place.moment));
  const made = [placed(el("div", { class: "col" }), base + xOf(place.moment), cw())];
  for (const wall of walls(view.first, view.last))
    made.push(placed(el("div", { class: "wall" }), base + xOf(wall) + cw() / 2 - 1));
  for (let i = view.top; i < view.bottom; i++) made.push(drawRow(shown[i], i, view, base));
  body.replaceChildren(...made);
  const cursor = at("cursor");
  if (cursor) grid.setAttribute("aria-activedescendant", "cursor");
  else grid.removeAttribute("aria-activedescendant");
}
const walls = (first, last) =>
  moments
    .slice(first, last)
    .filter((m) => m.kind === KIND.attached)
    .map((m) => m.index);

function ticks(first, last, base, width, here, origin = 0) {
  const made = [el("div", { class: "corner", role: "columnheader" }, "name")];
  const longest = last > first ? String(moments[last - 1].count).length : 1;
  const stride = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((s) => s * width > longest * 7 + 12) ?? 2000;
  let free = -Infinity;
  for (let i = first; i < last; i++) {
    const m = moments[i],
      x = base + prelude + (i - origin) * width + width / 2;
    if (m.kind === KIND.attached && i > 0) {
      made.push(placed(el("span", { class: "tick new" }, m.count ? "again" : `epoch ${m.epoch}`), x + 4));
      free = x + 54;
    } else if (i === here) {
      made.push(
        placed(
          el(
            "span",
            { class: "tick here", "data-m": i, "aria-hidden": "true" },
            m.kind === KIND.attached ? "attach" : m.count,
          ),
          x,
        ),
      );
    } else if (
      m.kind === KIND.run &&
      (m.count % stride === 0 || moments[i - 1]?.kind === KIND.attached) &&
      x > free &&
      Math.abs(i - here) * width > longest * 7 + 10
    ) {
      made.push(placed(el("span", { class: "tick", "data-m": i, "aria-hidden": "true" }, m.count), x));
      free = x + longest * 7 + 4;
    }
  }
  return made;
}

function drawRow(r, i, view, base) {
  const here = r === row();
  const made = el(
    "div",
    { class: here ? "row here" : "row", role: "row", "aria-rowindex": i + 2, "data-row": r.index },
    nameOf(r, here),
  );
  made.style.top = `${i * rowHeight}px`;
  made.style.width = "100%";
  lifeline(made, r, view.first, view.last, base, cw(), 0);
  if (here) cursorIn(made, r, base);
  return made;
}

function nameOf(r, here) {
  const open = place.open.has(r.index);
  const fold = el(
    "button",
    {
      class: r.parts.length ? "fold" : "fold none",
      tabindex: "-1",
      "data-fold": r.index,
      "aria-label": open ? "Hide its parts" : "Show its parts",
      "aria-expanded": r.parts.length ? String(open) : null,
    },
    open ? "▾" : "▸",
  );
  const kind = `name${r.gone ? " gone" : ""}${r.whole === null ? "" : " part"}`;
  return el(
    "div",
    {
      class: kind,
      role: "rowheader",
      title: `${r.name}${r.cls ? `: ${r.cls}` : ""}`,
      "aria-selected": here ? "true" : null,
    },
    r.whole === null ? fold : null,
    el("b", {}, r.label),
    el("small", {}, r.cls),
  );
}

/** The line, the glyphs and the numbers of one row over the columns [first, last). */
function lifeline(into, r, first, last, base, width, origin) {
  const mid = (moment) => base + prelude + (moment - origin) * width + width / 2;
  const track = r.track,
    begin = Math.max(0, upTo(track, first, (h) => h.moment) - 1);
  if (first === 0 && prelude && track.length && track[0].moment === 0 && track[0].alive)
    into.append(placed(el("div", { class: "line hatch" }), base + 4, prelude + width / 2 - 6));
  for (let k = begin; k < track.length && track[k].moment < last; k++) {
    const held = track[k],
      next = track[k + 1],
      m = moments[held.moment];
    const from = Math.max(held.moment, first),
      to = next ? Math.min(next.moment, last) : last;
    if (held.alive && to > from - 1) {
      const left = held.moment < first ? mid(first) - width / 2 : mid(from);
      const ends =
        next && next.moment <= last
          ? mid(next.moment) - (moments[next.moment].kind === KIND.attached ? 2 : 0)
          : mid(last - 1) + width / 2;
      into.append(
        placed(
          el("div", { class: `line ${toneOf(held)}${held.fitted ? "" : " bare"}` }),
          left,
          Math.max(0, Math.min(ends, mid(last - 1) + width / 2) - left),
        ),
      );
    }
    if (held.moment < first) continue;
    const change = held.change === null ? null : data.changes[held.change];
    if (change && width >= 10) {
      const verdict = verdicts[change[0]],
        there = here(r, held.moment);
      into.append(
        placed(
          el(
            "div",
            {
              class: `mark${there ? " sel" : ""}`,
              role: "gridcell",
              id: there ? "cursor" : null,
              "aria-colindex": held.moment + 2,
              "aria-selected": String(there),
              "aria-label": `${whenOf(m)}, ${r.name}: ${verdict.word}`,
              "data-m": held.moment,
            },
            sign(verdict),
          ),
          mid(held.moment),
        ),
      );
    } else if (change) {
      const verdict = verdicts[change[0]];
      const tick = placed(
        el("div", { class: "mark", "data-m": held.moment }, sign(verdict)),
        mid(held.moment),
      );
      tick.style.transform = "scale(.6)";
      into.append(tick);
    }
    const numbered =
      held.alive &&
      held.gen !== null &&
      (!change ? m.kind === KIND.attached : ["new", "recreated", "rebound"].includes(texts[change[8]]));
    if (numbered && width >= 10)
      into.append(
        placed(
          el("span", { class: `num ${toneOf(held)}`, "aria-hidden": "true" }, held.gen),
          mid(held.moment) + (change ? 0 : 12),
        ),
      );
  }
}
const here = (r, moment) => place.view === "timeline" && r === row() && moment === place.moment;

function cursorIn(made, r, base) {
  const held = heldAt(r, place.moment);
  if (held && held.moment === place.moment && held.change !== null && cw() >= 10) return;
  const label = `${whenOf(moments[place.moment])}, ${r.name}: ${held && held.alive ? "left as it was" : "no model"}`;
  made.append(
    placed(
      el("div", {
        class: "quiet",
        role: "gridcell",
        id: "cursor",
        "aria-colindex": place.moment + 2,
        "aria-selected": "true",
        "aria-label": label,
      }),
      base + xOf(place.moment) + cw() / 2,
    ),
  );
}
