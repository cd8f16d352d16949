const said = document.getElementById("said");

// Start: what is dropped goes into the form, which is sent as if it had been chosen.
const dropping = document.getElementById("drop");
if (dropping) {
  const input = dropping.querySelector("input[type=file]");
  const zone = dropping.querySelector(".drop");
  const refuse = (message) => {
    input.setCustomValidity(message);
    input.reportValidity();
    said.textContent = message;
  };
  const check = () => {
    const size = [...input.files].reduce((sum, file) => sum + file.size, 0);
    const large = size > Number(dropping.dataset.limit);
    refuse(large ? "That is more than this page takes." : "");
    return !large;
  };
  addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  addEventListener("dragleave", () => zone.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    if (check()) dropping.requestSubmit();
  });
  input.addEventListener("change", () => {
    if (input.files.length && check()) dropping.requestSubmit();
  });
  dropping.addEventListener("submit", () => {
    zone.querySelector("strong").textContent = said.textContent = "Looking at it ...";
  });
  addEventListener("pageshow", () => {
    zone.querySelector("strong").textContent = "Drop a file here, or choose one";
  });
}

// Choices: only the fields of the layout are shown, and the server says which command they make.
const choices = document.getElementById("choices");
if (choices) {
  const command = document.getElementById("command");
  let asked = 0;
  const show = () => {
    const layout = new FormData(choices).get("layout");
    for (const part of choices.querySelectorAll("[data-layout]")) {
      part.hidden = !part.dataset.layout.split(" ").includes(layout);
    }
  };
  const preview = async () => {
    const mine = ++asked;
    const form = new FormData(choices);
    const noise = form.get("noise_file");
    form.delete("noise_file");  // its name is enough
    if (noise?.name) form.set("noise", noise.name);
    const body = new URLSearchParams(form);
    try {
      const answer = await fetch(choices.dataset.preview, { method: "POST", body });
      const text = await answer.text();
      if (mine === asked && answer.ok) command.textContent = text;
    } catch {
      said.textContent = "steepest lab does not answer any more.";
    }
  };
  choices.addEventListener("change", () => { show(); preview(); });
  choices.addEventListener("input", preview);
  for (const button of choices.querySelectorAll("[data-move]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const item = button.closest("li");
      const earlier = button.dataset.move === "-1";
      const other = earlier ? item.previousElementSibling : item.nextElementSibling;
      if (!other) return;
      other[earlier ? "before" : "after"](item);
      button.focus();
      said.textContent = item.querySelector("label").textContent.trim() + (earlier ? " earlier" : " later");
      preview();
    });
  }
  for (const [field, kind] of [["noise_cv", "cv"], ["noise_sd", "sd"], ["noise_file", "table"]]) {
    choices.elements[field].addEventListener("input", () => {
      choices.elements.noise_is.value = kind;
    });
  }
  choices.elements.noise_file.addEventListener("change", (event) => {
    const large = event.target.files[0]?.size > Number(choices.dataset.limit);
    event.target.setCustomValidity(large ? "That is more than this page takes." : "");
    event.target.reportValidity();
  });
  show();
  preview();
  document.getElementById("error")?.focus();
}

// A verdict on its way: asked for until it is there.
const progress = document.getElementById("progress");
if (progress) {
  const steps = [...progress.querySelectorAll("[data-step]")];
  const show = (state) => {
    const at = steps.findIndex((step) => step.dataset.step === state);
    steps.forEach((step, place) => {
      step.className = place < at ? "past" : place === at ? "now" : "";
      if (place === at) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    });
    if (at >= 0 && progress.dataset.state !== state) said.textContent = steps[at].textContent;
    progress.dataset.state = state;
  };
  const ask = async () => {
    try {
      const answer = await (await fetch(progress.dataset.address)).json();
      if (answer.over) {
        location.reload();
        return;
      }
      document.getElementById("seconds").textContent = Math.round(answer.seconds);
      show(answer.state);
      setTimeout(ask, 250);
    } catch {
      said.classList.remove("unseen");
      said.textContent = "steepest lab does not answer any more: was it ended?";
    }
  };
  show(progress.dataset.state);
  ask();
}
