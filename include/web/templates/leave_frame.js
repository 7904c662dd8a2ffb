// Airflow's UI frames these pages in a sandbox that cannot be left by a link: its router is asked instead.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[target=_top]");
  if (!link || window.parent === window || new URL(link.href).origin !== window.location.origin) return;
  event.preventDefault();
  window.parent.history.pushState(null, "", link.href);
  window.parent.dispatchEvent(new PopStateEvent("popstate"));
});
