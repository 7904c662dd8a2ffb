// The theme is Airflow's: its UI keeps the choice in this storage, which all pages of the server share. Without a
// choice, or without storage, it is the system's, as in Airflow.
const followTheme = () => {
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { chosen = null; }
  if (["light", "dark"].includes(chosen)) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
};
followTheme();
window.addEventListener("storage", followTheme); // another document of the server, such as the frame around, changed it
