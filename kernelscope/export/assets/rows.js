// What a row and the axis look like over some columns, on the screen as on paper.

const walls = (first, last) =>
  moments
    .slice(first, last)
    .filter((m) => m.kind === KIND.attached)
    .map((m) => m.index);

function ticks(first, last, base, width, here, origin = 0) {
  const made = [el("div", { class: "corner", role: "columnheader" }, "name")];
  const longest = last > first ? String(moments[last - 1].count).length : 1;
  const room = longest * 7;
  const stride = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((s) => s * width > room + 12) ?? 2000;
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
      Math.abs(i - here) * width > room + 10
    ) {
      made.push(placed(el("span", { class: "tick", "data-m": i, "aria-hidden": "true" }, m.count), x));
      free = x + room + 4;
    }
  }
  return made;
}

function nameOf(r) {
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
    },
    r.whole === null ? fold : null,
    el("b", {}, r.label),
    el("small", {}, r.cls),
  );
}

/** The lines, the glyphs and the numbers of one row over the columns [first, last). */
function lifeline(into, r, first, last, base, width, origin) {
  const mid = (moment) => base + prelude + (moment - origin) * width + width / 2,
    end = mid(last - 1) + width / 2;
  const track = r.track;
  if (first === 0 && prelude && track[0]?.moment === 0 && track[0].alive)
    into.append(placed(el("div", { class: "line hatch" }), base + 4, prelude + width / 2 - 6));
  let open = null; // the line that is being drawn: neighbours that look alike are one
  const close = (x) => {
    if (open && x > open.left) into.append(placed(el("div", { class: open.look }), open.left, x - open.left));
    open = null;
  };
  for (let k = Math.max(0, upTo(track, first, (h) => h.moment) - 1); k < track.length; k++) {
    const held = track[k];
    if (held.moment >= last) break;
    const wall = moments[held.moment].kind === KIND.attached;
    const look = `line ${held.alive ? toneOf(held) : ""}${held.fitted ? "" : " bare"}`;
    if (open && (open.look !== look || !held.alive || wall)) close(mid(held.moment) - (wall ? 2 : 0));
    if (held.alive && !open)
      open = { look, left: held.moment < first ? mid(first) - width / 2 : mid(held.moment) };
    if (held.moment >= first) marks(into, r, held, mid(held.moment), width);
  }
  const next = track[upTo(track, last - 1, (h) => h.moment)];
  close(next?.moment === last && moments[last].kind === KIND.attached ? end - 2 : end);
}

const NUMBERED = new Set(["new", "recreated", "rebound"]);

function marks(into, r, held, x, width) {
  const change = held.change === null ? null : data.changes[held.change],
    moment = moments[held.moment],
    roomy = width >= 10;
  if (change) {
    const verdict = verdicts[change[0]];
    const given = {
      class: roomy ? "mark" : "mark small",
      role: "gridcell",
      "aria-colindex": held.moment + 2,
      "aria-selected": "false",
      "aria-label": `${whenOf(moment)}, ${r.name}: ${verdict.word}`,
      "data-m": held.moment,
    };
    into.append(placed(el("div", given, sign(verdict)), x));
  }
  const isNumbered = change ? NUMBERED.has(texts[change[8]]) : moment.kind === KIND.attached;
  if (isNumbered && roomy && held.alive && held.gen !== null)
    into.append(
      placed(
        el("span", { class: `num ${toneOf(held)}`, "aria-hidden": "true" }, held.gen),
        change ? x : x + 12,
      ),
    );
}
