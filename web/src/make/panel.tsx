// The form: the prompt, the choices, and the button with the price.

import { Choices, MoreChoices } from "./choices";
import { Prompt, Translation } from "./prompt-field";
import type { Studio } from "./studio";
import { SameJob } from "./same-job";
import { SubmitBar } from "./submit-bar";

export function Panel({ studio }: { studio: Studio }) {
  const make = (event: Event) => {
    event.preventDefault();
    void studio.make();
  };
  return (
    <form class="panel" onSubmit={make} onKeyDown={preventSubmitOnChoice} noValidate>
      <Prompt studio={studio} />
      <Translation studio={studio} />
      <Choices studio={studio} />
      <MoreChoices studio={studio} />
      <SubmitBar studio={studio} />
      {studio.sameJob.value && <SameJob studio={studio} job={studio.sameJob.value} />}
    </form>
  );
}

/** Keeps Enter on a choice from submitting the form, as browsers do, because submitting costs money. */
function preventSubmitOnChoice(event: KeyboardEvent): void {
  const isChoice = (event.target as Element).matches("[type=radio], [type=checkbox]");
  if (event.key === "Enter" && isChoice) event.preventDefault();
}
