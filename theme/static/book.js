// What overflows sideways can be reached, and so scrolled, by keyboard.
document.addEventListener("DOMContentLoaded", () => {
  const wide = document.querySelectorAll(
    "pre, .formula__body, .pst-scrollable-table-container, .cell_output .output");
  const observer = new ResizeObserver((boxes) => {
    for (const { target } of boxes) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  for (const box of wide) observer.observe(box);
});
