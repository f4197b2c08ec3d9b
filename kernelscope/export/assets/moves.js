// Moves of the cursor on the timeline, and what follows from them.

function reveal() {
  const i = shown.indexOf(row()),
    top = i * rowHeight,
    high = grid.clientHeight - 31 - rowHeight;
  if (top < grid.scrollTop) grid.scrollTop = top;
  else if (top > grid.scrollTop + high) grid.scrollTop = top - high;
  const x = xOf(place.moment),
    wide = grid.clientWidth - namesWidth,
    margin = Math.min(3 * cw(), wide / 4);
  if (x - margin < grid.scrollLeft) grid.scrollLeft = x - margin;
  else if (x + cw() + margin > grid.scrollLeft + wide) grid.scrollLeft = x + cw() + margin - wide;
}

function go(moment, r) {
  if (moment !== undefined && moments.length)
    place.moment = Math.max(0, Math.min(moments.length - 1, moment));
  if (r) {
    place.row = r.index;
    if (!shown.includes(r)) {
      if (r.whole !== null) place.open.add(r.whole);
      place.wanted = at("filter").value = "";
      refit();
    }
  }
  reveal();
  soon();
  inspect();
}

function refit() {
  relist();
  drawLegend();
  measure();
  at("empty").hidden = shown.length > 0;
  at("empty").textContent = rows.length ? "No name has this in it." : "No model was seen.";
  soon();
}

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
  for (const r of rows)
    if (r.whole === null)
      for (const held of r.track)
        if (held.change !== null && verdicts[data.changes[held.change][0]] === verdict)
          all.push([held.moment, r]);
  all.sort((a, b) => a[0] - b[0] || a[1].index - b[1].index);
  const after = all.find(
    ([moment, r]) => moment > place.moment || (moment === place.moment && r.index > place.row),
  );
  const [moment, r] = after ?? all[0];
  look("timeline");
  go(moment, r);
}
