"use strict";
// A shown secret goes from the screen after a minute, and before the browser may keep the page for its Back button.
(() => {
  const secret = document.getElementById("secret");
  const note = document.getElementById("secret-note");
  const forget = () => {
    if (secret.textContent) {
      secret.textContent = "";
      note.textContent = "The secret is not shown any more. To see it again, go back to the key and reveal it anew.";
    }
  };
  setTimeout(forget, 60_000);
  addEventListener("pagehide", forget);
})();
