// The strip: shows the chain as frames of film, one per provider.

import type { Video } from "../api";
import { type Message, t, textOf } from "../i18n";
import { shapeOf } from "./crop";
import { estimateOf } from "./request";
import { type Frame, framesOf, NAMES, unmetNeed } from "./stage";
import type { Studio } from "./studio";

export function Strip({ studio, video }: { studio: Studio; video: Video | null }) {
  const models = studio.models.value;
  const frames = video ? framesOf(video, models) : planOf(studio);
  if (!frames.length) return video ? null : <Unknown />;
  return (
    <ol class="strip" aria-label={t("strip")}>
      {frames.map((frame) => (
        <li key={frame.model} class={`frame ${frame.state}`}>
          {frame.state === "delivered" && video?.poster_url && (
            <img src={video.poster_url} alt="" />
          )}
          <strong>{NAMES[frame.model]}</strong>
          {/* No line begins with the dot. */}
          <span>{frame.note.map(textOf).join("\u00a0· ")}</span>
        </li>
      ))}
    </ol>
  );
}

/** A placeholder until the providers are known, so that the layout doesn't shift. */
function Unknown() {
  return (
    <div class="strip" aria-hidden="true">
      {[1, 2, 3, 4].map((one) => (
        <div key={one} class="frame">
          <span>…</span>
        </div>
      ))}
    </div>
  );
}

/** The providers that would be asked now, and what each would make. */
function planOf({ estimate, models, fit, priceProblem }: Studio): Frame[] {
  if (priceProblem.value) {
    return models.value.map(({ ai_model: model }) => ({
      ...{ model, state: "waiting", note: [["planUnknown"]] },
    }));
  }
  const isPaused = estimate.value?.refused?.code === "generation_paused";
  const request = estimateOf(fit.value);
  return (estimate.value?.links ?? []).map((link) => {
    const { ai_model, skipped, duration, cost_usd } = link;
    if (isPaused) {
      return { model: ai_model, state: "waiting", note: [["reason", "generation_paused"]] };
    }
    const model = models.value.find((one) => one.ai_model === ai_model);
    if (!skipped) {
      const shape = shapeOf(link.aspect_ratio, fit.value.image, model);
      const note: Message[] = [["plan", duration, shape, Number(cost_usd)]];
      return { model: ai_model, state: "planned", note };
    }
    const why: Message = unmetNeed(model, request) ?? ["reason", skipped];
    return { model: ai_model, state: "waiting", note: [why] };
  });
}
