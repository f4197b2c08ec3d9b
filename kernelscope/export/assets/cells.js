// The other view: a row per cell, and what running it again did.

const CELL = 52,
  list = at("list"),
  cellSizer = el("div", { class: "sizer", role: "presentation" });
list.append(cellSizer);
function does(cell) {
  const made = el("span", { class: "does" });
  if (cell.again) {
    if (!cell.effects.length)
      made.append(
        el(
          "span",
          { class: "dim" },
          `leaves every model alone, ${cell.again} of ${plural(cell.again, "time")}`,
        ),
      );
    cell.effects.forEach((e, i) =>
      made.append(
        i ? " · " : "",
        sign(e.verdict),
        ` ${e.verdict.does[0]}`,
        el("b", {}, e.name),
        e.verdict.does[1],
        el("span", { class: "dim" }, ` ${e.times} of ${plural(e.of, "time")}`),
      ),
    );
    return made;
  }
  made.classList.add("would");
  const [forecasts, doubt] = cell.outlook ?? [[], ""];
  if (cell.outlook && forecasts.length) {
    forecasts.forEach(([name, verdict, sure, reason], i) => {
      made.append(i ? " · " : "");
      if (verdict === null) made.append("cannot tell for ", el("b", {}, texts[name]));
      else
        made.append(
          sign(verdicts[verdict]),
          ` ${sure ? "would" : "may"} ${verdicts[verdict].would[0]}`,
          el("b", {}, texts[name]),
          verdicts[verdict].would[1],
        );
      if (i === forecasts.length - 1) made.append(`: ${texts[reason]}`);
    });
  } else if (cell.outlook && doubt === null) made.append("would leave every model alone");
  else if (cell.effects.length) {
    made.append("ran once: ");
    cell.effects.forEach((e, i) =>
      made.append(i ? " · " : "", sign(e.verdict), ` ${e.verdict.word} `, el("b", {}, e.name)),
    );
  } else made.append("ran once: left every model alone");
  return made;
}

function drawCells() {
  cellSizer.style.height = `${listed.length * CELL}px`;
  list.setAttribute("aria-label", `Cells, ${listed.length}, and what running each of them again did`);
  const top = Math.max(0, Math.floor(list.scrollTop / CELL) - 2),
    bottom = Math.min(listed.length, Math.ceil((list.scrollTop + list.clientHeight) / CELL) + 2);
  const made = [];
  for (let i = top; i < bottom; i++) {
    const cell = listed[i],
      here_ = cell.index === place.cell;
    const runs = cell.runs
      .slice(-6)
      .map((o, k, all) =>
        k && moments[o].epoch !== moments[all[k - 1]].epoch
          ? `┃ [${moments[o].count}]`
          : `[${moments[o].count}]`,
      )
      .join(" ");
    const line = el(
      "div",
      {
        class: here_ ? "cell here" : "cell",
        role: "option",
        id: here_ ? "option" : null,
        "aria-selected": String(here_),
        "aria-posinset": i + 1,
        "aria-setsize": listed.length,
        "data-cell": cell.index,
      },
      el("code", {}, cell.headline),
      el("span", { class: "runs" }, cell.runs.length > 6 ? `… ${runs}` : runs),
      does(cell),
    );
    line.style.top = `${i * CELL}px`;
    made.push(line);
  }
  cellSizer.replaceChildren(...made);
  list.setAttribute("aria-activedescendant", "option");
}

function inspectCell() {
  const cell = cells[place.cell];
  if (!cell) {
    inspector.replaceChildren(el("p", { class: "dim" }, "No cell ran."));
    return;
  }
  const made = [
    el(
      "h2",
      {},
      cell.again ? `Run again ${plural(cell.again, "time")}` : `Run ${plural(cell.runs.length, "time")}`,
    ),
    does(cell),
  ];
  if (!cell.again)
    made.push(
      el(
        "p",
        { class: "dim" },
        cell.outlook && cell.outlook[1] !== null
          ? `Not sure: ${texts[cell.outlook[1]]}`
          : "A forecast is no verdict: nothing of it has been seen.",
      ),
    );
  made.push(
    h3("Its runs"),
    listOf(
      cell.runs.slice(-60).map((o) => {
        const m = moments[o];
        const link = el(
          "button",
          {
            class: "link",
            onclick: () => {
              look("timeline");
              go(o, m.changes[0]?.[0]);
            },
          },
          whenOf(m),
        );
        const what = m.changes.length
          ? m.changes
              .map(([r, h]) => [
                " ",
                sign(verdicts[data.changes[h.change][0]]),
                ` ${verdicts[data.changes[h.change][0]].word} `,
                el("b", {}, r.name),
              ])
              .flat()
          : [el("span", { class: "dim" }, " left every model alone")];
        return el(
          "span",
          {},
          link,
          m.rerunOf !== null ? el("span", { class: "dim" }, ` again after [${m.rerunOf}]`) : null,
          what,
        );
      }),
    ),
    h3("Source"),
    source(cell.code),
  );
  inspector.replaceChildren(...made);
  inspector.scrollTop = 0;
  inspect.later = setTimeout(() => {
    live.textContent = `${cell.headline}: ${inspector.querySelector(".does").textContent}`;
  }, 250);
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

/** Below a short grid: the founding question's answers, those that take something away first. */
function drawAgain() {
  const shown = cells.filter((cell) => cell.again && cell.effects.length);
  const weight = (cell) => (cell.effects.some((e) => e.verdict.tone === "loss") ? 0 : 1);
  shown.sort((a, b) => weight(a) - weight(b) || a.index - b.index);
  at("again").replaceChildren(
    el("h2", {}, "What running a cell again did"),
    el(
      "ul",
      {},
      shown
        .slice(0, 30)
        .map((cell) =>
          el(
            "li",
            {},
            el("button", { class: "link", onclick: () => toCell(cell) }, el("code", {}, cell.headline)),
            does(cell),
          ),
        ),
    ),
  );
  return shown.length;
}

function toCell(cell) {
  place.wanted = at("filter").value = "";
  place.cell = cell.index;
  refit();
  look("cells");
  moveCell(0);
}
