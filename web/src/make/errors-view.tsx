import { useEffect, useRef } from "preact/hooks";
import { type Message, textOf } from "../i18n";
import type { Studio } from "./studio";
import { errorsAt, type Place } from "./errors";

interface FieldErrorProps {
  studio: Studio;
  place: Place;
  /** Another error to show at this place. */
  also?: Message | null;
}

export function errorsOf({ failure, priceProblem }: Studio, place: Place) {
  const problem = priceProblem.value;
  return errorsAt([failure.value, problem && { problem }], place);
}

export function FieldError({ studio, place, also }: FieldErrorProps) {
  const alert = useRef<HTMLParagraphElement>(null);
  const failure = studio.failure.value;
  const texts = [...(also ? [also] : []), ...errorsOf(studio, place)].map(textOf);
  const text = [...new Set(texts)].join(" ");
  useEffect(() => {
    // What the user just did failed; on a phone, the reason may be outside of the window.
    if (failure) alert.current?.scrollIntoView({ block: "nearest" });
  }, [failure]);
  if (!text) return null;
  return (
    <p ref={alert} class="bad" role="alert" id={`${place}-error`}>
      {text}
    </p>
  );
}
