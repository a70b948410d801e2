import { say } from "../i18n";
import type { Studio } from "./studio";
import { type Place, troubles } from "./trouble";

interface TroubleProps {
  studio: Studio;
  place: Place;
}

export function troublesOf({ failure, priceProblem }: Studio, place: Place) {
  const problem = priceProblem.value;
  return troubles([failure.value, problem && { problem }], place);
}

export function Trouble({ studio, place }: TroubleProps) {
  const said = troublesOf(studio, place).map(say).join(" ");
  if (!said) return null;
  return (
    <p class="bad" role="alert" id={`${place}-trouble`}>
      {said}
    </p>
  );
}
