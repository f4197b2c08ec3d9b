// What the page was given: the session as objects.

const root = document.documentElement;
root.classList.add("scripted");
const at = (id) => document.getElementById(id);
const data = JSON.parse(at("data").textContent);
const texts = data.texts;
const verdicts = data.verdicts.map(([word, short, tone, does, would]) => ({
  word,
  short,
  tone,
  does,
  would,
}));
const legend = data.legend.map((place) => verdicts[place]);
const KIND = { attached: 0, run: 1, between: 2 };

const moments = data.moments.map((m, index) => ({
  index,
  kind: m[0],
  epoch: m[1],
  count: m[2],
  code: texts[m[3]],
  status: texts[m[4]],
  started: texts[m[5]],
  seconds: m[6],
  rerunOf: m[7],
  cell: m[8],
  local: m[9] || [],
  cut: m[10] || [],
  codeCut: m[11],
  changes: [],
}));
const changeAt = (place) => {
  const c = data.changes[place];
  return (
    c && {
      verdict: verdicts[c[0]],
      name: texts[c[1]],
      cls: texts[c[2]],
      gen: c[3],
      before: c[4],
      id: c[5],
      idBefore: c[6],
      fitted: c[7],
      identity: texts[c[8]],
      learned: texts[c[9]],
      certainty: texts[c[10]],
      sentence: texts[c[11]],
      evidence: c[12].map((t) => texts[t]),
      params: c[13].map((p) => p.map((t) => texts[t])),
      kept: c[14].map((t) => texts[t]),
      stale: c[15].map((t) => texts[t]),
      parts: c[16],
    }
  );
};
const holding = (h) => ({
  moment: h[0],
  change: h[1],
  alive: h.length > 2,
  gen: h[2],
  fitted: h[3],
  cls: texts[h[4]],
  id: h[5],
  params: h[6],
  learned: h[7],
});
const rows = data.rows.map((r, index) => ({
  index,
  name: texts[r[0]],
  whole: r[1],
  label: texts[r[2]],
  track: r[3].map(holding),
  parts: [],
}));
for (const row of rows) {
  if (row.whole !== null) rows[row.whole].parts.push(row);
  row.marked = row.track.filter((held) => held.change !== null).map((held) => held.moment);
  row.latest = [...row.track].reverse().find((held) => held.alive);
  row.cls = row.latest ? shortOf(row.latest.cls) : "";
  row.gone = !row.track.length || !row.track[row.track.length - 1].alive;
  if (row.whole === null)
    for (const held of row.track) if (held.change !== null) moments[held.moment].changes.push([row, held]);
}
const cells = data.cells.map(([code, line, runs, again, effects, outlook], index) => ({
  index,
  code: texts[code],
  headline: texts[line],
  runs,
  again,
  outlook,
  effects: effects.map((e) => ({ name: texts[e[0]], verdict: verdicts[e[1]], times: e[2], of: e[3] })),
}));
const changed = moments.filter((m) => m.changes.length || m.local.length).map((m) => m.index);
const prelude = moments.length && moments[0].count > 0 ? 34 : 0;

function shortOf(cls) {
  return cls ? cls.slice(cls.lastIndexOf(".") + 1) : "model";
}

/** How many of `list`, ascending, are at most `value`. */
function upTo(list, value, key = (x) => x) {
  let low = 0,
    high = list.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (key(list[mid]) <= value) low = mid + 1;
    else high = mid;
  }
  return low;
}
const heldAt = (row, moment) => row.track[upTo(row.track, moment, (h) => h.moment) - 1];
/** As the screen has it: neighbours differ, also across a restart. */
const hueOf = (moment, gen) => `g${(gen - 1 + 3 * (moments[moment].epoch - 1)) % 8}`;
const toneOf = (held) => (held.gen === null ? "ofpart" : hueOf(held.moment, held.gen));

function whenOf(m) {
  if (m.kind === KIND.run) return `In [${m.count}]`;
  if (m.kind === KIND.between) return `After In [${m.count}], between runs`;
  if (m.index === 0) return m.count ? `At the attach, after In [${m.count}]` : "At the attach";
  return m.count ? "Attached again" : "Kernel restarted";
}
const plural = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
