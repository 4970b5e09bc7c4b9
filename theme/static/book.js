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

// The bar of contents keeps the section that is read in sight.
document.addEventListener("DOMContentLoaded", () => {
  const bar = document.getElementById("pst-secondary-sidebar");
  if (!bar) return;
  const follow = () => {
    const here = [...bar.querySelectorAll(".nav-link.active")].at(-1);
    if (!here || bar.matches(".hide, :hover")) return;
    const link = here.getBoundingClientRect();
    const box = bar.getBoundingClientRect();
    if (link.top < box.top || link.bottom > box.bottom)
      bar.scrollTop += link.top - box.top - box.height / 3;
  };
  new MutationObserver(() => requestAnimationFrame(follow))
    .observe(bar, { attributeFilter: ["class"], subtree: true });
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
