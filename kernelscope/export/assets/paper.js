// On paper: the timeline in bands, one below the other.

const BAND = { columns: 26, width: 17, names: 136, lines: 300 };

function bands() {
  const made = [],
    whole = rows.filter((r) => r.whole === null);
  let drawn = 0,
    first = 0;
  for (; first < moments.length && drawn < BAND.lines; first += BAND.columns) {
    const last = Math.min(moments.length, first + BAND.columns);
    const lines = whole.filter((r) =>
      r.track.some(
        (h, k) =>
          h.moment < last &&
          (h.alive || h.moment >= first) &&
          (k + 1 >= r.track.length || r.track[k + 1].moment >= first),
      ),
    );
    const band = el(
      "div",
      { class: "band" },
      el("div", { class: "axis" }, ticks(first, last, BAND.names, BAND.width, -1, first)),
    );
    for (const wall of walls(first, last))
      band.append(
        placed(
          el("div", { class: "wall" }),
          BAND.names + prelude + (wall - first) * BAND.width + BAND.width / 2 - 1,
        ),
      );
    for (const r of lines) {
      const line = el("div", { class: "row" }, nameOf(r));
      lifeline(line, r, first, last, BAND.names, BAND.width, first);
      band.append(line);
    }
    drawn += lines.length;
    if (lines.length) made.push(band);
  }
  if (first < moments.length)
    made.push(
      el(
        "p",
        {},
        `The first ${first.toLocaleString("en")} of ${moments.length.toLocaleString("en")} columns are drawn here.`,
      ),
    );
  made.push(
    el(
      "p",
      { class: "key" },
      legend.map((v) => el("span", {}, sign(v), ` ${v.word}`)),
      el("span", {}, "the number over a glyph: which object, its generation"),
    ),
  );
  at("bands").replaceChildren(...made);
}
addEventListener("beforeprint", bands);
addEventListener("afterprint", () => at("bands").replaceChildren());
