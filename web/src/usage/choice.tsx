// A row of radio buttons.

import type { Signal } from "@preact/signals";
import { useId } from "preact/hooks";

interface Props<T extends string | number> {
  name: string;
  options: Record<T, string>;
  chosen: Signal<T>;
}

export function Choice<T extends string | number>({ name, options, chosen }: Props<T>) {
  const group = useId();
  return (
    <fieldset class="choice">
      <legend class="out-of-sight">{name}</legend>
      {Object.entries<string>(options).map(([value, label]) => (
        <label key={value}>
          <input
            type="radio"
            name={group}
            class="out-of-sight"
            checked={String(chosen.value) === value}
            onChange={() => {
              const isNumber = typeof chosen.value === "number";
              chosen.value = (isNumber ? Number(value) : value) as T;
            }}
          />
          {label}
        </label>
      ))}
    </fieldset>
  );
}
