// The pointer.

const tip = at("tip");

function hideTip() {
  tip.hidden = true;
}

function showTip(target, r, m) {
  const held = heldAt(r, m),
    change = held && held.moment === m && held.change !== null ? changeAt(held.change) : null;
  if (!change) return hideTip();
  tip.replaceChildren(
    el(
      "p",
      {},
      el("span", { class: `badge ${change.verdict.tone}` }, sign(change.verdict), change.verdict.word),
      " ",
      el("span", { class: "dim" }, `${whenOf(moments[m])} · ${change.certainty}`),
    ),
    change.sentence,
    listOf(change.evidence.slice(0, 5)),
  );
  tip.hidden = false;
  const box = target.getBoundingClientRect(),
    own = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(innerWidth - own.width - 8, box.left + box.width / 2 - own.width / 2))}px`;
  tip.style.top = `${box.bottom + own.height + 14 > innerHeight ? Math.max(8, box.top - own.height - 8) : box.bottom + 8}px`;
}
grid.addEventListener("mouseover", (event) => {
  const mark = event.target.closest(".mark"),
    line = event.target.closest("[data-row]");
  if (mark && line) showTip(mark, rows[line.dataset.row], Number(mark.dataset.m));
  else hideTip();
});
grid.addEventListener("mouseleave", hideTip);
grid.addEventListener("click", (event) => {
  const line = event.target.closest("[data-row]"),
    folded = event.target.closest("[data-fold]"),
    tick = event.target.closest(".tick[data-m]");
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
  if (line) {
    place.cell = Number(line.dataset.cell);
    moveCell(0);
  }
});
for (const scroller of [grid, list])
  scroller.addEventListener(
    "scroll",
    () => {
      hideTip();
      soon();
    },
    { passive: true },
  );
