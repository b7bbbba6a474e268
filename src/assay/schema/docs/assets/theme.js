// Before anything is shown: the theme that was chosen, else the system's.
"use strict";
(function () {
  let chosen = null;
  try { chosen = localStorage.getItem("assay-theme"); } catch { /* a browser that keeps nothing */ }
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  document.documentElement.classList.add("scripted");
})();
