
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.querySelector("tbody.methods");
  const heads = [...table.querySelectorAll("thead th")];
  const key = (row, column) => (row.cells[column] && row.cells[column].dataset.sort) || "";
  heads.forEach((head, column) => {
    const words = column === 0 || head.classList.contains("words");
    const label = head.querySelector(".head") || head;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...label.childNodes);
    label.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sign = down ? -1 : 1;
      const rows = [...body.rows].sort((first, second) => {
        const a = key(first, column), b = key(second, column);
        if (a === "" || b === "") return (a === "") - (b === "");
        return sign * (words ? a.localeCompare(b) : Number(a) - Number(b));
      });
      body.append(...rows);
    });
  });
}
