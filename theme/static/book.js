// What overflows sideways can be reached, and so scrolled, by keyboard. A box
// keeps its size when its letters change theirs, so it is asked again then.
document.addEventListener("DOMContentLoaded", () => {
  const wide = document.querySelectorAll(
    "pre, .formula__body, .pst-scrollable-table-container, .cell_output .output");
  const reach = (box) => {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  const observer = new ResizeObserver((boxes) => {
    for (const { target } of boxes) reach(target);
  });
  for (const box of wide) observer.observe(box);
  document.fonts.addEventListener("loadingdone", () => {
    for (const box of wide)  // the observer is told when others are shown
      if (box.checkVisibility({ contentVisibilityAuto: true })) reach(box);
  });
});

// What an address asks for may have moved to another page: moved.js, which
// theme/moved.py writes, knows where, and is loaded only then.
document.addEventListener("DOMContentLoaded", () => {
  const id = location.hash.slice(1);
  if (!id || document.getElementById(id)) return;
  const root = document.documentElement.dataset.content_root;
  const script = document.createElement("script");
  script.src = root + "_static/moved.js";
  script.onload = () => {
    const page = location.pathname.split("/").pop().replace(".html", "");
    const place = window.moved[page]?.[id];
    if (place) location.replace(place);
  };
  document.head.append(script);
});
