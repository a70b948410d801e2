import { render } from "preact";
import { setLanguage } from "./i18n";
import { CannotStart, Shell } from "./shell";
import { openApp } from "./app-state";
import "./styles/tokens.css";
import "./styles/base.css";

// A page that the browser had put away missed what other tabs did: who signs in, what is erased.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

const [app] = await Promise.all([openApp().catch(() => null), setLanguage()]);
document.body.replaceChildren();
const nothing = (
  <main>
    <CannotStart />
  </main>
);
render(app ? <Shell app={app} /> : nothing, document.body);
