// Helps with the event form: shows only the fields that the choices above them call for. Without it every field is there, and
// those that do not belong say nothing.
(() => {
  const wholeDay = document.querySelector(".event-form #all_day");
  if (!wholeDay) return;
  const form = wholeDay.form;
  const repeat = form.querySelector("#repeat");
  const show = () => {
    for (const field of form.querySelectorAll(".timed")) field.hidden = wholeDay.checked;
    for (const field of form.querySelectorAll("[data-for]")) {
      field.hidden = !field.dataset.for.split(" ").includes(repeat.value);
    }
  };
  // An event that is moved to a later day ends later too.
  const [start, end] = ["#start_date", "#end_date"].map((id) => form.querySelector(id));
  start.addEventListener("change", () => {
    if (end.value && end.value < start.value) end.value = start.value;
  });
  wholeDay.addEventListener("change", show);
  repeat.addEventListener("change", show);
  show();
})();

// Leaving with unsaved text asks first.
(() => {
  const form = document.querySelector(".event-form");
  if (!form) return;
  let touched = false;
  form.addEventListener("input", () => { touched = true; });
  form.addEventListener("submit", () => { touched = false; });
  window.addEventListener("beforeunload", (event) => { if (touched) event.preventDefault(); });
})();
