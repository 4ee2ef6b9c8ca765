const definitions = [...document.querySelectorAll(".define[popover]")];
const close = () => definitions.forEach((one) => one.matches(":popover-open") && one.hidePopover());
for (const one of definitions) {
  one.addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") return;
    const button = document.querySelector(`[popovertarget="${one.id}"]`).getBoundingClientRect();
    const below = button.bottom < innerHeight * 0.7;
    one.style.inset = "auto";
    one.style.margin = "0";
    one.style.left = `${Math.max(8, Math.min(button.left - 20, innerWidth - 316))}px`;
    one.style[below ? "top" : "bottom"] = `${below ? button.bottom + 6 : innerHeight - button.top + 6}px`;
  });
}
addEventListener("scroll", close, { passive: true, capture: true });
addEventListener("resize", close);
