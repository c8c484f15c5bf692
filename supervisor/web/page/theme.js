/* Before the first paint, so that a dark room stays dark. Not a module: those come later. */
document.documentElement.dataset.theme = localStorage.getItem("ironworks-theme") || "auto";
