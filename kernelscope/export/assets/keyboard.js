// The keyboard.

function onTimeline(key) {
  const page = Math.max(1, Math.floor(grid.clientHeight / rowHeight) - 2);
  const moves = {
    ArrowLeft: () => go(place.moment - 1),
    h: () => go(place.moment - 1),
    ArrowRight: () => go(place.moment + 1),
    l: () => go(place.moment + 1),
    ArrowUp: () => moveRow(-1),
    k: () => moveRow(-1),
    ArrowDown: () => moveRow(1),
    j: () => moveRow(1),
    PageUp: () => moveRow(-page),
    PageDown: () => moveRow(page),
    "<": () => jump(row().marked, -1),
    ",": () => jump(row().marked, -1),
    ">": () => jump(row().marked, 1),
    ".": () => jump(row().marked, 1),
    "{": () => jump(changed, -1),
    "}": () => jump(changed, 1),
    g: () => moveRow(-Infinity),
    G: () => moveRow(Infinity),
    0: () => go(0),
    Home: () => go(0),
    $: () => go(moments.length - 1),
    End: () => go(moments.length - 1),
    o: () => fold(row()),
    " ": () => fold(row()),
    z: zoom,
  };
  return rows.length ? moves[key] : undefined;
}

function onCells(key) {
  const page = Math.max(1, Math.floor(list.clientHeight / CELL) - 1);
  return {
    ArrowUp: () => moveCell(-1),
    k: () => moveCell(-1),
    ArrowDown: () => moveCell(1),
    j: () => moveCell(1),
    PageUp: () => moveCell(-page),
    PageDown: () => moveCell(page),
    g: () => moveCell(-Infinity),
    G: () => moveCell(Infinity),
    Home: () => moveCell(-Infinity),
    End: () => moveCell(Infinity),
  }[key];
}

function anywhere(key) {
  return {
    "/": () => {
      at("filter").focus();
      at("filter").select();
    },
    "?": help,
    t: () => theme(isDark() ? "light" : "dark"),
    c: () => look(place.view === "cells" ? "timeline" : "cells"),
    Enter: () => inspector.focus(),
    Escape: () => {
      if (place.wanted) {
        place.wanted = at("filter").value = "";
        refit();
        inspect();
      }
      (place.view === "cells" ? list : grid).focus({ preventScroll: true });
    },
  }[key];
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || at("help").open) return;
  const typing = event.target.matches("input"),
    scroller = place.view === "cells" ? list : grid;
  if (typing) {
    if (event.key === "Escape" && !event.target.value) {
      event.preventDefault();
      scroller.focus();
    } else if (event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      scroller.focus();
    }
    return;
  }
  const onButton = event.target.closest("button, summary"),
    reading = event.target.closest("#inspector");
  if (onButton && (event.key === "Enter" || event.key === " ")) return;
  if (reading && /^(Arrow|Page|Home|End| )/.test(event.key)) return;
  if (event.target.role === "tab" && /^Arrow(Left|Right)$/.test(event.key)) {
    event.preventDefault();
    look(place.view === "cells" ? "timeline" : "cells");
    at(`tab-${place.view}`).focus();
    return;
  }
  const act = (place.view === "cells" ? onCells : onTimeline)(event.key) ?? anywhere(event.key);
  if (!act) return;
  event.preventDefault();
  hideTip();
  if (event.target === document.body) scroller.focus({ preventScroll: true });
  act();
});
at("filter").addEventListener("input", (event) => {
  place.wanted = event.target.value;
  refit();
  if (place.view === "cells") {
    list.scrollTop = 0;
    moveCell(0);
  } else if (shown.length) {
    reveal();
    inspect();
  }
});
at("tab-timeline").addEventListener("click", () => look("timeline"));
at("tab-cells").addEventListener("click", () => look("cells"));
at("theme").addEventListener("click", () => theme(isDark() ? "light" : "dark"));
at("zoom").addEventListener("click", zoom);
at("ask").addEventListener("click", help);
addEventListener("resize", () => {
  measure();
  soon();
});
addEventListener("hashchange", () => {
  if (recall()) {
    refit();
    go(place.moment, row());
  }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
