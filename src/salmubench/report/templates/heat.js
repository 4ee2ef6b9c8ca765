for (const table of document.querySelectorAll(".heat-table table")) {
  const grid = () => [...table.querySelectorAll("tbody tr:not([hidden])")].map((row) => [...row.cells]);
  const cells = [...table.querySelectorAll("td.heat")];
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const only = (chosen) => cells.forEach((cell) => { cell.tabIndex = cell === chosen ? 0 : -1; });
  only(cells[0]); // one stop for Tab; arrows go on from there
  table.addEventListener("focusin", (event) => {
    if (!event.target.matches("td.heat")) return;
    only(event.target);
    event.target.scrollIntoView({ block: "nearest", inline: "nearest" }); // what it tells hangs on its right edge
  });
  table.addEventListener("keydown", (event) => {
    const cell = event.target;
    if (!cell.matches("td.heat")) return;
    if (event.key === "Escape") cell.classList.add("quiet");
    const step = steps[event.key];
    if (!step) return;
    const rows = grid(), row = rows.findIndex((one) => one.includes(cell));
    const next = (rows[row + step[0]] || [])[cell.cellIndex + step[1]];
    if (next && next.matches("td.heat")) { event.preventDefault(); next.focus(); }
  });
  for (const gone of ["focusout", "mouseout"]) table.addEventListener(gone, (event) => event.target.classList.remove("quiet"));
}
