// Views, themes, help, and links to a change.

function look(view) {
  if (place.view === view) return;
  place.view = view;
  for (const name of ["timeline", "cells"]) {
    at(name).hidden = name !== view;
    at(`tab-${name}`).setAttribute("aria-selected", String(name === view));
    at(`tab-${name}`).tabIndex = name === view ? 0 : -1;
  }
  hideTip();
  if (view === "timeline") measure(); // what is not shown has no size
  draw();
  inspect();
  (view === "cells" ? list : grid).focus({ preventScroll: true });
}
const isDark = () =>
  (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function theme(wanted) {
  root.dataset.theme = wanted;
  try {
    localStorage.setItem("kernelscope-theme", wanted);
  } catch {
    /* a page in a sandbox keeps nothing */
  }
  nameTheme();
}

function nameTheme() {
  at("theme").textContent = isDark() ? "☀ Light" : "☾ Dark";
}

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
  if (open) place.open.add(whole.index);
  else {
    place.open.delete(whole.index);
    if (row() !== whole && row().whole === whole.index) place.row = whole.index;
  }
  refit();
  reveal();
  inspect();
}
const HOW_TO_READ =
  "A row is a name that holds a model; a column is a run of a cell. The line changes its colour where the name got " +
  "another object, and two rows of one colour are one object under two names. The number over a glyph is the " +
  "object's: its generation. A thin line has learned nothing yet; a dashed one was there before the attach. A wall is " +
  "a restart of the kernel.";
const KEYS = [
  ["← ↓ ↑ →, h j k l", "move"],
  ["< >  or  , .", "previous and next change in this row"],
  ["{ }", "previous and next run that changed any model"],
  ["g G", "first and last row"],
  ["0 $", "first and last run"],
  ["page up, page down", "a page of rows"],
  ["enter", "to the evidence; esc comes back"],
  ["o", "show or hide the parts of this row"],
  ["c", "the cells, and what running them again did; back"],
  ["/", "filter; esc clears it"],
  ["z", "wider or narrower columns"],
  ["t", "light or dark"],
  ["?", "this help"],
];

function help() {
  const box = at("help");
  if (box.open) return;
  box.replaceChildren(
    el("button", { onclick: () => box.close() }, "Close"),
    el("h2", {}, "Keys and glyphs"),
    el(
      "div",
      { class: "two" },
      el(
        "dl",
        {},
        KEYS.map(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]),
      ),
      el(
        "dl",
        {},
        legend.map((v) => [el("dt", {}, sign(v), ` ${v.word}`), el("dd", {}, v.short)]),
      ),
    ),
    el("p", { class: "dim" }, HOW_TO_READ),
  );
  box.showModal();
}

function drawLegend() {
  if (drawLegend.done) return;
  drawLegend.done = true;
  const seen = new Map();
  for (const r of rows)
    if (r.whole === null)
      for (const held of r.track)
        if (held.change !== null) {
          const v = verdicts[data.changes[held.change][0]];
          seen.set(v, (seen.get(v) ?? 0) + 1);
        }
  const order = legend.filter((v) => seen.has(v));
  at("legend").replaceChildren(
    ...order.map((v) =>
      el(
        "button",
        {
          title: `${v.short}: go to the next`,
          "aria-label": `${v.word}, ${seen.get(v)}: go to the next`,
          onclick: () => nextOf(v),
        },
        sign(v),
        v.word,
        el("small", {}, seen.get(v)),
      ),
    ),
  );
}

// A link to a change: #m<moment>.r<row>.

function remember() {
  clearTimeout(remember.later);
  remember.later = setTimeout(() => {
    try {
      history.replaceState(null, "", `#m${place.moment}.r${place.row}`);
    } catch {
      /* not in a sandbox */
    }
  }, 400);
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
  for (const r of rows)
    if (r.whole === null)
      for (const held of r.track)
        if (held.change !== null) {
          const rank = [verdicts[data.changes[held.change][0]].word === "reset" ? 1 : 0, held.moment];
          if (!best || rank[0] > best.rank[0] || (rank[0] === best.rank[0] && rank[1] > best.rank[1]))
            best = { rank, row: r.index, moment: held.moment };
        }
  if (best) {
    place.row = best.row;
    place.moment = best.moment;
  }
}
