"use strict";
// A select2 box is named by what is chosen in it, which may be nothing: the field's label names it too.
globalThis.django?.jQuery?.(() => {
  for (const select of document.querySelectorAll("select.admin-autocomplete")) {
    const label = document.querySelector(`label[for="${select.id}"]`);
    const chosen = document.getElementById(`select2-${select.id}-container`);
    if (label && chosen) {
      label.id ||= `${select.id}_label`;
      chosen.setAttribute("aria-labelledby", label.id);
      chosen.parentElement.setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
    }
  }
});
