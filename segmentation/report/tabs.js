// One view at a time; without this script all of them are read one after the other.
(() => {
  const list = document.querySelector("[data-tabs]");
  if (!list) return;
  const tabs = [...list.querySelectorAll("a")];
  const first = Math.max(tabs.findIndex((tab) => "first" in tab.dataset), 0);
  const panels = tabs.map((tab) => document.getElementById(tab.hash.slice(1)));

  document.documentElement.classList.add("js");
  list.setAttribute("role", "tablist");
  tabs.forEach((tab, i) => {
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panels[i].id);
    panels[i].setAttribute("role", "tabpanel");
    panels[i].setAttribute("aria-labelledby", tab.id);
  });

  const show = (shown) => {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", i === shown);
      tab.tabIndex = i === shown ? 0 : -1;
      panels[i].hidden = i !== shown;
    });
  };

  // The address may name a view, or something in one, such as a segment.
  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const shown = panels.findIndex((panel) => target && panel.contains(target));
    show(shown < 0 ? first : shown);
    if (target && shown >= 0 && target !== panels[shown]) target.scrollIntoView();
  };

  const open = (i) => {
    // No jump: the tabs stay where they are.
    if (location.hash !== tabs[i].hash) history.pushState(null, "", tabs[i].hash);
    show(i);
  };

  const steps = { ArrowRight: 1, ArrowLeft: -1 };
  const ends = { Home: 0, End: tabs.length - 1 };
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = event.key in steps
      ? (at + steps[event.key] + tabs.length) % tabs.length
      : event.key === " " ? at : ends[event.key];
    if (to === undefined) return;
    event.preventDefault();
    tabs[to].focus();
    open(to);
  });
  tabs.forEach((tab, i) => tab.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(i);
  }));
  addEventListener("hashchange", follow);
  addEventListener("popstate", follow);
  follow();
})();
