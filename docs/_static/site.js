// Words where the theme has none, or others than those on the screen, for people who hear pages.
for (const summary of document.querySelectorAll("nav details > summary")) {
  const link = summary.closest("li")?.querySelector("a");
  summary.setAttribute("aria-label", `Pages of ${link ? link.textContent.trim() : "this part"}`);
}
for (const worded of document.querySelectorAll(
  ":not(.navbar-persistent--mobile) > .search-button-field, .cell > details > summary, details.hide > summary",
)) {
  worded.removeAttribute("aria-label");
}
