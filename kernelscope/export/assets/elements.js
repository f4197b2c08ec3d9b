// What kernels say becomes a text node or an attribute here, never markup: the page's policy forbids the
// browser anything else.

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
  const svg = document.createElementNS(SVG, "svg"),
    use = document.createElementNS(SVG, "use");
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
