// Whether a field holds what the page came with; what somebody has filled in must not be lost.
const untouched = (field) => field.matches("[type=checkbox], [type=radio]") ? field.checked === field.defaultChecked
  : field.matches("select") ? field.value === (field.querySelector("option[selected]") ?? field.options[0])?.value
  : field.value === field.defaultValue;
// A page whose <main> says data-every="30" is fetched anew every 30 seconds while it is seen, and says how old it is.
document.addEventListener("DOMContentLoaded", () => {
  const main = document.querySelector("main[data-every]");
  if (!main) return;
  const said = document.getElementById("age");
  let made = Date.now(), trouble = "";
  const say = () => {
    const seconds = Math.round((Date.now() - made) / 1000);
    const age = seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
    said.textContent = `Updated ${age} ago.` + (trouble && ` It could not be updated: ${trouble}.`);
    said.classList.toggle("critical", trouble !== "");
  };
  const update = async () => {
    const focused = document.activeElement;
    if (document.hidden || focused.matches("main input, main select, main textarea")) return;
    if (![...main.querySelectorAll("input, select, textarea")].every(untouched)) return;
    try {
      const answer = await fetch(location.href, { signal: AbortSignal.timeout(20000) });
      if (answer.status === 401) throw new Error("nobody is logged in any more");
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      main.replaceChildren(...page.querySelector("main").childNodes);
      const link = focused.getAttribute("href"); // whoever moves by keyboard stays where they were
      if (link && !focused.isConnected) main.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus();
      [made, trouble] = [Date.now(), ""];
    } catch (error) {
      trouble = error instanceof TypeError ? "the server cannot be reached" : error.message;
    }
    say();
  };
  say();
  setInterval(say, 1000);
  setInterval(update, main.dataset.every * 1000);
});
