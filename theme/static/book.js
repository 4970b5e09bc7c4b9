// What overflows sideways can be reached, and so scrolled, by keyboard.
document.addEventListener("DOMContentLoaded", () => {
  const wide = document.querySelectorAll(
    ".formula__body, .pst-scrollable-table-container, .cell_output .output");
  const mark = () => {
    for (const box of wide) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  mark();
  addEventListener("resize", mark);
});
