"use strict";
// progress that updates by itself while something moves
const live = document.querySelector("[data-live]");
function follow() {
  const wait = Number(live.querySelector("[data-next]")?.dataset.next || 0);
  if (wait) setTimeout(look, wait * 1000);
}
async function look() {
  if (document.hidden) return setTimeout(look, 3000);
  try {
    const answer = await fetch(live.dataset.live, { headers: { "X-Requested-With": "fetch" } });
    if (answer.redirected) return location.reload();
    const open = live.querySelector("details")?.open;
    if (answer.ok) live.innerHTML = await answer.text();
    if (open) live.querySelector("details")?.setAttribute("open", "");
  } catch { /* the next look tries again */ }
  follow();
}
if (live) follow();

// a form is sent once
document.addEventListener("submit", (event) => {
  if (event.target.method === "get") return;
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "1";
});
addEventListener("pageshow", () => document.querySelectorAll("form").forEach((form) => delete form.dataset.sent));

// the plan of what is typed, by the server's planner
const form = document.getElementById("compose");
if (form) {
  const plan = document.getElementById("plan"), text = form.elements.text;
  let timer, latest = 0;
  form.querySelector(".unscripted").hidden = true;
  const ask = async () => {
    if (!text.value || !(form.elements.file.files.length || form.elements.pasted.value.trim())) return;
    const mine = ++latest;
    plan.setAttribute("aria-busy", "true");
    const body = new FormData(form);
    if (!body.get("reference")) body.set("reference", "-");
    try {
      const answer = await fetch(form.dataset.plan, { method: "POST", body });
      if (mine === latest && answer.ok) {
        plan.innerHTML = await answer.text();
        // the fields stand where they are used
        const found = document.getElementById("found"), place = document.getElementById("fields");
        if (found && place.textContent !== found.textContent) place.replaceChildren(found);
        else found?.remove();
      }
    } finally {
      if (mine === latest) plan.removeAttribute("aria-busy");
    }
  };
  form.addEventListener("input", (event) => {
    if (["consent", "reference"].includes(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(ask, 400);
  });
  form.addEventListener("click", (event) => {
    const field = event.target.dataset.field;
    if (!field) return;
    text.setRangeText(`{{ ${field} }}`, text.selectionStart, text.selectionEnd, "end");
    text.focus();
    text.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
