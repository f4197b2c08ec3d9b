// All is there: begin.

try {
  const kept = localStorage.getItem("kernelscope-theme");
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
} catch {
  /* as above */
}
document.querySelector("h1").textContent = data.title;
at("summary").textContent = data.summary.join(" · ");
nameTheme();
reruns = drawAgain();
if (!recall()) beginning();
refit();
if (rows.length) {
  reveal();
  draw();
}
inspect();
