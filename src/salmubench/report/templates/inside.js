for (const box of document.querySelectorAll(".inside")) {
  const questions = [...box.querySelectorAll(".question")];
  const show = () => {
    const chosen = Number(box.querySelector(".people input:checked").value);
    questions.forEach((one, place) => { one.hidden = place !== chosen; });
    box.dataset.ask = box.querySelector(".ask input:checked").value;
  };
  box.classList.add("live"); // without script every person and both questions are shown
  box.addEventListener("change", show);
  show();
}
