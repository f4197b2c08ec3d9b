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
  reruns = 0,
  revision = 0; // of what is where: the rows, their order, their width

function measure() {
  namesWidth =
    parseFloat(getComputedStyle(root).getPropertyValue("--names")) *
    parseFloat(getComputedStyle(root).fontSize);
  share();
  revision += 1;
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

/** Columns are drawn some at a time, so that a step of the cursor seldom draws anything again. */
const STEP = 16;

function window_() {
  const wide = grid.clientWidth - namesWidth,
    left = grid.scrollLeft - prelude;
  return {
    first: Math.max(0, Math.floor((left / cw() - 2) / STEP) * STEP),
    last: Math.min(moments.length, Math.ceil(((left + wide) / cw() + 2) / STEP) * STEP),
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

const column = el("div", { class: "col" }),
  drawn = { key: "", rows: new Map() };

function draw() {
  if (place.view === "cells") return drawCells();
  const view = window_(),
    base = namesWidth,
    key = [view.first, view.last, revision].join(" ");
  axis.replaceChildren(...ticks(view.first, view.last, base, cw(), place.moment));
  if (drawn.key !== key) {
    drawn.key = key;
    drawn.rows.clear();
    const around = walls(view.first, view.last);
    const made = around.map((wall) => placed(el("div", { class: "wall" }), base + xOf(wall) + cw() / 2 - 1));
    body.replaceChildren(column, ...made);
  }
  placed(column, base + xOf(place.moment), cw());
  const wanted = new Set(shown.slice(view.top, view.bottom));
  for (const [r, made] of drawn.rows)
    if (!wanted.has(r)) {
      made.remove();
      drawn.rows.delete(r);
    }
  for (let i = view.top; i < view.bottom; i++)
    if (!drawn.rows.has(shown[i])) {
      const made = drawRow(shown[i], i, view, base);
      drawn.rows.set(shown[i], made);
      body.append(made);
    }
  drawCursor(base);
}

function drawRow(r, i, view, base) {
  const given = { class: "row", role: "row", "aria-rowindex": i + 2, "data-row": r.index };
  const made = el("div", given, nameOf(r));
  made.style.top = `${i * rowHeight}px`;
  made.style.width = "100%";
  lifeline(made, r, view.first, view.last, base, cw(), 0);
  return made;
}

/** On the glyph of the selected change, else on the line. */
function drawCursor(base) {
  const before = at("cursor");
  if (before?.classList.contains("quiet")) before.remove();
  else if (before) {
    before.removeAttribute("id");
    before.classList.remove("sel");
    before.setAttribute("aria-selected", "false");
  }
  for (const [r, made] of drawn.rows) made.classList.toggle("here", r === row());
  const line = row() && drawn.rows.get(row());
  if (!line) return grid.removeAttribute("aria-activedescendant");
  let cursor = line.querySelector(`.mark[data-m="${place.moment}"]`);
  if (!cursor) line.append((cursor = quietCursor(base)));
  cursor.id = "cursor";
  cursor.classList.add("sel");
  cursor.setAttribute("aria-selected", "true");
  grid.setAttribute("aria-activedescendant", "cursor");
}

function quietCursor(base) {
  const alive = heldAt(row(), place.moment)?.alive;
  const label = `${whenOf(moments[place.moment])}, ${row().name}: ${alive ? "unchanged" : "no model"}`;
  const given = { class: "quiet", role: "gridcell", "aria-colindex": place.moment + 2, "aria-label": label };
  return placed(el("div", given), base + xOf(place.moment) + cw() / 2);
}
