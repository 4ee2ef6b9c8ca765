for (const bar of document.querySelectorAll(".filter")) {
  const rows = [...document.getElementById(bar.dataset.scope).querySelectorAll("tbody.methods tr")];
  const text = bar.querySelector("input"), picks = [...bar.querySelectorAll("select")], told = bar.querySelector("output");
  const words = new Map(rows.map((row) => [row, row.dataset.words || row.cells[0].textContent.toLowerCase()]));
  const counts = (row) => !row.closest("details"); // what is folded away is detail of a model, not another one
  const models = new Set(rows.filter(counts).map((row) => words.get(row))).size;
  const apply = () => {
    const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set();
    for (const row of rows) {
      const fits = wanted.every((word) => words.get(row).includes(word)) &&
        picks.every((pick) => !pick.value || (row.dataset[pick.dataset.key] || "").split(" ").includes(pick.value));
      row.hidden = !fits;
      if (fits && counts(row)) shown.add(words.get(row));
    }
    told.textContent = shown.size === models ? `all ${models} shown` : `${shown.size} of ${models} shown`;
  };
  for (const control of [text, ...picks]) control.addEventListener("input", apply);
  bar.hidden = false;
  apply();
}
