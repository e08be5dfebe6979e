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

// a draft is saved as one types; the server's planner answers with the parts that have changed
const form = document.getElementById("compose");
if (form) {
  const text = form.elements.text, plan = document.getElementById("plan");
  let timer, running, again = false, asked = false, newList = false, unsent = false, row = new URLSearchParams(location.search).get("row") || "1";
  form.querySelector(".unscripted").hidden = true;
  const someList = () => Boolean(form.elements.file.files.length || form.elements.pasted.value.trim());
  const seen = () => form.elements.fingerprint?.value;
  const take = (html) => {
    const answer = document.createElement("template"), focused = document.activeElement?.id;
    const agreed = form.elements.agreed?.checked, was = seen();
    answer.innerHTML = html;
    for (const part of answer.content.querySelectorAll("[data-place]")) {
      const place = document.getElementById(part.dataset.place);
      if (place.innerHTML !== part.innerHTML) place.replaceChildren(...part.childNodes);
    }
    // the consent is to this plan
    if (agreed && was === seen()) form.elements.agreed.checked = true;
    if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
    const saved = document.querySelector("#status [data-version]")?.dataset.version;
    if (saved) document.querySelectorAll("[name=version]:not(button)").forEach((one) => { one.value = saved; });
    return Boolean(saved);
  };
  const failed = (large) => {
    const said = document.createElement("p");
    said.className = "note error";
    said.textContent = large ? form.dataset.large : form.dataset.failed;
    document.getElementById("status").replaceChildren(said);
  };
  // one at a time: each names the version that it changes
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    if (running) { again = true; return running; }
    running = (async () => {
      let saved = false;
      do {
        again = false;
        const body = new FormData(form), list = newList;
        newList = false;
        body.set("row", row);
        if (asked) body.set("plan", "1");
        asked = false;
        if (!list) { body.delete("file"); body.delete("pasted"); }
        if (form.elements.file.files.length) body.delete("pasted"); // the file counts
        plan.setAttribute("aria-busy", "true");
        try {
          const answer = await fetch(form.dataset.save, { method: "POST", body });
          if (answer.redirected || !answer.ok) throw answer;
          saved = take(await answer.text());
          if (list) unsent = !saved; // such as a workbook whose sheet is not chosen yet
        } catch (error) {
          saved = false;
          const large = error.status === 413;
          if (large) unsent = true; // the same again would be as large
          else newList ||= list; // what was typed goes with the next save
          failed(large);
        }
      } while (again);
      plan.removeAttribute("aria-busy");
      running = undefined;
      return saved;
    })();
    return running;
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(save, 400);
  };
  form.addEventListener("input", (event) => {
    if (event.target.name === "agreed") return;
    if (["file", "pasted"].includes(event.target.name)) newList = true;
    if ("list" in event.target.dataset) newList = someList();
    later();
  });
  form.addEventListener("click", (event) => {
    const { field } = event.target.dataset;
    if (["row", "plan"].includes(event.target.name)) {
      event.preventDefault();
      if (event.target.name === "row") row = event.target.value;
      else asked = true;
      save();
    } else if (field) {
      text.setRangeText(`{{ ${field} }}`, text.selectionStart, text.selectionEnd, "end");
      text.focus();
      text.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
  // a button waits until all is saved, and for another look if that has changed the plan
  form.addEventListener("submit", async (event) => {
    if (form.dataset.sent) return;
    if (timer || running) {
      event.preventDefault();
      event.stopPropagation();
      const was = seen(), name = event.submitter?.value, kind = event.submitter?.name;
      const saved = await save();
      if (!saved && kind !== "version") return;
      if (kind === "act" && was !== seen()) return plan.scrollIntoView();
      const button = kind && form.querySelector(`button[name="${kind}"][value="${name}"]`);
      if (button || !kind) form.requestSubmit(button || undefined);
      return;
    }
    // the list is saved: it need not be sent once more
    if (!newList && !unsent) { form.elements.file.value = ""; form.elements.pasted.value = ""; }
  });
  // what was entered before this script arrived, which on a slow line takes a while
  const asServed = form.cloneNode(true), says = (one) => String(new URLSearchParams(new FormData(one)));
  asServed.reset();
  newList = someList();
  if (newList || says(form) !== says(asServed)) later();
}
